// Which tensors of a checkpoint are key and value projections, and what becomes of them under fewer heads.
//
// Found by name:
//   k_proj, v_proj          .weight [kv_heads * head_dim, hidden], .bias    Llama, Mistral, Qwen, OPT, ...
//   self.key, self.value    the same                                        BERT
//   c_attn                  .weight [hidden, q | k | v], .bias              GPT-2: input features first
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "files/archive.h"
#include "reference/heads/gqa_convert.h"

namespace attnlab::answers {

struct GqaRequest {
  Index heads = 0;  // of the queries
  Index groups = 0;
  heads::Pooling pooling = heads::Pooling::mean;
  std::uint64_t seed = 0;
  // Where they are known: the size of a head and the heads of K and V, which the checkpoint must have.
  std::optional<Index> head_dim, kv_heads;
};

// Decided from names and shapes before any data are read. Refers to the archive.
class GqaPlan {
 public:
  // Throws InvalidArgument when no projection is found, when one is quantised, has an unknown companion
  // (such as an adapter) or a shape that does not fit, and when the groups do not divide the heads.
  GqaPlan(const files::Archive& checkpoint, const GqaRequest& request);

  // Of the converted checkpoint, in the order of the old.
  const std::vector<files::TensorInfo>& tensors() const { return tensors_; }
  bool changes(std::size_t i) const { return !parts_[i].empty(); }

  // Tensor i of the converted checkpoint. Elements outside of K and V keep their bits.
  files::Tensor load(std::size_t i) const;

 private:
  // A run of output features that holds the heads of K or V.
  struct Part {
    Index begin, size, kv_heads;
    Index end() const { return begin + size; }
  };
  void plan_tensor(const files::TensorInfo& info);
  Part part_of(const files::TensorInfo& info, Index begin, Index size, std::optional<Index> q_features) const;
  void add(const files::TensorInfo& info, std::vector<Part> parts, std::size_t axis);

  const files::Archive& checkpoint_;
  GqaRequest request_;
  std::vector<files::TensorInfo> tensors_;
  std::vector<std::vector<Part>> parts_;  // none: the tensor stays as it is
  std::vector<std::size_t> axes_;         // of the output features
};

}  // namespace attnlab::answers
