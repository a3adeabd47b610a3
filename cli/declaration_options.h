// Options that declare a kernel's arithmetic, one per field of oracle/declaration.h.
#pragma once

#include <map>
#include <string>

#include "cli/options.h"
#include "oracle/declaration.h"

namespace attnlab::cli {

// The declaration must outlive the parse.
void add_declaration_options(Command& app, oracle::Declaration& declaration);

// Adds the fields and the options that they are, for spell_fields().
void add_declaration_names(std::map<std::string, std::string>& names);

}  // namespace attnlab::cli
