// Where the program finds the data files it ships with (devices, models).
#pragma once

#include <filesystem>
#include <string_view>

namespace attnlab {

// The directory that holds <folder>, a path from the root of the source tree such as "simulator/device/data".
// The first of these that has it:
//   1. $ATTNLAB_DATA/<folder>: when the variable is set, no other place is searched;
//   2. ../share/attnlab/<folder>, seen from the directory of the running executable (an installed program);
//   3. the source tree the library was built from;
//   4. share/attnlab/<folder> below the install prefix that the library was configured with.
// Throws FileError, with the places searched, when none has it.
std::filesystem::path data_dir(std::string_view folder);

}  // namespace attnlab
