# SPDX-License-Identifier: MIT
# Cross-compiling for 64-bit Arm on Debian (preset arm64) with Debian's cross compiler and its arm64 libraries, unpacked
# into SPIKEMIX_ARM64_ROOT (by default where script/check_arm puts them). Tests run under qemu-user.
set(SPIKEMIX_ARM64_ROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-root CACHE PATH
  "A Debian for arm64: headers and libraries")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SPIKEMIX_ARM64_ROOT)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT ${SPIKEMIX_ARM64_ROOT})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${SPIKEMIX_ARM64_ROOT})
