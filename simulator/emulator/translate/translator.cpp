#include "simulator/emulator/translate/translator.h"

#include <cstdlib>

#include "reference/core/errors.h"
#include "simulator/emulator/translate/refused_names.h"

namespace attnlab::emulator::translate {
bool any_of(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view w : words)
    if (w == word) return true;
  return false;
}

Translator::Translator(std::string_view text, const Options& options)
    : options_(options), source_(tokenize(text)), edits_(source_), partner_(source_.tokens.size(), 0) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < source_.tokens.size(); ++i) {
    if (source_.tokens[i].kind != TokenKind::punctuation) continue;
    const char c = source_.text[source_.tokens[i].begin];
    if (c == '(' || c == '[' || c == '{') open.push_back(i);
    if ((c == ')' || c == ']' || c == '}') && !open.empty()) {
      partner_[i] = open.back();
      partner_[open.back()] = i;
      open.pop_back();
    }
  }
  scopes_.emplace_back();
  find_vectors();
}

std::string Translator::run() {
  for (std::size_t i = 0; source_.tokens[i].kind != TokenKind::end; ++i) token(i);
  return edits_.apply();
}

void Translator::token(std::size_t i) {
  if (i < parameters_end_) return;
  Pending& pending = scope().pending;
  const TokenKind kind = source_.tokens[i].kind;
  if (kind == TokenKind::identifier) return word(i);
  if (kind == TokenKind::pragma) {
    const std::string_view line = source_.spelling(i);
    for (const std::string_view name : {"unroll", "nounroll", "nv_", "hd_warning_disable", "diag_"}) {
      if (const std::size_t at = line.find_first_not_of(" \t", line.find("pragma") + 6);
          at != std::string_view::npos && line.substr(at).starts_with(name)) {
        edits_.remove(i);
        break;
      }
    }
    return;
  }
  if (kind != TokenKind::punctuation) return;
  const char c = source_.text[source_.tokens[i].begin];
  if (c == '(' || c == '[') return open(i);
  if (c == '{') return open_brace(i);
  if (c == ')' || c == ']' || c == '}') return close(i);
  if (c == ';') pending = {};
  if (is(i, "=") && !is(i - 1, "operator")) {
    pending.initialised = true;
    if (scope().device) assignment(i);
  }
  if (is(i, ":"))
    (pending.parameters ? pending.constructor_list : pending.bases) = pending.parameters || pending.is_type;
  if (source_.opens_launch(i)) return launch(i);
}

void Translator::word(std::size_t i) {
  Pending& pending = scope().pending;
  const std::string_view w = source_.spelling(i);
  if (w == "template") {
    pending.is_template = true;
    if (is(i + 1, "<")) parameters_end_ = skip_angles(i + 1);  // class and = say nothing there
    return;
  }
  if (w == "namespace") pending.is_namespace = true;
  if (any_of(w, {"class", "struct", "union", "enum"})) pending.is_type = true, pending.parameters = false;
  if (any_of(w, {"__global__", "__device__", "__host__", "__constant__", "__managed__", "__shared__",
                 "__forceinline__", "__noinline__", "__inline_hint__", "__grid_constant__",
                 "__launch_bounds__", "__maxnreg__", "__cluster_dims__", "__block_size__", "__align__",
                 "__nv_pure__", "__tile_global__"}))
    return function_specifier(i);
  if (scope().device && any_of(w, {"threadIdx", "blockIdx", "blockDim", "gridDim"})) return index(i);
  if (any_of(w, {"asm", "__asm__", "__asm", "__volatile_asm__"}) && scope().device) return inline_asm(i);
  if (w == "static" && scope().device && any_of(source_.spelling(i - 1), {";", "{", "}"}))
    return static_local(i);
  refused_words(i);
  if (w.starts_with("atomic") && is(i + 1, "(")) return atomic(i);
  if (w == "texture" && is(i + 1, "<") && !any_of(source_.spelling(i - 1), {".", "->", "::"}) &&
      scope().kind == ScopeKind::names)
    refuse(i, "texture references");
}

