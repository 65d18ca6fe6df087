# cmake --install build/release --prefix DIR: the program, the libraries, and a package for find_package(spikemix).
include(CMakePackageConfigHelpers)
get_property(libraries GLOBAL PROPERTY SPIKEMIX_LIBRARIES)
install(TARGETS spikemix RUNTIME)
install(TARGETS ${libraries} EXPORT spikemix_targets ARCHIVE)
install(DIRECTORY spikemix TYPE INCLUDE FILES_MATCHING PATTERN "*.h" PATTERN "*_test.h" EXCLUDE)
install(EXPORT spikemix_targets NAMESPACE spikemix:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)
configure_package_config_file(cmake/spikemix-config.cmake.in ${PROJECT_BINARY_DIR}/spikemix-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/spikemix-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/spikemix-config.cmake ${PROJECT_BINARY_DIR}/spikemix-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/spikemix)
