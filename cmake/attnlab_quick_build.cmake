# ATTNLAB_QUICK_BUILD: the same programs sooner. Without it every file is compiled from its own includes alone, which
# keeps them complete.

# The headers that most of a room's files parse. Parsing them costs seconds per file; precompiled, next to nothing.
set(attnlab_std_headers <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional>
                        <span> <sstream> <string> <string_view> <utility> <vector>)

# attnlab_quick_build(<target> [LESS_OPTIMISED | UNOPTIMISED] (HEADERS header... | LIKE <other target>)): precompiles
# the headers, or uses those of a target with the same flags. -O2 in place of CMake's -O3 saves a tenth of the time and
# costs Eigen's products nothing. LESS_OPTIMISED: -O1, for code whose speed nobody waits for. UNOPTIMISED: -O0, for
# tests whose own code does no work.
function(attnlab_quick_build target)
  if(NOT ATTNLAB_QUICK_BUILD)
    return()
  endif()
  cmake_parse_arguments(arg "LESS_OPTIMISED;UNOPTIMISED" "LIKE" "HEADERS" ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU) # g++ 12 warns about std::string in a precompiled header (GCC bug 105651)
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
  set(level 2)
  if(arg_LESS_OPTIMISED)
    set(level 1)
  elseif(arg_UNOPTIMISED)
    set(level 0)
  endif()
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O${level}>)
  if(arg_LIKE)
    attnlab_sanitized(own ${target})
    attnlab_sanitized(other ${arg_LIKE})
    if(own STREQUAL other) # else the flags differ
      target_precompile_headers(${target} REUSE_FROM ${arg_LIKE})
    endif()
  else()
    target_precompile_headers(${target} PRIVATE ${attnlab_std_headers} ${arg_HEADERS})
  endif()
endfunction()
