# Everything that is not the project's own idea comes from a well-kept library; script/bootstrap installs them all.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(hwy REQUIRED)
find_package(LibArchive REQUIRED)
find_package(PNG REQUIRED)
find_package(tomlplusplus REQUIRED)

# SVE's vectors have no size at compile time: they cannot stand in arrays and structs, as the kernels' sums and neurons
# do, and lanes that are counted at compile time would be too many. Arm machines run NEON. (script/check_arm)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set_property(TARGET hwy::hwy APPEND PROPERTY
    INTERFACE_COMPILE_DEFINITIONS "HWY_DISABLED_TARGETS=(HWY_SVE|HWY_SVE2|HWY_SVE_256|HWY_SVE2_128)")
endif()

# libjpeg-turbo's own interface: no CMake package on Debian 12.
find_path(TURBOJPEG_INCLUDE_DIR turbojpeg.h REQUIRED)
find_library(TURBOJPEG_LIBRARY turbojpeg REQUIRED)
add_library(spikemix_turbojpeg UNKNOWN IMPORTED)
set_target_properties(spikemix_turbojpeg PROPERTIES
  IMPORTED_LOCATION ${TURBOJPEG_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${TURBOJPEG_INCLUDE_DIR})

# Sean Barrett's single-file libraries; SYSTEM keeps our warnings off them.
find_path(STB_INCLUDE_DIR stb_image_resize.h PATH_SUFFIXES stb REQUIRED)
add_library(spikemix_stb INTERFACE IMPORTED)
target_include_directories(spikemix_stb SYSTEM INTERFACE ${STB_INCLUDE_DIR})

# Event recordings: AEDAT 4 is flatbuffers and XML, compressed; ISA-L (isal) unpacks npz, zlib sums up the cache.
find_path(FLATBUFFERS_INCLUDE_DIR flatbuffers/flatbuffers.h REQUIRED)  # its headers only; its package asks for its compiler
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

if(SPIKEMIX_TRAIN)
  # LibTorch from the wheel that SPIKEMIX_PYTHON imports, unless CMAKE_PREFIX_PATH or Torch_DIR names another one.
  if(NOT Torch_DIR)
    execute_process(COMMAND ${SPIKEMIX_PYTHON} -c "import torch; print(torch.utils.cmake_prefix_path)"
      WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE torch_prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list(APPEND CMAKE_PREFIX_PATH ${torch_prefix})
  endif()
  find_package(OpenMP REQUIRED)
  find_package(Torch REQUIRED)
  if(Torch_VERSION VERSION_LESS 2.11)
    message(FATAL_ERROR "LibTorch ${Torch_VERSION} at ${Torch_DIR} is too old: 2.11 to 2.13 work")
  endif()
  # c10d's header of Gloo includes headers that the wheels do not hold: see gloo_names.h.
  find_path(GLOO_INCLUDE_DIR gloo/context.h PATHS ${TORCH_INCLUDE_DIRS} NO_DEFAULT_PATH)
  if(NOT GLOO_INCLUDE_DIR)
    foreach(header algorithm common/error context rendezvous/store transport/device)
      file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gloo/gloo/${header}.h CONTENT "#include \"spikemix/train/gloo_names.h\"\n")
    endforeach()
    set_source_files_properties(spikemix/train/process_group.cc PROPERTIES INCLUDE_DIRECTORIES ${PROJECT_BINARY_DIR}/gloo)
  endif()
  # NCCL, for ranks on GPUs: where this LibTorch has CUDA and NCCL's header is there.
  if(TARGET torch_cuda)
    find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${TORCH_INSTALL_PREFIX}/../nvidia/nccl/include)
    if(NCCL_INCLUDE_DIR)
      set_property(SOURCE spikemix/train/process_group.cc APPEND PROPERTY INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR})
      set_property(SOURCE spikemix/train/process_group.cc APPEND PROPERTY COMPILE_DEFINITIONS SPIKEMIX_NCCL USE_C10D_NCCL)
    endif()
  endif()
endif()

if(SPIKEMIX_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()