// What the emulator does not have.
void Translator::refused_words(std::size_t i) const {
  const std::string_view w = source_.spelling(i), before = source_.spelling(i - 1);
  if (any_of(before, {".", "->"})) return;
  const bool device = scope().device && !scope().host;
  const bool call = any_of(source_.spelling(i + 1), {"(", "<"});
  const std::string_view group =
      refused_name(w, device ? Where::device_code : Where::anywhere, call, before == "::");
  if (!group.empty()) refuse(i, std::string(w) + " (" + std::string(group) + ")");
  const bool heap = (w == "new" && !is(i + 1, "(")) || (w == "delete" && before != "=");
  if (device && heap && before != "operator") refuse(i, std::string(w) + " (the device heap)");
}

// threadIdx and its like; not a member or a parameter of that name.
void Translator::index(std::size_t i) {
  const std::string_view w = source_.spelling(i);
  const bool global = is(i - 1, "::") && !is_identifier(i - 2) && !is(i - 2, ">");
  if (any_of(source_.spelling(i - 1), {".", "->"}) || (is(i - 1, "::") && !global)) return;
  if (is(i - 1, "dim3") || is(i - 1, "uint3")) return;
  const char* const call = w == "threadIdx"  ? "thread_index"
                           : w == "blockIdx" ? "block_index"
                           : w == "blockDim" ? "block_dim"
                                             : "grid_dim";
  edits_.replace(global ? i - 1 : i, i + 1,
                 std::string("(::attnlab::emulator::builtins::attnlab_") + call + "())");
}

void Translator::function_specifier(std::size_t i) {
  Pending& pending = scope().pending;
  const std::string_view w = source_.spelling(i);
  const bool brackets = is(i + 1, "(");
  // __attribute__((__noinline__)): the attribute of that name, not CUDA's word.
  if (i > 0 && any_of(source_.spelling(i - 1), {"(", ","}) && any_of(w, {"__noinline__", "__device__"}))
    return;
  if (edits_.touches(i)) return;  // part of a declaration that was rewritten
  if (w == "__shared__") return shared(i);
  if (w == "__cluster_dims__" || w == "__block_size__" || w == "__tile_global__") refuse(i, w);
  if (w == "__align__") {
    for (std::size_t at = i, end = specifiers_end(declaration_begin(i)); at < end; ++at)
      if (is(at, "__shared__")) return;  // which takes the alignment with it
    const std::size_t end = matching(i + 1) + 1;
    return edits_.replace(i, end, "__attribute__((aligned" + text_of(i + 1, end) + "))");
  }
  if (w == "__launch_bounds__" || w == "__maxnreg__") {
    if (!brackets) return;
    if (w == "__launch_bounds__") {
      std::size_t end = i + 2;
      while (!at_end(end) && !is(end, ",") && !is(end, ")")) end = is(end, "(") ? matching(end) + 1 : end + 1;
      pending.bounds = "(" + text_of(i + 2, end) + ")";
    }
    return edits_.replace(i, matching(i + 1) + 1, "");
  }
  if (w == "__forceinline__") return edits_.replace(i, i + 1, "inline __attribute__((always_inline))");
  if (any_of(w, {"__grid_constant__", "__inline_hint__", "__nv_pure__"})) return edits_.remove(i);
  if (any_of(w, {"__constant__", "__managed__"})) return memory_space(i);
  if (scope().kind == ScopeKind::brackets || scope().kind == ScopeKind::block ||
      scope().kind == ScopeKind::function || pending.initialised) {
    std::size_t before = i;
    while (before > 0 && any_of(source_.spelling(before - 1), {"__host__", "__device__"})) --before;
    if (before > 0 && is(before - 1, "]")) pending.lambda = true;
  }
  if (w == "__host__") pending.host = true;
  if (w == "__device__" && !pending.lambda && declares_variable(i)) return memory_space(i);
  if (w == "__device__") pending.device = true;
  if (w == "__global__") {
    pending.global = true;
    // Flattened, and __noinline__ is dropped: where f returns a struct and stays a call, g++ does not
    // instrument the store of `*p = f()`.
    return edits_.replace(i, i + 1, "__attribute__((noinline, flatten))");
  }
  edits_.remove(i);
}

