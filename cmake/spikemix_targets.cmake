# SPDX-License-Identifier: MIT
# How a folder becomes a target. A folder spikemix/X is the library spikemix::X; its *_test.cc (and *_test.c: C99, for
# headers that C programs include) are the program X_test; its *_bench.cc are the program X_bench.
include(GNUInstallDirs)

add_library(spikemix_options INTERFACE)
target_compile_features(spikemix_options INTERFACE cxx_std_20)
target_compile_options(spikemix_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wno-unknown-pragmas>
  $<$<COMPILE_LANGUAGE:C>:-std=c99;-Wall;-Wextra;-Wpedantic>)
# Multiplications and additions are fused only where the code says MulAdd, which gives the same bits on every processor
# (otherwise GCC fuses what it can on Arm, and in the kernels' AVX2).
target_compile_options(spikemix_options INTERFACE -ffp-contract=off)
# A program leaves out what it never calls (mostly the kernels' backward passes).
target_compile_options(spikemix_options INTERFACE -ffunction-sections -fdata-sections)
target_link_options(spikemix_options INTERFACE -Wl,--gc-sections)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms in std::string before GCC 13.
  target_compile_options(spikemix_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
  # GCC 13 takes a reference to something static for one into a temporary argument.
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(spikemix_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-reference>)
  endif()
endif()
if(SPIKEMIX_WERROR)
  target_compile_options(spikemix_options INTERFACE -Werror)
endif()
if(SPIKEMIX_SANITIZE)
  # For the whole build, including linking; frame pointers make the reports readable.
  add_compile_options(-fsanitize=${SPIKEMIX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SPIKEMIX_SANITIZE})
endif()

# spikemix_use_torch(TARGET): includes and links LibTorch, and shares one precompiled header, because LibTorch's headers
# alone take half a minute to parse.
function(spikemix_use_torch target)
  # OpenMP: at::parallel_for is a template, and a plain loop where the compiler has no OpenMP.
  # libstdc++ first: LibTorch's libraries export functions of std::filesystem, and those in CUDA's wheels crash.
  target_link_libraries(${target} PUBLIC stdc++ torch torch_cpu c10 OpenMP::OpenMP_CXX)
  # LibTorch includes fmt's headers in another version than the system's library, and they come first.
  target_compile_definitions(${target} PUBLIC FMT_HEADER_ONLY=1)
  # A newer LibTorch deprecates what the older ones need.
  target_compile_options(${target} PRIVATE -Wno-error=deprecated-declarations)
  if(target STREQUAL spikemix_nn)
    target_precompile_headers(${target} PRIVATE ${PROJECT_SOURCE_DIR}/spikemix/nn/torch.h)
  else()
    target_precompile_headers(${target} REUSE_FROM spikemix_nn)
    # A precompiled header only fits code compiled with the same flags: -fPIC for programs too, instead of CMake's
    # -fPIE.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endfunction()

# TORCH: with LibTorch. QUICK: see spikemix_quick(). SMALL: see spikemix_small().
function(spikemix_library name)
  cmake_parse_arguments(ARG "TORCH;QUICK;SMALL" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/spikemix/${name}/*.cc)
  set(tests ${sources})
  set(benches ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  file(GLOB_RECURSE c_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/spikemix/${name}/*_test.c)
  list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|bench)\\.cc$")

  add_library(spikemix_${name} STATIC ${sources})
  add_library(spikemix::${name} ALIAS spikemix_${name})
  set_target_properties(spikemix_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(spikemix_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(spikemix_${name}
    PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS} $<BUILD_INTERFACE:spikemix_options>)
  target_compile_features(spikemix_${name} PUBLIC cxx_std_20)
  set(component ENGINE)  # of the installed package
  if(ARG_TORCH)
    set(component TRAIN)
    spikemix_use_torch(spikemix_${name})
  endif()
  if(ARG_QUICK)
    spikemix_quick(spikemix_${name})
  endif()
  if(ARG_SMALL)
    spikemix_small(spikemix_${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY SPIKEMIX_${component}_LIBRARIES spikemix_${name})

  if(SPIKEMIX_TESTS AND tests)
    spikemix_program(${name}_test QUICK SOURCES ${tests} ${c_tests}
      DEPS spikemix::${name} ${ARG_PRIVATE_DEPS} GTest::gmock GTest::gtest_main)
    set_property(GLOBAL APPEND PROPERTY SPIKEMIX_TESTS ${name}_test)
    if(ARG_TORCH)
      spikemix_use_torch(${name}_test)
    endif()
  endif()
  if(SPIKEMIX_TESTS AND benches)
    spikemix_program(${name}_bench SOURCES ${benches}
      DEPS spikemix::${name} ${ARG_PRIVATE_DEPS} benchmark::benchmark benchmark::benchmark_main)
    if(ARG_TORCH)
      spikemix_use_torch(${name}_bench)
    endif()
  endif()
endfunction()

# For code whose speed and size do not matter (tests; the training loop around LibTorch and the kernels): compiles fast.
function(spikemix_quick target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# For code whose speed does not matter but whose size does: it is in the program that runs without LibTorch (commands,
# configs, plans).
function(spikemix_small target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Os>)
endfunction()

# QUICK: see spikemix_quick().
function(spikemix_program name)
  cmake_parse_arguments(ARG "QUICK" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(ARG_QUICK)
    spikemix_quick(${name})
    if(SPIKEMIX_SANITIZE)  # instrumented templates (JSON, matchers) take twice as long to optimise
      target_compile_options(${name} PRIVATE -O0)
    endif()
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} spikemix_options)
endfunction()

# base/version.h's values: the project's version and the git commit, looked up at each build.
function(spikemix_version)
  set(output ${PROJECT_BINARY_DIR}/version.cc)
  add_custom_target(spikemix_git_commit BYPRODUCTS ${output}
    COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DOUTPUT=${output} -DPROJECT_VERSION=${PROJECT_VERSION}
      -P ${PROJECT_SOURCE_DIR}/cmake/git_commit.cmake)
  add_dependencies(spikemix_base spikemix_git_commit)
  target_sources(spikemix_base PRIVATE ${output})
endfunction()

# build/<preset>/spikemix: main.cc and one file for each subcommand, without LibTorch, so that it starts in
# milliseconds. Next to it is spikemix-torch, to which it hands over (cli/torch_half.h). Commands that need the training
# half are in cli/train/ and include only its headers without Torch, so they compile in seconds.
function(spikemix_cli)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/spikemix/cli/*.cc)
  if(SPIKEMIX_TRAIN)
    file(GLOB train_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/spikemix/cli/train/*.cc)
  endif()
  file(GLOB recipes CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/recipes/*.toml)
  set(embedded ${PROJECT_BINARY_DIR}/recipes.cc)
  add_custom_command(OUTPUT ${embedded} DEPENDS ${recipes} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -DOUTPUT=${embedded}
      -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake)
  set(model ${PROJECT_SOURCE_DIR}/models/cifar10-cpu.safetensors)
  set(builtin_model ${PROJECT_BINARY_DIR}/builtin_model.S)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/builtin_model.S.in ${builtin_model} @ONLY)
  set_source_files_properties(${builtin_model} PROPERTIES OBJECT_DEPENDS ${model})
  # Commands are compiled once; code that depends on the training half (SPIKEMIX_TRAIN) once for each program.
  set(both ${CMAKE_CURRENT_SOURCE_DIR}/spikemix/cli/main.cc ${CMAKE_CURRENT_SOURCE_DIR}/spikemix/cli/runner.cc)
  list(REMOVE_ITEM sources ${both})
  add_library(spikemix_commands OBJECT ${sources} ${embedded} ${builtin_model})
  target_link_libraries(spikemix_commands
    PUBLIC spikemix::engine spikemix::count spikemix::scaling spikemix::report spikemix::data spikemix::events
      spikemix::import spikemix::mixers CLI11::CLI11
    PRIVATE spikemix_options)
  spikemix_small(spikemix_commands)
  spikemix_program(spikemix QUICK SOURCES ${both} DEPS spikemix_commands)
  if(SPIKEMIX_TRAIN)
    spikemix_program(spikemix-torch QUICK SOURCES ${both} ${train_sources} DEPS spikemix_commands spikemix::train)
    target_compile_definitions(spikemix-torch PRIVATE SPIKEMIX_TRAIN)
    # The installed program finds the LibTorch that it was built with, which may be inside the project (.venv).
    set_target_properties(spikemix-torch PROPERTIES INSTALL_RPATH ${TORCH_INSTALL_PREFIX}/lib)
    add_dependencies(spikemix spikemix-torch)
    install(TARGETS spikemix-torch RUNTIME)
  endif()
endfunction()

# libspikemix.so: the engine with only the names of its C API (c_api.map).
function(spikemix_shared_library)
  add_library(spikemix_shared SHARED spikemix/engine/c_api.cc)
  set_target_properties(spikemix_shared PROPERTIES OUTPUT_NAME spikemix EXPORT_NAME shared UNITY_BUILD OFF
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
    LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/c_api.map)
  target_link_libraries(spikemix_shared PRIVATE spikemix::engine spikemix_options)
  target_link_options(spikemix_shared PRIVATE LINKER:--version-script=${PROJECT_SOURCE_DIR}/cmake/c_api.map
    LINKER:--as-needed LINKER:-z,defs)
  add_dependencies(spikemix spikemix_shared)
endfunction()
