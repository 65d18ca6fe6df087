# SPDX-License-Identifier: MIT
# LibTorch: the one that Torch_DIR or CMAKE_PREFIX_PATH names; otherwise, in this build, the wheel that SPIKEMIX_PYTHON
# imports, and in another project, the one that spikemix was built with. Sets torch_problem, in one line, if none is
# usable, and torch_remark if nobody has tried it. Installed next to spikemix-config.cmake, which includes it, too.
set(torch_problem "")
set(torch_remark "")
set(spikemix_oldest_torch 2.11)
set(spikemix_newest_torch 2.14)  # of those that were tried (script/check_torch)
if(NOT Torch_DIR AND SPIKEMIX_PYTHON)
  execute_process(COMMAND ${SPIKEMIX_PYTHON} -c "import torch; print(torch.utils.cmake_prefix_path)"
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} OUTPUT_VARIABLE torch_prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  list(APPEND CMAKE_PREFIX_PATH ${torch_prefix})
endif()
find_path(Torch_DIR TorchConfig.cmake PATHS ${spikemix_built_with_torch} PATH_SUFFIXES Torch share/cmake/Torch)
if(NOT EXISTS ${Torch_DIR}/TorchConfig.cmake)
  string(CONCAT torch_problem "Torch_DIR (${Torch_DIR}) holds no LibTorch; give "
    "-DTorch_DIR=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)')/Torch")
  return()
endif()
file(STRINGS ${Torch_DIR}/TorchConfigVersion.cmake torch_version REGEX "set\\(PACKAGE_VERSION \"")
string(REGEX REPLACE ".*\"(.*)\".*" "\\1" torch_version "${torch_version}")
set(torch_tried "${spikemix_oldest_torch} to ${spikemix_newest_torch}")
string(REGEX MATCH "^[0-9]+\\.[0-9]+" torch_minor "${torch_version}")
if(torch_minor VERSION_LESS spikemix_oldest_torch)
  set(torch_problem "LibTorch ${torch_version} at ${Torch_DIR} is too old: ${torch_tried} work")
  return()
elseif(torch_minor VERSION_GREATER spikemix_newest_torch)
  string(CONCAT torch_remark "LibTorch ${torch_version} at ${Torch_DIR} has never been tried with spikemix: "
    "${torch_tried} work; script/check_torch tries another")
endif()
get_filename_component(torch_root "${Torch_DIR}/../../.." ABSOLUTE)
if(EXISTS ${torch_root}/lib/libtorch_cuda.so AND NOT TARGET torch)
  # Its own package requires nvcc of the same CUDA. Nothing here is compiled by nvcc: the kernels are in LibTorch's
  # libraries, and CUDA's libraries are in the wheels that pip installed, where those find them.
  set(TORCH_INSTALL_PREFIX ${torch_root})
  set(TORCH_INCLUDE_DIRS ${torch_root}/include ${torch_root}/include/torch/csrc/api/include)
  foreach(library c10 torch_cpu torch)
    add_library(${library} SHARED IMPORTED)
    set_target_properties(${library} PROPERTIES IMPORTED_LOCATION ${torch_root}/lib/lib${library}.so)
  endforeach()
  target_include_directories(torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_compile_definitions(torch INTERFACE USE_DISTRIBUTED USE_C10D_GLOO)
  # Loaded although none of its symbols is used: its operators register themselves.
  target_link_libraries(torch INTERFACE torch_cpu c10
    "-Wl,--no-as-needed,${torch_root}/lib/libtorch_cuda.so,--as-needed")
  target_link_options(torch INTERFACE LINKER:--allow-shlib-undefined)
elseif(NOT TARGET torch)
  find_package(Torch REQUIRED)
endif()
