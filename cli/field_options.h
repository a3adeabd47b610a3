// Which option a field of a question is: the one rule by which the refusals of every command speak of options.
#pragma once

#include <string>

#include "cli/options.h"

namespace attnlab::cli {

// "p_scale" as "--p-scale".
std::string option_like(std::string field);

// The argument of a refusal as the command's option: the option of the field's own name, else the one that stands for
// it in the table of the .cpp. "kv_lens[1]" is "--kv-lens[1]", "cmd, kernel" is "--cmd, --kernel". What is no field of
// the command, such as a file, stays as it is.
std::string argument_as_option(const Command& command, const std::string& argument);

// A text in which fields are spoken of, as options: what stands in backquotes, and words with an underscore.
std::string fields_as_options(const Command& command, const std::string& text);

}  // namespace attnlab::cli
