#include "python/src/declared.h"

#include "python/src/argument.h"

namespace attnlab::python {
namespace {

template <class T>
bool take(const nb::dict& from, const char* key, T& to) {
  if (!from.contains(key) || nb::object(from[key]).is_none()) return false;
  to = argument_as<T>(key, nb::object(from[key]));
  return true;
}

}  // namespace

oracle::Declaration declaration_of(const nb::dict& declared) {
  oracle::Declaration declaration;
  take(declared, "operands", declaration.operands);
  take(declared, "p_dtype", declaration.p);
  take(declared, "accumulate", declaration.accumulate);
  take(declared, "scores_dtype", declaration.scores);
  take(declared, "sums", declaration.sums);
  take(declared, "groups", declaration.groups);
  take(declared, "rounded_to", declaration.output);
  double number = 0;
  if (take(declared, "p_scale", number)) declaration.p_scale = number;
  if (take(declared, "ds_scale", number)) declaration.ds_scale = number;
  if (take(declared, "exp_error", number)) declaration.exp_error = number;
  Index block = 0;
  if (take(declared, "min_block_kv", block)) declaration.min_block_kv = block;
  return declaration;
}

}  // namespace attnlab::python
