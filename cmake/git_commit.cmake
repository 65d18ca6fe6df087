# Runs at every build (cmake -P): writes version.cc, and touches it only if the commit has changed.
execute_process(COMMAND git describe --always --dirty --abbrev=12 WORKING_DIRECTORY ${SOURCE_DIR}
  OUTPUT_VARIABLE GIT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT GIT_COMMIT)
  set(GIT_COMMIT unknown)
endif()
configure_file(${SOURCE_DIR}/cmake/version.cc.in ${OUTPUT} @ONLY)
