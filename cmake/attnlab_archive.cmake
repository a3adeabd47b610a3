# cpack --config <build tree>/CPackConfig.cmake: the installed tree as attnlab-<version>-linux-<processor>.tar.gz.
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/docs/emulator/scores.cu DESTINATION ${CMAKE_INSTALL_DOCDIR})
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(CPACK_PACKAGE_FILE_NAME attnlab-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_GENERATOR TGZ)
set(CPACK_THREADS 0)
set(CPACK_VERBATIM_VARIABLES ON)
# Not the component of the Python package: that is the wheel's, and for one version of Python.
set(CPACK_INSTALL_CMAKE_PROJECTS ${PROJECT_BINARY_DIR} attnlab Unspecified /)
include(CPack)
