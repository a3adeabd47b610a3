# The emulator's compiler: what it knows of this build and its installation, its build-time tool, and libraries of
# CUDA kernels compiled for the emulator.

# Where `attnlab cc` finds headers and libraries (simulator/emulator/translate/toolchain.cpp). Lists are separated by |.
set(other_libraries "$<TARGET_FILE:Boost::context>|$<TARGET_FILE:fmt::fmt>|$<$<BOOL:${ATTNLAB_SANITIZE}>:-fsanitize=address,undefined>")
set(library_files emulator simulator reference os)
list(TRANSFORM library_files REPLACE "(.+)" "$<TARGET_FILE:attnlab_\\1>" OUTPUT_VARIABLE build_libraries)
list(TRANSFORM library_files REPLACE "(.+)" "$<TARGET_FILE_NAME:attnlab_\\1>")
list(JOIN build_libraries "|" build_libraries)
list(JOIN library_files "|" library_files)
set(toolchain_places
    ATTNLAB_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    ATTNLAB_BUILD_LIBRARIES="${build_libraries}"
    ATTNLAB_OTHER_LIBRARIES="${other_libraries}"
    ATTNLAB_LIBRARY_FILES="${library_files}"
    ATTNLAB_INSTALL_INCLUDE="${CMAKE_INSTALL_INCLUDEDIR}"
    ATTNLAB_INSTALL_LIB="${CMAKE_INSTALL_LIBDIR}"
    ATTNLAB_INSTALL_PREFIX="${CMAKE_INSTALL_PREFIX}")
set_source_files_properties(${PROJECT_SOURCE_DIR}/simulator/emulator/translate/toolchain.cpp
                            PROPERTIES COMPILE_DEFINITIONS "${toolchain_places}")

# The translator, compiled once: part of the emulator's library, and a build-time tool of its own, so that a change of
# the emulator's runtime recompiles no kernel.
file(GLOB translate_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/simulator/emulator/translate/*.cpp)
list(FILTER translate_sources EXCLUDE REGEX /main\\.cpp$)
add_library(attnlab_translator OBJECT ${translate_sources})
attnlab_compile_options(attnlab_translator)
target_link_libraries(attnlab_translator PRIVATE attnlab_reference fmt::fmt)
set_target_properties(attnlab_translator PROPERTIES POSITION_INDEPENDENT_CODE ON)
attnlab_quick_build(attnlab_translator HEADERS <fmt/format.h>)
add_executable(attnlab_translate simulator/emulator/translate/main.cpp $<TARGET_OBJECTS:attnlab_translator>)
attnlab_compile_options(attnlab_translate)
target_link_libraries(attnlab_translate PRIVATE attnlab_os)

# attnlab_emulated_library(<target> <file.cu>... [DEFINITIONS name=value...] [INCLUDE_DIRECTORIES dir...]
#                          [OPTIONS flag...]): the files as a static library whose kernels run on the emulator.
# A file is compiled again when it, a header that it includes, or the translator changes.
function(attnlab_emulated_library target)
  cmake_parse_arguments(arg "" "" "DEFINITIONS;INCLUDE_DIRECTORIES;OPTIONS" ${ARGN})
  list(TRANSFORM arg_DEFINITIONS PREPEND -D)
  list(TRANSFORM arg_INCLUDE_DIRECTORIES PREPEND -I)
  set(launcher)
  if(CMAKE_CXX_COMPILER_LAUNCHER)
    list(GET CMAKE_CXX_COMPILER_LAUNCHER -1 launcher) # behind what sets its environment
    set(launcher --compiler-launcher=${launcher})
  endif()
  set(objects)
  foreach(file IN LISTS arg_UNPARSED_ARGUMENTS)
    get_filename_component(source ${file} ABSOLUTE)
    file(RELATIVE_PATH name ${CMAKE_CURRENT_SOURCE_DIR} ${source})
    string(REPLACE "../" "" name ${name})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.objects/${name}.o)
    get_filename_component(folder ${object} DIRECTORY)
    file(MAKE_DIRECTORY ${folder})
    add_custom_command(
      OUTPUT ${object}
      COMMAND attnlab_translate -c ${source} -o ${object} --compiler=${CMAKE_CXX_COMPILER} ${launcher} -std=c++20
              ${arg_DEFINITIONS} ${arg_INCLUDE_DIRECTORIES} ${arg_OPTIONS} -MF ${object}.d
      DEPENDS ${source} attnlab_translate
      DEPFILE ${object}.d
      COMMENT "Compiling ${name} for the emulator"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  add_library(${target} STATIC ${objects})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PUBLIC attnlab_emulator)
  # __shared__ variables are found at fixed places of the program's thread-local storage.
  target_link_options(${target} INTERFACE -no-pie)
endfunction()
