// Changes of a text, by token, applied at once. What is replaced keeps its line: where line breaks or line
// markers were removed, a new marker tells the compiler where the text goes on.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "simulator/emulator/translate/token.h"

namespace attnlab::emulator::translate {

class Edits {
 public:
  explicit Edits(const Source& source) : source_(source) {}

  // Instead of tokens [begin, end), begin < end. Throws FileError where ranges overlap.
  void replace(std::size_t begin, std::size_t end, std::string replacement);
  void remove(std::size_t token) { replace(token, token + 1, ""); }
  // In front of a token that may itself be replaced; several insertions stand in the order of the calls.
  void insert(std::size_t before, std::string_view inserted) { changes_[before].inserted += inserted; }
  bool touches(std::size_t token) const;

  std::string apply() const;

 private:
  struct Change {
    std::string inserted, replacement;
    std::size_t end = 0;  // 0: nothing is replaced
  };
  const Source& source_;
  std::map<std::size_t, Change> changes_;
};

}  // namespace attnlab::emulator::translate
