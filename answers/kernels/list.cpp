#include "answers/kernels/list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cuda/host/registry.h"

namespace attnlab::answers {
namespace {

std::string capability_text(int capability) { return fmt::format("{}.{}", capability / 10, capability % 10); }

Json operands_json(const cuda::Kernel& kernel) {
  Json list = Json::array();
  for (const cuda::Operand& operand : kernel.operands)
    list.push_back({{"name", operand.name}, {"shape", operand.shape}, {"written", operand.written}});
  return list;
}

}  // namespace

Json kernels_json() {
  Json list = Json::array();
  for (const cuda::Kernel& kernel : cuda::kernels()) {
    Json dtypes = Json::array();
    for (const DType type : kernel.needs.dtypes) dtypes.push_back(name(type));
    list.push_back({{"name", kernel.name},
                    {"family", name(kernel.family)},
                    {"pass", name(kernel.pass)},
                    {"title", kernel.title},
                    {"paper", kernel.paper},
                    {"idea", kernel.idea},
                    {"limit", kernel.limit},
                    {"algorithm", kernel.algorithm == nullptr ? Json() : Json(kernel.algorithm)},
                    {"operands", operands_json(kernel)},
                    {"dtypes", dtypes},
                    {"head_dims", kernel.needs.head_dims},
                    {"options", names(kernel.needs.options)},
                    {"min_compute_capability", capability_text(kernel.needs.min_compute_capability)},
                    {"files", {kernel.file, kernel.header}}});
  }
  return list;
}

std::string kernels_text() {
  std::string text = "Kernels (witness, check, battery): in CUDA, for GPUs and the emulator\n";
  for (const cuda::Kernel& kernel : cuda::kernels()) {
    text += fmt::format("  {:<32} {}\n", kernel.name, kernel.title);
    text += fmt::format("  {:<32} {}, sm_{} {}\n", "", kernel.file, kernel.needs.min_compute_capability,
                        kernel.needs.this_capability_only ? "alone" : "or later");
    text += fmt::format("  {:<32} {}", "", cuda::alternatives(kernel.needs.dtypes));
    if (!kernel.needs.head_dims.empty())
      text += fmt::format("; head_dim {}", fmt::join(kernel.needs.head_dims, ", "));
    text += '\n';
  }
  return text;
}

}  // namespace attnlab::answers
