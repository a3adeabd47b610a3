// Options that declare a kernel's arithmetic, one per field of oracle/declaration.h.
#pragma once

#include "cli/options.h"
#include "oracle/declaration.h"

namespace attnlab::cli {

// The declaration must outlive the parse.
void add_declaration_options(Command& app, oracle::Declaration& declaration);

}  // namespace attnlab::cli
