// A tensor of a command's input, in an open file, its data not read yet; and the masks and biases that every
// command reads alike.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "files/archive.h"
#include "reference/attention/problem.h"

namespace attnlab::answers {

struct TensorSource {
  std::shared_ptr<const files::Archive> file;
  std::string name;   // in the file
  std::string label;  // in refusals: "q", or "x.npz: q"
  // What integers of 8 or 16 bits are: NumPy's users keep bf16 and FP8 as uint16 and uint8.
  std::optional<DType> patterns_of;

  explicit operator bool() const { return file != nullptr; }
  files::TensorInfo info() const;
  files::Tensor load() const;
};

// The only tensor of a file that a field names. `raw_as`: the type of elements that a .npy leaves untyped,
// or holds as integers. Throws FileError, and InvalidArgument for a file of several.
TensorSource open_single(const std::string& field, const std::string& path, std::optional<DType> raw_as);

// Throws InvalidArgument unless the tensor is of a floating-point type.
void require_float(const TensorSource& source);

// The floating-point type that a field names; nothing if empty. Throws InvalidArgument naming the field.
std::optional<DType> parse_float_type(const std::string& field, const std::string& text);

// What Problem::mask and Problem::bias point into.
struct MaskAndBias {
  std::vector<std::uint8_t> mask;
  std::vector<float> bias;
};
// Reads them into the problem; either source may be absent. Throws InvalidArgument unless they broadcast to
// [batch, heads, seqlen_q, seqlen_kv] and are of a type that fits, and FileError.
MaskAndBias read_mask_and_bias(TensorSource mask, const TensorSource& bias, attention::Problem& problem);

}  // namespace attnlab::answers
