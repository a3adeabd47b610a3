# A wheel out of a build tree that is there already, with ATTNLAB_PYTHON: installs that tree and its extension module,
# compiles nothing. Code may be for this machine's processor only.
file(GLOB module ${ATTNLAB_BUILT}/python/attnlab/_core.*.so)
list(LENGTH module count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "ATTNLAB_BUILT: ${ATTNLAB_BUILT} has ${count} extension modules, expected one.")
endif()
install(FILES ${module} DESTINATION ${SKBUILD_PLATLIB_DIR}/attnlab)
install(CODE "execute_process(COMMAND ${CMAKE_COMMAND} --install ${ATTNLAB_BUILT} --component Unspecified --prefix \${CMAKE_INSTALL_PREFIX}
                              OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)")
