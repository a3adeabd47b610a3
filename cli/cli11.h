// The names of CLI11 that our headers mention. Its own header takes seconds to compile: files that add
// options include it.
#pragma once

namespace CLI {
class App;
class Option;
}  // namespace CLI
