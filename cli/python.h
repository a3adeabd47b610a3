// Python, in which the experiments are written: the package attnlab.experiments, run from the program.
#pragma once

#include <string>
#include <vector>

namespace attnlab::cli {

// Runs `python -m attnlab.experiments arguments...` and returns its exit code; what it prints goes where ours goes.
// No shell is involved: each argument arrives as it is. Where the package does not load, one line on stderr says
// so, and the code is 2.
// Python is $ATTNLAB_PYTHON, else the one that the package was built for, else python3 on the path. The package
// is the one beside the program (build tree, installation or wheel), else that Python's own.
// Throws InvalidArgument when there is no such program.
int run_experiments(const std::vector<std::string>& arguments);

}  // namespace attnlab::cli
