# attnlab_find_package(<Debian package> <name> [arguments of find_package...]): find_package, REQUIRED, whose failure
# names the package to install.
macro(attnlab_find_package debian_package name)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "attnlab needs ${name}, which CMake did not find.\n"
                        "On Debian or Ubuntu: apt-get install ${debian_package}\n"
                        "Elsewhere: install it, and add its prefix to CMAKE_PREFIX_PATH if it is not a usual one.")
  endif()
endmacro()

attnlab_find_package(libeigen3-dev Eigen3 3.4 NO_MODULE)
attnlab_find_package(libc6-dev Threads)
attnlab_find_package(libfmt-dev fmt)
attnlab_find_package(nlohmann-json3-dev nlohmann_json)
attnlab_find_package(libcli11-dev CLI11)
attnlab_find_package(libzip-dev LibZip)
attnlab_find_package(libboost-context-dev Boost 1.74 COMPONENTS context)
if(ATTNLAB_TESTS)
  attnlab_find_package("libgtest-dev libgmock-dev" GTest)
endif()
if(ATTNLAB_BENCHMARKS)
  attnlab_find_package(libbenchmark-dev benchmark)
endif()

if(ATTNLAB_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    message(FATAL_ERROR "ATTNLAB_CUDA (the gpu preset) needs nvcc, which CMake did not find.\n"
                        "Install the CUDA Toolkit 12 or newer and put its bin directory on PATH, or set CUDACXX.\n"
                        "Every other preset builds without it.")
  endif()
  enable_language(CUDA)
endif()

# Recompiling what has not changed is free where ccache is installed.
find_program(ATTNLAB_CCACHE ccache)
mark_as_advanced(ATTNLAB_CCACHE)
if(PROJECT_IS_TOP_LEVEL AND ATTNLAB_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ATTNLAB_CCACHE})
  if(ATTNLAB_QUICK_BUILD) # without these ccache does not keep what was compiled with precompiled headers
    list(PREPEND CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
         CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime)
  endif()
endif()
