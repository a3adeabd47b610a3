// Budgets as formulas of a problem's extents: "2 * rows * cols / 8".
#pragma once

#include <map>
#include <string>

namespace attnlab::answers::labs {

// Numbers, names, + - * /, parentheses, ceil(x), min(x, y), max(x, y). Throws InvalidArgument for anything else.
double evaluate(const std::string& formula, const std::map<std::string, double>& names);

}  // namespace attnlab::answers::labs
