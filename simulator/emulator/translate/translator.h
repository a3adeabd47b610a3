// The translator: one pass over the tokens that keeps track of scopes, and a handler for each construct.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/emulator/translate/edits.h"
#include "simulator/emulator/translate/token.h"
#include "simulator/emulator/translate/translate.h"

namespace attnlab::emulator::translate {

enum class ScopeKind { names, type, function, block, brackets };

// What has been seen of the declaration or statement that is under way in a scope.
struct Pending {
  bool is_namespace = false, is_type = false, is_template = false, parameters = false, initialised = false;
  bool constructor_list = false;  // a constructor's `: member{...}`
  bool bases = false;             // a class's `: base`
  bool global = false, device = false, host = false;
  bool lambda = false;       // the specifiers are those of a lambda
  std::string bounds = "0";  // the first of __launch_bounds__, an expression
  std::size_t name = 0;      // the token before the first parenthesis: a function's name
};

struct Scope {
  ScopeKind kind = ScopeKind::names;
  bool device = false, host = false;  // code of a __device__ or __global__ function; of a __host__ one too
  std::size_t opened = 0;             // the token of its bracket
  Pending pending;
  Pending declared;  // what opened it
};

class Translator {
 public:
  Translator(std::string_view text, const Options& options);
  std::string run();

 private:
  // translator.cpp: the pass
  void token(std::size_t i);
  void word(std::size_t i);
  void open(std::size_t i);
  void close(std::size_t i);
  void open_brace(std::size_t i);
  void end_of_function(std::size_t closing, const Scope& scope);
  void function_specifier(std::size_t i);
  void refused_words(std::size_t i) const;
  void index(std::size_t i);

  // launches.cpp
  void launch(std::size_t i);
  std::size_t callee_begin(std::size_t end) const;
  std::size_t operand_begin(std::size_t end) const;
  std::size_t configuration_end(std::size_t begin) const;
  void describe_kernel(std::size_t closing, const Scope& scope);

  // shared.cpp
  void shared(std::size_t i);
  void dynamic_shared(std::size_t begin, std::size_t semicolon);
  void static_shared(std::size_t begin, std::size_t semicolon);
  void namespace_shared(std::size_t closing, const Scope& scope);

  // variables.cpp
  void memory_space(std::size_t i);
  void static_local(std::size_t i);
  std::string section(std::string_view name);

  // inline_asm.cpp
  void inline_asm(std::size_t i);

  // choices.cpp
  void find_vectors();
  void assignment(std::size_t i);
  bool speaks_of_vectors(std::size_t begin, std::size_t end) const;

  // atomics.cpp
  void atomic(std::size_t i);

  // grammar.cpp
  std::size_t matching(std::size_t open) const;        // the closing bracket of ( [ {
  std::size_t matching_back(std::size_t close) const;  // and the other way
  std::size_t skip_angles(std::size_t open) const;     // behind the > that closes <; open itself if none does
  std::size_t declaration_begin(std::size_t i) const;  // the first token of the declaration that i is in
  std::size_t type_name_end(std::size_t begin) const;  // behind ns::name<arguments>::type
  std::size_t specifiers_end(std::size_t begin) const;  // the first token of the first declarator
  bool declares_variable(std::size_t i) const;          // i: a specifier
  bool attribute(std::size_t i) const;                  // i: first token of an attribute with brackets
  std::string text_of(std::size_t begin, std::size_t end) const;  // in one line, without line markers

  [[noreturn]] void refuse(std::size_t i, std::string_view what) const;
  std::string here(std::size_t i) const;  // "file.cu", 12: two arguments
  bool is(std::size_t i, std::string_view spelled) const { return source_.is(i, spelled); }
  bool at_end(std::size_t i) const { return i + 1 >= source_.tokens.size(); }
  bool is_identifier(std::size_t i) const { return source_.tokens[i].kind == TokenKind::identifier; }
  Scope& scope() { return scopes_.back(); }
  const Scope& scope() const { return scopes_.back(); }

  Options options_;
  Source source_;
  Edits edits_;
  std::vector<std::size_t> partner_;  // of every bracket
  std::vector<Scope> scopes_;
  struct DynamicShared {
    std::string name, pointer;  // the declaration of the pointer that stands for it
  };
  std::vector<DynamicShared> namespace_shared_;
  std::set<std::string_view> vectors_;      // variables of a vector type
  std::set<std::string_view> own_atomics_;  // names of atomics that the program defines itself
  std::size_t parameters_end_ = 0;          // behind the template parameters that the pass is in
  std::size_t sections_ = 0, kernels_ = 0;
};

bool any_of(std::string_view word, std::initializer_list<std::string_view> words);

}  // namespace attnlab::emulator::translate
