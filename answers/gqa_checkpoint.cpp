#include "answers/gqa_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::answers {
namespace {

using files::TensorInfo;

struct Style {
  std::string_view module;  // the module's name, whole components of a tensor's name
  std::string_view query;   // its companion for the queries
  bool fused;               // q, k and v side by side, input features first
};

constexpr Style kStyles[] = {
    {"k_proj", "q_proj", false},         {"v_proj", "q_proj", false}, {"self.key", "self.query", false},
    {"self.value", "self.query", false}, {"c_attn", "c_attn", true},
};

// Norms over all heads of K or V at once, which pooling the projection alone would leave behind.
constexpr std::string_view kNorms[] = {"k_norm.weight", "k_layernorm.weight", "v_norm.weight"};

// A tensor of a projection: <prefix><module>.<leaf>
struct Projection {
  const Style* style;
  std::string prefix;
  std::string leaf;
};

std::optional<Projection> projection_of(const std::string& name) {
  for (const Style& style : kStyles) {
    const std::string inner = std::string(style.module) + ".";
    for (std::size_t at = name.find(inner); at != std::string::npos; at = name.find(inner, at + 1)) {
      if (at != 0 && name[at - 1] != '.') continue;
      return Projection{&style, name.substr(0, at), name.substr(at + inner.size())};
    }
  }
  return std::nullopt;
}

std::string shown(const TensorInfo& info) {
  return fmt::format("{} {}", name(info.dtype), shape_text(info.shape));
}

[[noreturn]] void refuse(const TensorInfo& info, const std::string& expected) {
  throw InvalidArgument(info.name, shown(info), expected);
}

// FNV-1a: each tensor has its own random stream, wherever in the file it lies.
std::uint32_t stream_of(const std::string& name) {
  std::uint32_t hash = 2166136261;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return hash;
}

// A weight or bias as a sequence of output features of `inputs` numbers each, whichever of its dimensions the
// output features are.
class Features {
 public:
  Features(files::Tensor& tensor, std::size_t axis)
      : dtype_(tensor.dtype), bytes_(static_cast<std::size_t>(bits(tensor.dtype) / 8)), data_(tensor.data) {
    outputs_ = tensor.shape[axis];
    inputs_ = tensor.shape.size() == 2 ? tensor.shape[1 - axis] : 1;
    output_stride_ = axis == 1 ? 1 : inputs_;
    input_stride_ = axis == 1 ? outputs_ : 1;
  }

  Index outputs() const { return outputs_; }
  Index inputs() const { return inputs_; }

  std::byte* element(Index output, Index input) const {
    return &data_[static_cast<std::size_t>(output * output_stride_ + input * input_stride_) * bytes_];
  }
  // [count, inputs]
  std::vector<double> numbers(Index begin, Index count) const {
    std::vector<double> values;
    values.reserve(static_cast<std::size_t>(count * inputs_));
    for (Index o = begin; o < begin + count; ++o) {
      for (Index n = 0; n < inputs_; ++n) {
        std::uint64_t pattern = 0;
        std::memcpy(&pattern, element(o, n), bytes_);
        values.push_back(decode(dtype_, pattern));
      }
    }
    return values;
  }
  // Rounded to the type, from feature `begin` on.
  void set(Index begin, const std::vector<double>& values) const {
    for (std::size_t at = 0; at < values.size(); ++at) {
      const auto index = static_cast<Index>(at);
      const std::uint64_t pattern = encode(dtype_, values[at]);
      std::memcpy(element(begin + index / inputs_, index % inputs_), &pattern, bytes_);
    }
  }
  void copy(Index output, const Features& from, Index from_output) const {
    for (Index n = 0; n < inputs_; ++n) std::memcpy(element(output, n), from.element(from_output, n), bytes_);
  }

 private:
  DType dtype_;
  std::size_t bytes_;
  std::span<std::byte> data_;
  Index outputs_, inputs_, output_stride_, input_stride_;
};

}  // namespace

GqaPlan::GqaPlan(const files::Archive& checkpoint, const GqaRequest& request)
    : checkpoint_(checkpoint), request_(request) {
  for (const TensorInfo& info : checkpoint.tensors()) plan_tensor(info);
  if (std::ranges::all_of(parts_, &std::vector<Part>::empty)) {
    throw InvalidArgument("checkpoint",
                          fmt::format("{} tensors, no key or value projection among them", tensors_.size()),
                          "tensors named ...k_proj.weight and ...v_proj.weight, ...self.key.weight and "
                          "...self.value.weight, or ...c_attn.weight");
  }
}

