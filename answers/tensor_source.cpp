#include "answers/tensor_source.h"

#include <fmt/format.h>

#include <array>

#include "answers/form.h"
#include "files/tensor_file.h"
#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::answers {
namespace {

bool holds_patterns(DType stored, DType of) {
  if (bits(stored) != bits(of)) return false;
  return stored == DType::u16 || stored == DType::i16 || stored == DType::u8 || stored == DType::i8;
}

// Extents that NumPy's rules broadcast to [batch, heads, seqlen_q, seqlen_kv].
std::array<Index, 4> broadcast_extents(const TensorSource& source, const attention::Problem& p) {
  const std::vector<Index> shape = source.info().shape;
  const std::array<Index, 4> full{p.batch, p.num_heads, p.seqlen_q, p.seqlen_kv};
  std::array<Index, 4> extents{1, 1, 1, 1};
  bool fits = shape.size() <= 4;
  for (std::size_t n = 0; fits && n < shape.size(); ++n) {
    const std::size_t at = 4 - shape.size() + n;
    extents[at] = shape[n];
    fits = shape[n] == 1 || shape[n] == full[at];
  }
  if (!fits) {
    refuse_shape(
        source.label, shape,
        fmt::format("[batch, heads, seqlen_q, seqlen_kv] = {}, or what broadcasts to it", shape_text(full)));
  }
  return extents;
}

// 1 where an integer element is not 0.
std::vector<std::uint8_t> nonzero(const files::Tensor& tensor) {
  const auto size = static_cast<std::size_t>(bits(tensor.dtype) / 8);
  std::vector<std::uint8_t> result(tensor.data.size() / size);
  for (std::size_t n = 0; n < tensor.data.size(); ++n) {
    if (tensor.data[n] != std::byte{0}) result[n / size] = 1;
  }
  return result;
}

}  // namespace

files::TensorInfo TensorSource::info() const {
  files::TensorInfo info = file->info(name);
  if (patterns_of && holds_patterns(info.dtype, *patterns_of)) info.dtype = *patterns_of;
  return info;
}

files::Tensor TensorSource::load() const {
  files::Tensor tensor = file->load(name);
  tensor.dtype = info().dtype;
  return tensor;
}

TensorSource open_single(const std::string& field, const std::string& path, std::optional<DType> raw_as) {
  TensorSource source{files::open(path, raw_as), {}, field, raw_as};
  if (source.file->tensors().size() != 1) {
    throw InvalidArgument(field,
                          fmt::format("{}, which holds {} tensors", path, source.file->tensors().size()),
                          "a file of one tensor (or `input`, for tensors named q, k, v)");
  }
  source.name = source.file->tensors()[0].name;
  return source;
}

void require_float(const TensorSource& source) {
  const DType type = source.info().dtype;
  if (!is_float(type)) {
    throw InvalidArgument(source.label, std::string(name(type)), "a floating-point type");
  }
}

std::optional<DType> parse_float_type(const std::string& field, const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::optional<DType> type;
  try {
    type = parse_dtype(text);
  } catch (const InvalidArgument&) {  // it names no field
  }
  if (!type || !is_float(*type)) {
    throw InvalidArgument(field, text, "fp64, fp32, fp16, bf16, fp8_e4m3 or fp8_e5m2");
  }
  return type;
}

MaskAndBias read_mask_and_bias(TensorSource mask, const TensorSource& bias, attention::Problem& problem) {
  MaskAndBias result;
  mask.patterns_of.reset();  // its integers are what they are
  if (mask) {
    const auto [b, h, r, c] = broadcast_extents(mask, problem);
    const DType type = mask.info().dtype;
    if (is_float(type)) {
      throw InvalidArgument(mask.label, std::string(name(type)),
                            "bool or an integer type, 0 where a key is hidden (numbers to add are a bias)");
    }
    result.mask = nonzero(mask.load());
    problem.mask = broadcast(result.mask.data(), b, h, r, c);
  }
  if (bias) {
    const auto [b, h, r, c] = broadcast_extents(bias, problem);
    const DType type = bias.info().dtype;
    if (!is_float(type) || type == DType::f64) {
      throw InvalidArgument(bias.label, std::string(name(type)),
                            "fp32 or a narrower floating-point type, as biases are kept in fp32");
    }
    result.bias = bias.load().to_float();
    problem.bias = broadcast(result.bias.data(), b, h, r, c);
  }
  return result;
}

}  // namespace attnlab::answers
