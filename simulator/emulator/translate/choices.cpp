// Stores of a choice between vectors: `y[i] = n ? x[i] : zero`.
#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {
namespace {

// float4, uint2, ...: CUDA's vectors of more than one element.
bool is_vector_type(std::string_view word) {
  if (word.size() < 4 || word.back() < '2' || word.back() > '4') return false;
  word.remove_suffix(1);
  if (word.starts_with('u')) word.remove_prefix(1);
  return any_of(word, {"char", "short", "int", "long", "longlong", "float", "double"});
}

}  // namespace

// Variables of a vector type, pointers to one among them; not those of CUDA's headers.
void Translator::find_vectors() {
  for (std::size_t i = 0; i < source_.tokens.size(); ++i) {
    if (!is_vector_type(source_.spelling(i)) || source_.files[source_.tokens[i].file].system) continue;
    std::size_t name = i + 1;
    while (any_of(source_.spelling(name), {"*", "&", "const", "volatile", "__restrict__"})) ++name;
    if (name < source_.tokens.size() && is_identifier(name)) vectors_.insert(source_.spelling(name));
  }
}

bool Translator::speaks_of_vectors(std::size_t begin, std::size_t end) const {
  for (std::size_t i = begin; i < end; ++i) {
    const std::string_view word = source_.spelling(i);
    if (vectors_.contains(word) || is_vector_type(word.starts_with("make_") ? word.substr(5) : word))
      return true;
  }
  return false;
}

// i: an = of device code. g++ makes two stores of a choice between vectors, one in each branch; a GPU chooses first
// and stores once. The choice becomes the argument of a function, which is a value. Left alone: declarations, which
// store nothing where a GPU would, and numbers, which g++ chooses first too.
void Translator::assignment(std::size_t i) {
  const std::size_t bracket = is(i - 1, "]") ? partner_[i - 1] : 0;
  const bool element =
      bracket != 0 && !any_of(source_.spelling(bracket - 1), {"auto", "&", "{", ",", "operator"});
  const bool member = is_identifier(i - 1) && any_of(source_.spelling(i - 2), {".", "->"}) &&
                      !any_of(source_.spelling(i - 3), {"{", ","});  // {.x = 1}
  const bool pointee =
      is_identifier(i - 1) && is(i - 2, "*") && any_of(source_.spelling(i - 3), {";", "{", "}", ")", "else"});
  if (!element && !member && !pointee) return;
  bool choice = false;
  std::size_t end = i + 1;
  while (!at_end(end) && !any_of(source_.spelling(end), {";", ",", ")", "]", "}"})) {
    choice |= is(end, "?");
    end = any_of(source_.spelling(end), {"(", "[", "{"}) ? matching(end) + 1 : end + 1;
  }
  if (!choice || !speaks_of_vectors(i + 1, end)) return;
  edits_.insert(i + 1, "::attnlab::emulator::translate::choice(");
  edits_.insert(end, ")");
}

}  // namespace attnlab::emulator::translate
