// _core.io: the answer of `attnlab io --json`.
#include <string_view>
#include <utility>

#include "cli/io_answer.h"
#include "python/src/argument.h"
#include "python/src/functions.h"

namespace attnlab::python {
namespace {

template <class T>
void take(const nb::dict& from, const char* key, T& to) {
  if (!from.contains(key) || nb::object(from[key]).is_none()) return;
  to = argument_as<T>(key, nb::object(from[key]));
}

cli::IoQuestion question_of(const nb::dict& arguments) {
  cli::IoQuestion question;
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

// The command's options have other names than the function's arguments.
std::invalid_argument renamed(const InvalidArgument& error) {
  constexpr std::pair<std::string_view, const char*> kNames[] = {{"--pass", "direction"},
                                                                 {"--density", "density"},
                                                                 {"--sram", "sram_bytes"},
                                                                 {"dropout.p", "dropout_p"}};
  for (const auto& [command, own] : kNames) {
    if (error.argument() == command)
      return std::invalid_argument(own + std::string(error.what()).substr(command.size()));
  }
  return error;
}

std::string io(const nb::dict& arguments) {
  const cli::IoQuestion question = question_of(arguments);
  const nb::gil_scoped_release released;
  try {
    return cli::dump(cli::to_json(question, cli::answer(question)));
  } catch (const InvalidArgument& error) {
    throw renamed(error);
  }
}

}  // namespace

void add_io(nb::module_& module) { module.def("io", &io, nb::arg("arguments")); }

}  // namespace attnlab::python
