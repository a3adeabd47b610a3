// What the words of a report mean, at the end of a --help (of a page: legend_html of the same terms).
#pragma once

#include <span>
#include <string>

#include "simulator/emulator/report/legend.h"

namespace attnlab::cli {

using emulator::legend_html;
using emulator::Term;

std::string legend_text(std::span<const Term> terms);

// Of `attnlab check`.
std::span<const Term> check_terms();

}  // namespace attnlab::cli
