// A kernel class by names, as a command line, a C caller or a Python caller gives them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>

#include "oracle/kernel_class.h"
#include "reference/core/dtype.h"

namespace attnlab::oracle {

// What differs from the usual kernel of the inputs' type. Empty: as usual.
struct Declaration {
  std::string operands;    // a format that Q, K, V and dO are rounded to: "tf32"
  std::string p;           // of P and dS; with operands and without p: the operands'
  std::string accumulate;  // of products and sums: "fp32", "fp16", "fp22"
  std::string scores;      // a format that S is stored in between passes
  std::string output;      // a format that outputs had before they were stored in a wider type
  std::string sums;        // "nearest" or "truncated": how additions round
  // "rounded" or "exact": whether dK and dV of each query head are rounded before those of a group are added
  std::string groups;
  std::optional<double> p_scale, ds_scale, exp_error;
  std::optional<Index> min_block_kv;

  bool operator==(const Declaration&) const = default;
  bool usual() const { return *this == Declaration{}; }
};

// A field by the name that callers give it, and what it is, with what holds where it is absent in brackets.
struct DeclarationField {
  const char* name;
  const char* what;
  std::variant<std::string Declaration::*, std::optional<double> Declaration::*,
               std::optional<Index> Declaration::*>
      member;
};
std::span<const DeclarationField> declaration_fields();

// The usual class of the type with what is declared, and a name that says so. Tensor cores round operands, so
// operands that are declared make sums truncated unless sums says otherwise. Throws InvalidArgument for a
// format that is none, and for factors and sizes that are not positive; its argument is `prefix` and the
// field, where "_" becomes `separator` ("--p-scale").
KernelClass declared_class(DType inputs, const Declaration& declaration, const std::string& prefix = "",
                           char separator = '_');

}  // namespace attnlab::oracle
