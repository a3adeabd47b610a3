// FP8's descale factors of `attnlab check`: numbers, or files of them.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "answers/tensor_source.h"
#include "oracle/tensor.h"

namespace attnlab::answers {

// A finite number, if the text is one.
std::optional<float> parse_number(const std::string& text);

// Gives a tensor its factors, from the text of a field (a number) or from a source, if either is there:
// a single number; [batch, heads], of q also [batch, num_kv_heads], a factor a group of heads; or
// [batch, heads, rows(, dim)], whose extents may be 1, and whose rows may be those of blocks of 2^n rows. The
// numbers are kept in `storage`. Throws InvalidArgument naming the field or source.
void apply_scale(const std::string& text, const TensorSource& source, const std::string& field,
                 Index num_kv_heads, Tensor& tensor, std::list<std::vector<float>>& storage);

}  // namespace attnlab::answers
