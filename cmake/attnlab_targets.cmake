# One place for the flags that every target of this project shares.
function(attnlab_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wconversion $<$<BOOL:${ATTNLAB_WERROR}>:-Werror>
                                           $<$<BOOL:${ATTNLAB_NATIVE}>:-march=native>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU) # g++ 12 warns about its own headers (GCC bugs 105593 and 105651)
    target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
  endif()
  attnlab_sanitized(sanitized ${target})
  if(sanitized)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
  endif()
  if(ATTNLAB_SANITIZE)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

# Whether a target's own code is compiled with the sanitizers.
function(attnlab_sanitized result target)
  set(${result} OFF PARENT_SCOPE)
  if(ATTNLAB_SANITIZE AND target MATCHES "${ATTNLAB_SANITIZE_TARGETS}")
    set(${result} ON PARENT_SCOPE)
  endif()
endfunction()

# attnlab_library(<path> EXCLUDE regex... PUBLIC libs... PRIVATE libs...): every .cpp below <path> as the static
# library attnlab_<folder>, exported as attnlab::<folder>, <folder> being the last name of the path. EXCLUDE:
# paths that belong to another target.
function(attnlab_library path)
  cmake_parse_arguments(arg "" "" "EXCLUDE;PUBLIC;PRIVATE" ${ARGN})
  get_filename_component(folder ${path} NAME)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${path}/*.cpp)
  foreach(regex IN LISTS arg_EXCLUDE)
    list(FILTER sources EXCLUDE REGEX ${regex})
  endforeach()
  if(NOT sources) # a folder of headers only
    set(sources ${PROJECT_BINARY_DIR}/${folder}_headers.cpp)
    file(TOUCH ${sources})
  endif()
  add_library(attnlab_${folder} STATIC ${sources})
  add_library(attnlab::${folder} ALIAS attnlab_${folder})
  set_target_properties(attnlab_${folder} PROPERTIES EXPORT_NAME ${folder} POSITION_INDEPENDENT_CODE ON)
  target_include_directories(attnlab_${folder} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                      $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/attnlab>)
  # One alignment whatever -m flags a consumer compiles with, so that Eigen's objects keep their layout.
  target_compile_definitions(attnlab_${folder} PUBLIC EIGEN_MAX_ALIGN_BYTES=64)
  # nlohmann-json is headers only: who links the installed library does not need it.
  target_link_libraries(attnlab_${folder} PUBLIC ${arg_PUBLIC}
                        PRIVATE ${arg_PRIVATE} fmt::fmt $<BUILD_INTERFACE:nlohmann_json::nlohmann_json>)
  attnlab_compile_options(attnlab_${folder})
endfunction()
