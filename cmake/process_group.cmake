# SPDX-License-Identifier: MIT
# The parts of LibTorch that spikemix/train's gloo.cc and process_group.cc need beyond its wheel. c10d's header for Gloo
# includes headers that the wheels do not contain: see gloo_names.h.
find_path(GLOO_INCLUDE_DIR gloo/context.h PATHS ${TORCH_INCLUDE_DIRS} NO_DEFAULT_PATH)
if(NOT GLOO_INCLUDE_DIR)
  foreach(header algorithm common/error context rendezvous/store transport/device)
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/gloo/gloo/${header}.h
      CONTENT "#include \"spikemix/train/gloo_names.h\"\n")
  endforeach()
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/spikemix/train/gloo.cc APPEND PROPERTY INCLUDE_DIRECTORIES
    ${PROJECT_BINARY_DIR}/gloo)
endif()

# NCCL, for ranks on GPUs, if this LibTorch has CUDA and the headers of both exist.
if(EXISTS ${torch_root}/lib/libtorch_cuda.so)
  file(GLOB wheels ${torch_root}/../nvidia/*/include)
  find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${wheels})
  find_path(CUDA_INCLUDE_DIR crt/host_config.h HINTS ${wheels} /usr/local/cuda/include)
  find_path(CCCL_INCLUDE_DIR nv/target HINTS ${wheels} /usr/local/cuda/include)
  if(NCCL_INCLUDE_DIR AND CUDA_INCLUDE_DIR AND CCCL_INCLUDE_DIR)
    set(process_group ${PROJECT_SOURCE_DIR}/spikemix/train/process_group.cc)
    set_property(SOURCE ${process_group} APPEND PROPERTY INCLUDE_DIRECTORIES ${NCCL_INCLUDE_DIR} ${CUDA_INCLUDE_DIR}
      ${CCCL_INCLUDE_DIR} ${wheels})
    set_property(SOURCE ${process_group} APPEND PROPERTY COMPILE_DEFINITIONS SPIKEMIX_NCCL USE_C10D_NCCL)
  else()
    message(STATUS "Without NCCL, and so with one GPU for a training: nccl.h, or CUDA's crt/host_config.h or "
      "nv/target, is not there (pip's nvidia-cuda-crt and nvidia-cuda-cccl, or a CUDA toolkit)")
  endif()
endif()
