# SPDX-License-Identifier: MIT
# spikemix_install_third_party(COMPONENT FOLDER TARGET...): installs THIRD-PARTY.md, the licences of what stands in the
# targets' files, written by script/third_party.py when they are installed. It asks Ninja for the headers, and the
# linker's maps for the archives. Without Ninja or Python there is no such file.
function(spikemix_install_third_party component folder)
  find_program(SPIKEMIX_PYTHON3 python3)
  if(NOT SPIKEMIX_PYTHON3 OR NOT CMAKE_GENERATOR MATCHES "Ninja" OR SPIKEMIX_SANITIZE)
    message(STATUS "Installed without THIRD-PARTY.md, which needs Ninja and python3")
    return()
  endif()
  set(arguments --ninja ${CMAKE_MAKE_PROGRAM} --build ${PROJECT_BINARY_DIR} --version ${PROJECT_VERSION})
  if(CMAKE_CROSSCOMPILING)
    list(APPEND arguments --root ${CMAKE_SYSROOT})
  endif()
  if(SPIKEMIX_PACKAGE)
    list(APPEND arguments --wheel)
  endif()
  foreach(target ${ARGN})
    target_link_options(${target} PRIVATE LINKER:-Map=${PROJECT_BINARY_DIR}/${target}.map)
    list(APPEND arguments ${target}=$<TARGET_FILE:${target}>)
  endforeach()
  set(page ${PROJECT_BINARY_DIR}/THIRD-PARTY.md)
  list(JOIN arguments "\" \"" arguments)
  install(CODE "execute_process(COMMAND \"${SPIKEMIX_PYTHON3}\" \"${PROJECT_SOURCE_DIR}/script/third_party.py\"
    -o \"${page}\" \"${arguments}\" COMMAND_ERROR_IS_FATAL ANY)" COMPONENT ${component})
  install(FILES ${page} COMPONENT ${component} DESTINATION ${folder})
endfunction()
