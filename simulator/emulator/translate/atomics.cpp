// Atomics whose result nobody uses. nvcc issues a reduction (RED) for them, which the hardware counts apart
// from an atomic that returns the old value (ATOM).
#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {

// i: a name in front of a parenthesis. A call that is a whole statement is given the name under which the
// headers have the reduction.
void Translator::atomic(std::size_t i) {
  std::string_view operation = source_.spelling(i).substr(6);
  for (const std::string_view scope : {"_block", "_system"})
    if (operation.ends_with(scope)) operation.remove_suffix(scope.size());
  if (!any_of(operation, {"Add", "Sub", "Min", "Max", "And", "Or", "Xor", "Inc", "Dec", "Exch"})) return;
  if (scope().kind == ScopeKind::names && !source_.files[source_.tokens[i].file].system)
    own_atomics_.insert(source_.spelling(i));
  if (!scope().device || own_atomics_.count(source_.spelling(i)) > 0 || !is(matching(i + 1) + 1, ";")) return;
  std::size_t before = i - 1;
  if (is(before, "::")) --before;
  bool statement = any_of(source_.spelling(before), {";", "{", "}", "else", "do"}) ||
                   source_.tokens[before].kind == TokenKind::pragma;
  if (is(before, ")")) {
    const std::size_t open = matching_back(before);
    statement = any_of(source_.spelling(open - 1), {"if", "for", "while", "constexpr"}) ||
                (is(open + 1, "void") && open + 2 == before);
  }
  if (statement) edits_.replace(i, i + 1, "attnlab_unused_" + std::string(source_.spelling(i)));
}

}  // namespace attnlab::emulator::translate
