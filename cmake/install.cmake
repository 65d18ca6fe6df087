# SPDX-License-Identifier: MIT
# cmake --install build/release --prefix DIR: the program, the libraries, and packages for find_package(spikemix) and
# for pkg-config (spikemix-engine: the part that runs models).
include(CMakePackageConfigHelpers)
include(third_party)
install(TARGETS spikemix RUNTIME COMPONENT program)
# The public headers: those that users include, and those that they include. They include only the standard library and
# each other, and nothing of Highway, JSON, fmt or LibTorch (tests/test_install.py).
set(engine_headers base/exceptions.h base/op_count.h config/model_config.h engine/c_api.h engine/image_input.h
  engine/network.h engine/precision.h engine/session.h formats/model_card.h mixers/mixer.h)
set(train_headers config/augment_config.h config/config.h config/data_config.h config/train_config.h
  data/open_listener.h train/launch.h train/schedule.h train/trainer.h)
# What needs LibTorch is a separate component (train): nobody who only runs models needs it.
foreach(component engine train)
  string(TOUPPER ${component} upper)
  get_property(libraries GLOBAL PROPERTY SPIKEMIX_${upper}_LIBRARIES)
  if(libraries)
    foreach(header ${${component}_headers})
      cmake_path(GET header PARENT_PATH room)
      install(FILES spikemix/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/spikemix/${room})
    endforeach()
    install(TARGETS ${libraries} EXPORT spikemix_${component}_targets ARCHIVE)
    install(EXPORT spikemix_${component}_targets NAMESPACE spikemix::
      DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)
  endif()
endforeach()
# The C API in a shared library: enough for callers from C, Rust or Python's ctypes.
if(TARGET spikemix_shared)
  install(TARGETS spikemix_shared EXPORT spikemix_shared_targets
    LIBRARY COMPONENT c NAMELINK_COMPONENT c
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT spikemix_shared_targets NAMESPACE spikemix:: COMPONENT c
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)
  install(FILES spikemix/engine/c_api.h COMPONENT c DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/spikemix/engine)
endif()
configure_package_config_file(cmake/spikemix-config.cmake.in ${PROJECT_BINARY_DIR}/spikemix-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/spikemix-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/spikemix-config.cmake ${PROJECT_BINARY_DIR}/spikemix-config-version.cmake
  cmake/torch.cmake
  COMPONENT c DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)

set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
# Found relative to the file's own place, so that the installed folder can be moved.
file(RELATIVE_PATH PREFIX_FROM_PKGCONFIG /prefix/${pkgconfig_dir} /prefix)
string(REGEX REPLACE "/$" "" PREFIX_FROM_PKGCONFIG "${PREFIX_FROM_PKGCONFIG}")
configure_file(cmake/spikemix-engine.pc.in ${PROJECT_BINARY_DIR}/spikemix-engine.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/spikemix-engine.pc DESTINATION ${pkgconfig_dir})
if(TARGET spikemix_shared)
  configure_file(cmake/spikemix.pc.in ${PROJECT_BINARY_DIR}/spikemix.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/spikemix.pc COMPONENT c DESTINATION ${pkgconfig_dir})
endif()

# The licences: our own, and those of what is linked. In a wheel they stand with its metadata.
if(SPIKEMIX_PACKAGE)
  spikemix_install_third_party(python "${SKBUILD_METADATA_DIR}/licenses" _core)
else()
  install(FILES LICENSE COMPONENT program DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
  spikemix_install_third_party(program ${CMAKE_INSTALL_DOCDIR} spikemix spikemix_shared)
endif()

# cpack --config build/release/CPackConfig.cmake -B build/packages: a .deb and a tarball of the program, libspikemix.so
# and its header.
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME spikemix)
set(CPACK_PACKAGE_VENDOR spikemix)
set(CPACK_PACKAGE_CONTACT "spikemix <spikemix@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Runs spiking transformers on a CPU: a program, and a shared library for C")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGE_FILE_NAME spikemix-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program c)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
if(CMAKE_CROSSCOMPILING)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS OFF)
  set(CPACK_SPIKEMIX_FILES ${PROJECT_BINARY_DIR}/spikemix ${PROJECT_BINARY_DIR}/libspikemix.so)
  set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/deb_depends.cmake)
  set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
endif()
include(CPack)
