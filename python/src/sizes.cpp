// _core.kv: the answer of `attnlab kv --json`; _core.memory_footprint: the terms of FlashAttention's
// Table 21.
#include <nanobind/stl/string.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "answers/json.h"
#include "answers/kv.h"
#include "answers/kv_compare.h"
#include "python/src/argument.h"
#include "python/src/functions.h"
#include "simulator/io/memory_footprint.h"

namespace attnlab::python {
namespace {

template <class T>
T get(const nb::dict& arguments, const char* key) {
  return argument_as<T>(key, nb::object(arguments[key]));
}

template <class T>
std::optional<T> optional(const nb::dict& arguments, const char* key) {
  if (nb::object(arguments[key]).is_none()) return std::nullopt;
  return get<T>(arguments, key);
}

// 1 or more.
std::uint64_t positive(const nb::dict& arguments, const char* key) {
  const auto value = get<std::uint64_t>(arguments, key);
  if (value == 0) throw InvalidArgument(key, "0", "1 or more");
  return value;
}

answers::KvFields fields_of(const nb::dict& arguments) {
  answers::KvFields f;
  f.model = optional<std::string>(arguments, "model");
  f.config = optional<std::string>(arguments, "config");
  f.dtype = get<std::string>(arguments, "dtype");
  f.scale_dtype = get<std::string>(arguments, "scale_dtype");
  f.weights_dtype = get<std::string>(arguments, "weights_dtype");
  f.group_size = get<std::uint64_t>(arguments, "group_size");
  f.weights_group_size = get<std::uint64_t>(arguments, "weights_group_size");
  f.context = positive(arguments, "context");
  f.batch = positive(arguments, "batch");
  f.gpus = positive(arguments, "gpus");
  f.parameters = optional<std::uint64_t>(arguments, "parameters");
  f.memory_bytes = optional<std::uint64_t>(arguments, "memory_bytes");
  f.device = optional<std::string>(arguments, "device");
  f.reserve_bytes = get<std::uint64_t>(arguments, "reserve_bytes");
  f.block_size = positive(arguments, "block_size");
  f.num_gpu_blocks = optional<std::uint64_t>(arguments, "num_gpu_blocks");
  return f;
}

std::string kv(const nb::dict& arguments) {
  const answers::KvQuestion question = answers::question_of(fields_of(arguments));
  if (!get<bool>(arguments, "compare")) return to_json(question, answer(question)).dump();
  return to_json(compare(question, optional<std::uint64_t>(arguments, "groups"))).dump();
}

std::string memory_footprint(const nb::dict& arguments) {
  using io::Implementation;
  static constexpr std::array<std::pair<std::string_view, Implementation>, 3> kImplementations{
      {{"pytorch", Implementation::pytorch},
       {"flash_attention", Implementation::flash_attention},
       {"block_sparse_flash_attention", Implementation::block_sparse_flash_attention}}};
  const auto name = get<std::string>(arguments, "implementation");
  for (const auto& [known, implementation] : kImplementations) {
    if (name != known) continue;
    const io::Footprint bytes = io::memory_footprint(
        implementation, get<Index>(arguments, "batch"), get<Index>(arguments, "num_heads"),
        get<Index>(arguments, "seqlen"), get<Index>(arguments, "head_dim"));
    return answers::dump({{"matrices", answers::json_count(bytes.matrices)},
                          {"rows", answers::json_count(bytes.rows)},
                          {"accumulator", answers::json_count(bytes.accumulator)},
                          {"statistics", answers::json_count(bytes.statistics)},
                          {"block_masks", answers::json_count(bytes.block_masks)},
                          {"total", answers::json_count(bytes.total())}});
  }
  throw InvalidArgument("implementation", name, "pytorch, flash_attention or block_sparse_flash_attention");
}

}  // namespace

void add_sizes(nb::module_& module) {
  module.def("kv", &kv, nb::arg("arguments"));
  module.def("memory_footprint", &memory_footprint, nb::arg("arguments"));
}

}  // namespace attnlab::python