void GqaPlan::plan_tensor(const TensorInfo& info) {
  const std::optional<Projection> found = projection_of(info.name);
  if (!found) return add(info, {}, 0);
  const auto& [style, prefix, leaf] = *found;
  const bool weight = leaf == "weight";
  if (!weight && leaf != "bias") {
    refuse(info, fmt::format("nothing but a weight and a bias in {}", style->module));
  }
  if (!is_float(info.dtype) || bits(info.dtype) < 16) refuse(info, "fp64, fp32, fp16 or bf16: unquantised");
  if (info.shape.size() != (weight ? 2 : 1)) refuse(info, weight ? "a matrix" : "a vector");

  const std::string query = prefix + std::string(style->query) + ".weight";
  if (style->fused) {
    // Query features are as many as hidden features, which only the weight shows.
    if (!checkpoint_.contains(query)) refuse(info, "its weight beside it");
    const Index q = checkpoint_.info(query).shape.front(), all = info.shape.back();
    if (all <= q || (all - q) % 2 != 0)
      refuse(info, fmt::format("{} features of q, then k and v of equal size", q));
    const Index kv = (all - q) / 2;
    return add(info, {part_of(info, q, kv, q), part_of(info, q + kv, kv, q)}, weight ? 1 : 0);
  }
  const std::optional<Index> q =
      checkpoint_.contains(query) ? std::optional(checkpoint_.info(query).shape.front()) : std::nullopt;
  const Part part = part_of(info, 0, info.shape.front(), q);
  for (const std::string_view norm : kNorms) {
    const std::string norm_name = prefix + std::string(norm);
    if (part.kv_heads == 1 || !checkpoint_.contains(norm_name)) continue;
    const TensorInfo& norm_info = checkpoint_.info(norm_name);
    if (files::element_count(norm_info.shape) == part.size) refuse(norm_info, "a norm that the heads share");
  }
  add(info, {part}, 0);
}

GqaPlan::Part GqaPlan::part_of(const TensorInfo& info, Index begin, Index size,
                               std::optional<Index> q_features) const {
  const Index heads = request_.heads;
  if (q_features && *q_features % heads != 0) {
    throw InvalidArgument("heads", std::to_string(heads),
                          fmt::format("a divisor of the {} query features of {}", *q_features, info.name));
  }
  // Without the queries in this file, K and V count as having a head for each of theirs.
  const Index all = request_.kv_heads.value_or(heads);
  const Index head_dim = request_.head_dim ? *request_.head_dim
                         : q_features      ? *q_features / heads
                                           : size / all;
  if (q_features && *q_features != heads * head_dim) {
    refuse(info, fmt::format("beside queries of {} x {} features, not {}", heads, head_dim, *q_features));
  }
  if (head_dim == 0 || size == 0 || size % head_dim != 0 || heads % (size / head_dim) != 0) {
    refuse(info, fmt::format("features of k or v: heads of {} features, as many as divide the {} query heads",
                             head_dim, heads));
  }
  const Index kv_heads = size / head_dim;
  if (request_.kv_heads && kv_heads != *request_.kv_heads) {
    refuse(info, fmt::format("{} heads of k or v with {} features each", *request_.kv_heads, head_dim));
  }
  if (request_.groups < 1 || kv_heads % request_.groups != 0) {
    throw InvalidArgument("groups", std::to_string(request_.groups),
                          fmt::format("a divisor of the {} heads of {}", kv_heads, info.name));
  }
  return {begin, size, kv_heads};
}

void GqaPlan::add(const TensorInfo& info, std::vector<Part> parts, std::size_t axis) {
  TensorInfo converted = info;
  for (const Part& part : parts)
    converted.shape[axis] -= part.size - part.size / part.kv_heads * request_.groups;
  tensors_.push_back(std::move(converted));
  parts_.push_back(std::move(parts));
  axes_.push_back(axis);
}

files::Tensor GqaPlan::load(std::size_t i) const {
  files::Tensor old = checkpoint_.load(tensors_[i].name);
  if (!changes(i)) return old;
  files::Tensor result{tensors_[i], {}};
  result.data.resize(static_cast<std::size_t>(*files::byte_count(result)));
  const Features from(old, axes_[i]), to(result, axes_[i]);
  Index read = 0, written = 0;
  const auto keep_until = [&](Index end) {
    for (; read < end; ++read, ++written) to.copy(written, from, read);
  };
  for (const Part& part : parts_[i]) {
    keep_until(part.begin);
    const heads::GroupConversion conversion{part.kv_heads, request_.groups, request_.pooling, request_.seed,
                                            stream_of(old.name) + static_cast<std::uint32_t>(part.begin)};
    const std::vector<double> weight = from.numbers(part.begin, part.size);
    const Index size = part.size / part.kv_heads * request_.groups, inputs = from.inputs();
    std::vector<double> pooled(static_cast<std::size_t>(size * inputs));
    heads::convert_projection<double>(conversion, {weight.data(), part.size, inputs, inputs},
                                      {pooled.data(), size, inputs, inputs});
    to.set(written, pooled);
    written += size;
    read = part.end();
  }
  keep_until(from.outputs());
  return result;
}

}  // namespace attnlab::answers
