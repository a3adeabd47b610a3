// What `attnlab run` prints.
#pragma once

#include <string>
#include <vector>

#include "answers/run.h"

namespace attnlab::cli {

std::string to_text(const answers::RunQuestion& question, const answers::RunInputs& inputs,
                    const answers::RunAnswer& answer, const std::vector<std::string>& written);

}  // namespace attnlab::cli