void Translator::open(std::size_t i) {
  Scope next;
  next.kind = ScopeKind::brackets;
  next.device = scope().device || scope().pending.device || scope().pending.global;
  next.host = scope().host;
  next.opened = i;
  Pending& pending = scope().pending;
  // Parentheses that are no parameters: of attributes and operators, in template arguments, in base classes.
  const bool parameters =
      is(i, "(") && !pending.is_namespace && !pending.bases &&
      (is(i - 2, "operator") ||
       !any_of(source_.spelling(i - 1),
               {"__attribute__", "alignas", "decltype", "__launch_bounds__", "noexcept", "explicit",
                "requires", "__align__", "sizeof", "alignof", "(", "[", "<", ",", "&&", "||", "="}));
  if (parameters && !pending.parameters) {
    pending.name = i - 1;
    pending.parameters = true;
  }
  scopes_.push_back(next);
}

void Translator::open_brace(std::size_t i) {
  Scope& outer = scope();
  Pending& pending = outer.pending;
  Scope next;
  next.opened = i;
  next.device = outer.device;
  next.host = outer.host;
  next.declared = pending;
  const bool names = outer.kind == ScopeKind::names || outer.kind == ScopeKind::type;
  const bool external = i > 1 && source_.tokens[i - 1].kind == TokenKind::string && is(i - 2, "extern");
  const bool member_initialiser =
      pending.constructor_list && i > 0 && (is_identifier(i - 1) || is(i - 1, ">"));
  if (pending.lambda) {
    next.kind = ScopeKind::function;
    next.device = pending.device;
    next.host = pending.host;
    pending.lambda = pending.device = pending.host = false;
  } else if (names && (pending.is_namespace || external)) {
    next.kind = ScopeKind::names;
  } else if (pending.is_type && !pending.parameters) {
    next.kind = ScopeKind::type;
  } else if (names && pending.parameters && !pending.initialised && !member_initialiser) {
    next.kind = ScopeKind::function;
    if (pending.device || pending.global) {
      next.device = true;
      next.host = pending.host;
    }
  } else {
    next.kind = ScopeKind::block;
  }
  scopes_.push_back(next);
}

void Translator::close(std::size_t i) {
  if (scopes_.size() == 1) return;  // g++ will say what is wrong
  const Scope closed = scope();
  scopes_.pop_back();
  if (closed.kind == ScopeKind::function && !closed.declared.lambda) end_of_function(i, closed);
  const bool ends = closed.kind == ScopeKind::names ||
                    (closed.kind == ScopeKind::function && !closed.declared.lambda) ||
                    (closed.kind == ScopeKind::block &&
                     (scope().kind == ScopeKind::function || scope().kind == ScopeKind::block));
  if (ends && !scope().pending.initialised) scope().pending = {};
}

void Translator::end_of_function(std::size_t closing, const Scope& closed) {
  if (!closed.device) return;
  namespace_shared(closing, closed);
  if (closed.declared.global && !closed.declared.is_template && scope().kind == ScopeKind::names)
    describe_kernel(closing, closed);
}

void Translator::refuse(std::size_t i, std::string_view what) const {
  const Token& token = source_.tokens[i];
  throw FileError(source_.files[token.file].name + ":" + std::to_string(token.line),
                  std::string(what) + ": not supported");
}

std::string Translator::here(std::size_t i) const {
  const Token& token = source_.tokens[i];
  return source_.files[token.file].spelled + ", " + std::to_string(token.line) + "u";
}

std::string translate(std::string_view preprocessed, const Options& options) {
  return Translator(preprocessed, options).run();
}

}  // namespace attnlab::emulator::translate
