// _core.io: the answer of `attnlab io --json`.
#include "answers/io.h"

#include <string>
#include <utility>

#include "python/src/argument.h"
#include "python/src/functions.h"

namespace attnlab::python {
namespace {

template <class T>
void take(const nb::dict& from, const char* key, T& to) {
  if (!from.contains(key) || nb::object(from[key]).is_none()) return;
  to = argument_as<T>(key, nb::object(from[key]));
}

answers::IoQuestion question_of(const nb::dict& arguments) {
  answers::IoQuestion question;
  std::string dtype = "fp16";
  take(arguments, "algorithm", question.algorithm);
  take(arguments, "dtype", dtype);
  question.dtype = parse_dtype(dtype);
  take(arguments, "direction", question.choices.pass);
  take(arguments, "device", question.choices.device);
  take(arguments, "mask_pass", question.choices.mask_pass);
  take(arguments, "boolean_mask", question.choices.boolean_mask);
  take(arguments, "bias", question.choices.bias);
  take(arguments, "sram_bytes", question.sram_bytes);
  take(arguments, "br", question.tiles.br);
  take(arguments, "bc", question.tiles.bc);
  for (const auto& [name, size] : {std::pair{"br", question.tiles.br}, {"bc", question.tiles.bc}}) {
    if (size < 0) throw InvalidArgument(name, std::to_string(size), "a positive number of rows or keys");
  }
  take(arguments, "density", question.density);
  take(arguments, "kv_lora_rank", question.kv_lora_rank);
  take(arguments, "rope_dim", question.rope_dim);
  attention::Problem& p = question.problem;
  take(arguments, "batch", p.batch);
  take(arguments, "num_heads", p.num_heads);
  p.num_kv_heads = p.num_heads;
  take(arguments, "num_kv_heads", p.num_kv_heads);
  take(arguments, "seqlen_q", p.seqlen_q);
  p.seqlen_kv = p.seqlen_q;
  take(arguments, "seqlen_kv", p.seqlen_kv);
  take(arguments, "head_dim", p.head_dim);
  p.head_dim_v = p.head_dim;
  take(arguments, "head_dim_v", p.head_dim_v);
  take(arguments, "page_size", p.page_size);
  take(arguments, "causal", p.causal);
  take(arguments, "dropout_p", p.dropout.p);
  take(arguments, "softcap", p.softcap);
  Index left = -1, right = -1;
  take(arguments, "window_left", left);
  take(arguments, "window_right", right);
  if (left >= 0) p.window.left = left;
  if (right >= 0) p.window.right = right;
  return question;
}

// Two fields are named otherwise here: pass is a word of Python's own, and dropout is no structure.
std::invalid_argument renamed(const InvalidArgument& error) {
  const std::string own = error.argument() == "pass"        ? "direction"
                          : error.argument() == "dropout.p" ? "dropout_p"
                                                            : error.argument();
  return std::invalid_argument(own + std::string(error.what()).substr(error.argument().size()));
}

std::string io(const nb::dict& arguments) {
  const answers::IoQuestion question = question_of(arguments);
  const nb::gil_scoped_release released;
  try {
    return answers::dump(answers::to_json(question, answers::answer(question)));
  } catch (const InvalidArgument& error) {
    throw renamed(error);
  }
}

}  // namespace

void add_io(nb::module_& module) { module.def("io", &io, nb::arg("arguments")); }

}  // namespace attnlab::python
