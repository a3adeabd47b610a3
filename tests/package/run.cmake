# cmake -D build=<build tree> -D work=<scratch folder> -D options=<configure arguments> -P run.cmake:
# installs attnlab to a prefix of its own, then builds a small project against it and runs that.
cmake_minimum_required(VERSION 3.22)

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "failed (${failed}): ${command}\n${output}")
  endif()
endfunction()

set(prefix ${work}/prefix)
file(REMOVE_RECURSE ${work})
step(${CMAKE_COMMAND} --install ${build} --prefix ${prefix})
# The programs go where a package would put them, so that data is found by the path from the program.
step(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${work}/build -DCMAKE_PREFIX_PATH=${prefix}
     -DCMAKE_RUNTIME_OUTPUT_DIRECTORY=${prefix}/bin ${options})
step(${CMAKE_COMMAND} --build ${work}/build)
step(${prefix}/bin/consumer ${prefix})
step(${prefix}/bin/example)
step(${prefix}/bin/check_cpp)
step(${prefix}/bin/c_consumer)
step(${prefix}/bin/check_c)
if(EXISTS ${prefix}/bin/matcher)
  step(${prefix}/bin/matcher)
endif()
step(${prefix}/bin/attnlab --help)
file(GLOB package ${prefix}/lib*/attnlab/python/attnlab ${prefix}/lib/*/attnlab/python/attnlab)
if(package) # built with ATTNLAB_PYTHON
  step(${prefix}/bin/attnlab experiment fa1_table21 --no-plots --out ${work}/out)
endif()
# The emulator's compiler with the headers and libraries that were installed beside it.
step(${prefix}/bin/attnlab cc ${CMAKE_CURRENT_LIST_DIR}/../simulator/emulator/translate/programs/inline_ptx.cu -o ${work}/emulated)
step(${work}/emulated)
