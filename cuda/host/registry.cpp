#include "cuda/host/registry.h"

#include <algorithm>
#include <string>

#include "kernel_list.h"

namespace attnlab::cuda {
namespace {

std::vector<Kernel> collected() {
  std::vector<Kernel> all;
  for (const Collected& from : kCollected) {
    for (Kernel kernel : from.rows) {
      kernel.family = from.family, kernel.file = from.file, kernel.header = from.header;
      all.push_back(kernel);
    }
  }
  std::ranges::stable_sort(all, {}, &Kernel::family);
  return all;
}

// An option as the host API's argument: what was given, and what a kernel without it expects.
struct OptionText {
  Option option;
  const char *name, *argument, *given, *expected;
};
constexpr OptionText kOptionTexts[] = {
    {Option::causal, "causal", "causal", "true", "false"},
    {Option::window, "window", "window", "bounds", "none"},
    {Option::softcap, "softcap", "softcap", "a number", "0"},
    {Option::alibi, "alibi", "alibi_slopes", "values", "none"},
    {Option::dropout, "dropout", "dropout.p", "a number", "0"},
    {Option::grouped_heads, "grouped_heads", "num_kv_heads", "fewer than num_heads", "num_heads"},
    {Option::padded, "padded", "kv_lens", "lengths", "none"},
    {Option::packed, "packed", "cu_seqlens_q", "values", "none"},
    {Option::value_dim, "value_dim", "head_dim_v", "another than head_dim", "head_dim"},
    {Option::bias, "bias", "bias", "values", "none"},
    {Option::mask, "mask", "mask", "values", "none"},
    {Option::sinks, "sinks", "sinks", "values", "none"},
    {Option::paged, "paged", "block_table", "values", "none"},
    {Option::narrow_cache, "narrow_cache", "kv_type", "another than the queries'", "theirs"},
    {Option::shared_prefix, "shared_prefix", "shared_kv", "keys", "0"},
};

std::string alternatives(const std::vector<std::string>& texts) {
  std::string all;
  for (std::size_t n = 0; n < texts.size(); ++n)
    all += (n == 0 ? "" : n + 1 < texts.size() ? ", " : " or ") + texts[n];
  return all;
}

std::string capability_text(int capability) {
  return std::to_string(capability / 10) + "." + std::to_string(capability % 10);
}

std::string names_of_all() {
  std::string all;
  for (const Kernel& kernel : kernels()) all += (all.empty() ? "" : ", ") + std::string(kernel.name);
  return all;
}

}  // namespace

std::span<const Kernel> kernels() {
  static const std::vector<Kernel> all = collected();
  return all;
}

const Kernel& find_kernel(std::string_view name) {
  for (const Kernel& kernel : kernels()) {
    if (kernel.name == name) return kernel;
  }
  throw InvalidArgument("kernel", std::string(name), "one of " + names_of_all());
}

Need need_of(const attention::Problem& p, DType dtype) {
  Need need{dtype, p.head_dim, {}};
  const auto ask = [&](Option option, bool asked) {
    if (asked) need.options = need.options | option;
  };
  ask(Option::causal, p.causal);
  ask(Option::window, p.window.left || p.window.right);
  ask(Option::softcap, p.softcap != 0);
  ask(Option::alibi, !p.alibi_slopes.empty());
  ask(Option::dropout, p.dropout.p != 0);
  ask(Option::grouped_heads, p.num_heads != p.num_kv_heads);
  ask(Option::padded, !p.q_lens.empty() || !p.kv_lens.empty());
  ask(Option::packed, !p.cu_seqlens_q.empty() || !p.cu_seqlens_kv.empty());
  ask(Option::value_dim, p.head_dim_v != p.head_dim);
  ask(Option::bias, static_cast<bool>(p.bias));
  ask(Option::mask, static_cast<bool>(p.mask));
  ask(Option::sinks, !p.sinks.empty());
  return need;
}

Need need_of(const AttentionParams& p) {
  Need need{p.type, p.head_dim, {}};
  const auto ask = [&](Option option, bool asked) {
    if (asked) need.options = need.options | option;
  };
  ask(Option::causal, p.window_right == 0 && p.window_left == kUnbounded);
  ask(Option::window, p.window_left != kUnbounded || (p.window_right != kUnbounded && p.window_right != 0));
  ask(Option::softcap, p.softcap != 0);
  ask(Option::alibi, p.alibi_slopes != nullptr);
  ask(Option::dropout, p.dropout.on);
  ask(Option::grouped_heads, p.heads_q != p.heads_kv);
  ask(Option::padded, p.lens_q != nullptr || p.lens_kv != nullptr);
  ask(Option::packed, p.cu_seqlens_q != nullptr || p.cu_seqlens_kv != nullptr);
  ask(Option::value_dim, p.value_dim() != p.head_dim);
  ask(Option::paged, p.block_table != nullptr);
  ask(Option::narrow_cache, p.narrow_cache() || p.k_scale.data != nullptr || p.v_scale.data != nullptr);
  ask(Option::shared_prefix, p.shared_kv != 0);
  return need;
}

std::optional<InvalidArgument> refusal(const Kernel& kernel, const Need& need, const DeviceLimits& device) {
  const Requires& needs = kernel.needs;
  if (std::ranges::find(needs.dtypes, need.dtype) == needs.dtypes.end()) {
    return InvalidArgument("dtype", std::string(name(need.dtype)), alternatives(needs.dtypes));
  }
  if (!needs.head_dims.empty() &&
      std::ranges::find(needs.head_dims, need.head_dim) == needs.head_dims.end()) {
    return InvalidArgument("head_dim", std::to_string(need.head_dim), alternatives(needs.head_dims));
  }
  for (const OptionText& text : kOptionTexts) {
    if (need.options.has(text.option) && !needs.options.has(text.option)) {
      return InvalidArgument(text.argument, text.given,
                             std::string(text.expected) + ": " + kernel.name + " does not support it");
    }
  }
  const int least = needs.min_compute_capability;
  if (device.compute_capability < least ||
      (needs.this_capability_only && device.compute_capability != least)) {
    return InvalidArgument(
        "device", "compute capability " + capability_text(device.compute_capability),
        capability_text(least) + (needs.this_capability_only ? " for " : " or more for ") + kernel.name);
  }
  if (kernel.geometry(static_cast<int>(need.head_dim), {}).shared_bytes > device.shared_bytes_per_block) {
    return InvalidArgument("head_dim", std::to_string(need.head_dim),
                           "one whose tiles fit into " + std::to_string(device.shared_bytes_per_block) +
                               " bytes of shared memory");
  }
  return std::nullopt;
}

void require(const Kernel& kernel, const Need& need, const DeviceLimits& device) {
  if (const auto why = refusal(kernel, need, device)) throw *why;
}

void require_tiles(const Kernel& kernel, int head_dim, Tiles asked, const DeviceLimits& device) {
  if (asked.br == 0 && asked.bc == 0) return;
  const char* argument = asked.br != 0 ? "br" : "bc";
  if (kernel.takes == nullptr) {
    throw InvalidArgument(argument, std::to_string(asked.br != 0 ? asked.br : asked.bc),
                          std::string("nothing: ") + kernel.name + " has its own tiles alone");
  }
  const auto taken = [&](Tiles tiles) {
    return kernel.takes(head_dim, tiles) &&
           kernel.geometry(head_dim, tiles).shared_bytes <= device.shared_bytes_per_block;
  };
  const Geometry chosen = kernel.geometry(head_dim, asked);
  if (taken({chosen.br, chosen.bc})) return;
  // Those of usual sizes, by their rows.
  std::string all;
  for (const int br : {8, 16, 32, 64, 128, 256, 512}) {
    std::vector<int> cols;
    for (const int bc : {8, 16, 32, 64, 128}) {
      if (taken({br, bc})) cols.push_back(bc);
    }
    if (!cols.empty()) all += (all.empty() ? "" : "; ") + std::to_string(br) + " x " + alternatives(cols);
  }
  throw InvalidArgument(argument, std::to_string(chosen.br) + " x " + std::to_string(chosen.bc),
                        "tiles that " + std::string(kernel.name) + " takes with head_dim " +
                            std::to_string(head_dim) + ": " + all);
}

const Kernel& fittest_kernel(std::span<const Kernel> kernels, Pass pass, const Need& need,
                             const DeviceLimits& device) {
  std::optional<InvalidArgument> first_refusal;
  const Kernel* best = nullptr;
  for (const Kernel& kernel : kernels) {
    if (kernel.pass != pass) continue;
    const auto why = refusal(kernel, need, device);
    if (!why) best = &kernel;
    if (why && !first_refusal) first_refusal = why;
  }
  if (best != nullptr) return *best;
  if (first_refusal) throw *first_refusal;
  throw InvalidArgument("kernel", "none", std::string("one of the ") + name(pass) + " pass");
}

std::vector<std::string> names(Options options) {
  std::vector<std::string> all;
  for (const OptionText& text : kOptionTexts) {
    if (options.has(text.option)) all.emplace_back(text.name);
  }
  return all;
}

const char* name(Family family) {
  constexpr const char* kNames[] = {"softmax", "forward", "backward", "decode",
                                    "fp8",     "quant",   "sparse",   "parallel"};
  return kNames[static_cast<std::size_t>(family)];
}

const char* name(Pass pass) {
  constexpr const char* kNames[] = {"softmax", "forward", "backward", "decode"};
  return kNames[static_cast<std::size_t>(pass)];
}

std::string alternatives(std::span<const DType> dtypes) {
  std::vector<std::string> texts;
  for (const DType type : dtypes) texts.emplace_back(name(type));
  return alternatives(texts);
}

std::string alternatives(std::span<const int> numbers) {
  std::vector<std::string> texts;
  for (const int number : numbers) texts.push_back(std::to_string(number));
  return alternatives(texts);
}

std::string ladder_row(const Kernel& kernel) {
  std::string row = std::string("| ") + kernel.name + " | `" + kernel.file + "` |";
  for (const char* cell : {kernel.idea, kernel.limit, kernel.paper}) row += std::string(" ") + cell + " |";
  return row;
}

}  // namespace attnlab::cuda
