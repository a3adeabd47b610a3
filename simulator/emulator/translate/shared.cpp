// __shared__ variables: dynamic, static, and those of namespaces.
#include "simulator/emulator/translate/translator.h"

namespace attnlab::emulator::translate {
namespace {

// A name of the translator's own, for a variable of the user's.
std::string own(const std::string& name, std::string_view what) {
  return name + "__attnlab" + std::string(what);
}

}  // namespace

void Translator::shared(std::size_t i) {
  const std::size_t begin = declaration_begin(i);
  std::size_t semicolon = i;
  while (!is(semicolon, ";") && source_.tokens[semicolon].kind != TokenKind::end) {
    semicolon = is(semicolon, "{") || is(semicolon, "(") || is(semicolon, "[") ? matching(semicolon) + 1
                                                                               : semicolon + 1;
  }
  const std::size_t declarators = specifiers_end(begin);
  for (std::size_t at = declarators; at < semicolon; ++at) {
    if (is(at, "=") || is(at, "{")) refuse(i, "a __shared__ variable with an initialiser");
    if (is(at, "(") || is(at, "[")) at = matching(at);
  }
  if (scope().kind == ScopeKind::type) refuse(i, "a __shared__ member");
  for (std::size_t at = begin; at < declarators; ++at)
    if (is(at, "extern")) return dynamic_shared(begin, semicolon);
  static_shared(begin, semicolon);
}

// extern __shared__ T name[]: in a function a pointer; in a namespace nothing, and a pointer at the head of
// each function that mentions the name.
void Translator::dynamic_shared(std::size_t begin, std::size_t semicolon) {
  const std::size_t declarators = specifiers_end(begin);
  std::string type;
  for (std::size_t i = begin; i < declarators; ++i) {
    if (attribute(i) || (is(i, "[") && is(i + 1, "["))) {
      i = matching(attribute(i) ? i + 1 : i);
      continue;
    }
    if (any_of(source_.spelling(i), {"extern", "__shared__"})) continue;
    type += (type.empty() ? "" : " ") + std::string(source_.spelling(i));
  }
  std::string pointers;
  for (std::size_t i = declarators; i < semicolon; ++i) {
    std::size_t end = i;
    while (end < semicolon && !is(end, ",")) end = is(end, "[") || is(end, "(") ? matching(end) + 1 : end + 1;
    std::size_t name = i;
    while (name < end && (!is_identifier(name) || any_of(source_.spelling(name), {"const", "volatile"})))
      ++name;
    const std::string stars = text_of(i, name);
    if (name == end || stars.find('(') != std::string::npos)
      refuse(i, "this declaration of dynamic shared memory");
    const bool array = is(name + 1, "[");
    // Of T name[][n] the rest is [n]: a pointer to rows.
    const std::string rows = array ? text_of(matching(name + 1) + 1, end) : "";
    const std::string pointee = type + " " + stars, pointer_to_rows = rows.empty() ? "*" : "(*)" + rows;
    const std::string named(source_.spelling(name));
    const std::string address =
        "reinterpret_cast<" + pointee + pointer_to_rows + ">(::attnlab::emulator::dynamic_shared())";
    std::string pointer = "[[maybe_unused]] " + pointee;
    if (!array) {
      pointer += "& " + named + " = *" + address + ";";
    } else {
      pointer +=
          (rows.empty() ? "* const " + named : "(*const " + named + ")" + rows) + " = " + address + ";";
    }
    if (scope().kind == ScopeKind::names) namespace_shared_.push_back({named, pointer});
    pointers += (pointers.empty() ? "" : " ") + pointer;
    i = end;
  }
  edits_.replace(begin, semicolon + 1, scope().kind == ScopeKind::names ? "" : pointers);
}

void Translator::namespace_shared(std::size_t closing, const Scope& closed) {
  for (const DynamicShared& variable : namespace_shared_) {
    bool used = false, own_name = false;
    for (std::size_t i = closed.opened + 1; i < closing && !used; ++i)
      used = is(i, variable.name) && !any_of(source_.spelling(i - 1), {".", "->"});
    for (std::size_t i = closed.opened; i-- > 0 && !any_of(source_.spelling(i), {";", "}", "{"});)
      own_name |= is(i, variable.name);
    if (used && !own_name) edits_.insert(closed.opened + 1, " " + variable.pointer + " ");
  }
}

// In a function each variable is followed by a guard, so that an access past its end is found:
//   typedef T name__attnlab_type[n];
//   static __constinit thread_local SharedVariable<name__attnlab_type> name__attnlab;
//   auto& name = reinterpret_cast<name__attnlab_type&>(name__attnlab.value);
void Translator::static_shared(std::size_t begin, std::size_t semicolon) {
  const std::size_t declarators = specifiers_end(begin);
  const bool in_namespace = scope().kind == ScopeKind::names;
  std::string attributes;
  bool head = true;  // attributes behind `struct` belong to the type
  for (std::size_t i = begin; i < declarators; ++i) {
    head &= !any_of(source_.spelling(i), {"struct", "union", "class", "enum"});
    const bool standard = is(i, "[") && is(i + 1, "[");
    if (head && (attribute(i) || standard)) {
      const std::size_t end = matching(standard ? i : i + 1) + 1;
      std::string text = text_of(i, end);
      if (text.starts_with("__align__")) text = "__attribute__((aligned" + text.substr(9) + "))";
      attributes += text + " ";
      edits_.replace(i, end, "");
      i = end - 1;
    } else if (any_of(source_.spelling(i), {"static", "__shared__"})) {
      edits_.remove(i);
    } else if (is(i, "{")) {
      i = matching(i);
    }
  }
  const std::string storage =
      attributes + (options_.clang ? "static thread_local " : "static __constinit thread_local ");
  if (in_namespace) return edits_.insert(begin, storage);

  edits_.insert(begin, "typedef ");
  std::string base;
  for (std::size_t i = declarators; i < semicolon; ++i) {
    std::size_t end = i, name = i;
    while (end < semicolon && !is(end, ",")) end = is(end, "[") || is(end, "(") ? matching(end) + 1 : end + 1;
    while (name < end && (!is_identifier(name) || any_of(source_.spelling(name), {"const", "volatile"})))
      ++name;
    if (name == end) refuse(i, "this declaration of a __shared__ variable");
    const std::string named(source_.spelling(name)), type = own(named, "_type"), variable = own(named, "");
    if (i == declarators && end < semicolon) {
      base = own(named, "_base");
      edits_.insert(i, base + "; typedef " + base + " ");
    }
    edits_.replace(name, name + 1, type);
    const std::string definition = "; " + storage + "::attnlab::emulator::SharedVariable<" + type + "> " +
                                   variable + "; ::attnlab::emulator::shared_variable(\"" + named +
                                   "\", sizeof(" + variable + ".value), sizeof(" + variable +
                                   ")); [[maybe_unused]] auto& " + named + " = reinterpret_cast<" + type +
                                   "&>(" + variable + ".value)";
    if (end < semicolon)
      edits_.replace(end, end + 1, definition + "; typedef " + base + " ");
    else
      edits_.insert(end, definition);
    i = end;
  }
}

}  // namespace attnlab::emulator::translate
