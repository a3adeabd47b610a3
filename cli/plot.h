// Plots: an experiment's Python script, run on the data that a command has written.
#pragma once

#include <filesystem>

namespace attnlab::cli {

// Runs `python script data_dir`; the script reads its data in that folder and leaves its pictures there.
// Python is $ATTNLAB_PYTHON, else python3 on the path. What the script prints goes to stderr. Without Python,
// without matplotlib, or when the script fails, one line on stderr says so and what to do, and the result is
// false: the data is there, the pictures are not.
bool run_plot(const std::filesystem::path& script, const std::filesystem::path& data_dir);

}  // namespace attnlab::cli
