# SPDX-License-Identifier: MIT
# Everything outside the project's own ideas comes from a well-maintained library; script/bootstrap installs them all.
if(SPIKEMIX_PACKAGE)  # a wheel brings its libraries along: inside of the module where there are static ones
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
endif()
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(hwy REQUIRED)
find_package(LibArchive REQUIRED)
find_package(PNG REQUIRED)
find_package(tomlplusplus REQUIRED)

# SVE's vectors have no size at compile time: they cannot be in arrays and structs, as the kernels' sums and neurons
# are, and lanes counted at compile time would be too many. Arm machines run NEON. (script/check_arm)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set_property(TARGET hwy::hwy APPEND PROPERTY
    INTERFACE_COMPILE_DEFINITIONS "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
endif()

# No copy of the kernels for SSSE3, which would be an eighth of their code: processors that have it without SSE4 (65 nm
# Core 2, the first Atoms, Bobcat) run the baseline.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_property(TARGET hwy::hwy APPEND PROPERTY INTERFACE_COMPILE_DEFINITIONS "HWY_DISABLED_TARGETS=HWY_SSSE3")
endif()

# Pictures. libwebp has no CMake package on Debian 12.
find_package(GIF 5 REQUIRED)
find_package(JPEG REQUIRED)
find_package(TIFF 4.5 REQUIRED)
find_path(WEBP_INCLUDE_DIR webp/decode.h REQUIRED)
foreach(library webp webpdemux)
  string(TOUPPER ${library} upper)
  find_library(${upper}_LIBRARY ${library} REQUIRED)
  add_library(spikemix_${library} UNKNOWN IMPORTED)
  set_target_properties(spikemix_${library} PROPERTIES
    IMPORTED_LOCATION ${${upper}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${WEBP_INCLUDE_DIR})
endforeach()

# Sean Barrett's single-file libraries; SYSTEM keeps our warnings off them.
find_path(STB_INCLUDE_DIR stb_image_resize.h PATH_SUFFIXES stb REQUIRED)
add_library(spikemix_stb INTERFACE IMPORTED)
target_include_directories(spikemix_stb SYSTEM INTERFACE ${STB_INCLUDE_DIR})

# Event recordings: AEDAT 4 is flatbuffers and XML, compressed; ISA-L (isal) unpacks npz, and zlib computes the cache's
# checksums. Only flatbuffers' headers are used: its CMake package requires its compiler.
find_path(FLATBUFFERS_INCLUDE_DIR flatbuffers/flatbuffers.h REQUIRED)
find_package(pugixml REQUIRED)
find_package(ZLIB REQUIRED)
foreach(library isal lz4 zstd)  # no CMake package on Debian 12, or one of another name on Ubuntu
  string(TOUPPER ${library} upper)
  set(header ${library}.h)
  if(library STREQUAL lz4)
    set(header lz4frame.h)
  elseif(library STREQUAL isal)
    set(header isa-l.h)
  endif()
  find_path(${upper}_INCLUDE_DIR ${header} REQUIRED)
  find_library(${upper}_LIBRARY ${library} REQUIRED)
  add_library(spikemix_${library} UNKNOWN IMPORTED)
  set_target_properties(spikemix_${library} PROPERTIES
    IMPORTED_LOCATION ${${upper}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${upper}_INCLUDE_DIR})
endforeach()

if(SPIKEMIX_PACKAGE)
  include(static_libraries)
endif()

if(SPIKEMIX_TRAIN)
  find_package(OpenMP REQUIRED)
  include(torch)
  if(torch_problem)
    message(FATAL_ERROR "${torch_problem}")
  elseif(torch_remark)
    message(WARNING "${torch_remark}")
  endif()
  include(process_group)
endif()

if(SPIKEMIX_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()
