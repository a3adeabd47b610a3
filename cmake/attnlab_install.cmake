# cmake --install: the program, the libraries with their headers below include/attnlab/, the data files below
# share/attnlab/ (both keep their paths from the root of the source tree), and the package that
# find_package(attnlab) reads.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attnlab)

# attnlab::attnlab: all the libraries at once.
add_library(attnlab_attnlab INTERFACE)
add_library(attnlab::attnlab ALIAS attnlab_attnlab)
set_target_properties(attnlab_attnlab PROPERTIES EXPORT_NAME attnlab)
target_link_libraries(attnlab_attnlab INTERFACE attnlab_reference attnlab_oracle attnlab_simulator attnlab_emulator
                                                 attnlab_files)

if(ATTNLAB_BUNDLE)
  # Debian's and Ubuntu's releases differ in the versions of these. What they need themselves is on every system.
  set(bundle ${CMAKE_INSTALL_LIBDIR}/attnlab)
  file(RELATIVE_PATH bundle_from_bin /${CMAKE_INSTALL_BINDIR} /${bundle})
  set_target_properties(attnlab PROPERTIES INSTALL_RPATH "$ORIGIN/${bundle_from_bin}")
  install(TARGETS attnlab
          RUNTIME_DEPENDENCIES PRE_INCLUDE_REGEXES "^libfmt[.]" "^libboost_context[.]" "^libzip[.]" PRE_EXCLUDE_REGEXES .*
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} LIBRARY DESTINATION ${bundle})
else()
  install(TARGETS attnlab RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS attnlab_os attnlab_reference attnlab_oracle attnlab_simulator attnlab_emulator attnlab_files attnlab_attnlab
        EXPORT attnlab ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT attnlab NAMESPACE attnlab:: FILE attnlabTargets.cmake DESTINATION ${package_dir})

# attnlab_install_files(<destination> <pattern>...): the files of those names, each below its own folder.
function(attnlab_install_files destination)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE patterns)
  file(GLOB_RECURSE files RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${patterns})
  foreach(file IN LISTS files)
    get_filename_component(folder ${file} DIRECTORY)
    install(FILES ${file} DESTINATION ${destination}/${folder})
  endforeach()
endfunction()
attnlab_install_files(${CMAKE_INSTALL_INCLUDEDIR}/attnlab os/*.h reference/*.h oracle/*.h simulator/*.h files/*.h)
# The kernels, for `attnlab emulate --kernel`.
attnlab_install_files(${CMAKE_INSTALL_INCLUDEDIR}/attnlab cuda/*.h cuda/*.cuh cuda/*.cu)
# CUDA's headers have names without .h too, such as cuda/barrier.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/simulator/emulator/cuda_headers
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/attnlab/simulator/emulator)
attnlab_install_files(${CMAKE_INSTALL_DATADIR}/attnlab reference/*.json simulator/*.json experiments/*.py
                      experiments/experiment.json experiments/paper.csv experiments/mooncake.csv experiments/*.safetensors
                      cuda/counters/*.csv cuda/probes/*.csv
                      # Of the labs what a student gets, and what the grader needs; no solutions.
                      labs/README.md labs/README.zh.md labs/handout.cpp labs/handout.cu labs/lab.h labs/grade.json
                      labs/probe.cu)
foreach(lab IN LISTS attnlab_labs_with_mutants)
  install(PROGRAMS $<TARGET_FILE:attnlab_mutants_${lab}> DESTINATION ${CMAKE_INSTALL_DATADIR}/attnlab/labs/${lab} RENAME mutants)
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/attnlabConfig.cmake.in attnlabConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(attnlabConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/attnlabConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/attnlabConfigVersion.cmake
              ${PROJECT_SOURCE_DIR}/cmake/FindLibZip.cmake
        DESTINATION ${package_dir})
