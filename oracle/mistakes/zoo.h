// The zoo's grounds: problems with inputs on which mistakes are let loose, small ones and ones of 64k keys.
// Tests and `attnlab zoo` run every mistake that applies on every one of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oracle/mistakes.h"

namespace attnlab::oracle {

// How queries and keys are drawn. All are normal numbers first.
enum class ZooData {
  normal,
  edges,     // queries lean towards the keys on both sides of their mask's edges: each such key has weight
  negative,  // every score is near -200
  very_negative,  // every score is near -6e4
};

struct ZooCase {
  std::string name;
  attention::Problem problem;
  DType dtype = DType::f32;
  KernelClass kernel_class;  // of the dtype where its name is empty
  Index br = 64, bc = 64;    // the kernels' tiles
  ZooData data = ZooData::edges;
  bool backward = false;
  bool heads_inside = false;  // [b, s, h, d] in memory
  Index page_size = 0;        // of a paged cache
  bool far_heads = false;     // heads of K lie 2^31 elements apart
  bool with_bias = false, with_mask = false;
  std::uint64_t seed = 1;
};
std::vector<ZooCase> zoo_cases();

// The tensors of a case, and what kernels write.
class ZooTensors {
 public:
  explicit ZooTensors(const ZooCase& which);
  ~ZooTensors();
  ZooTensors(const ZooTensors&) = delete;
  ZooTensors& operator=(const ZooTensors&) = delete;

  const attention::Problem& problem() const { return problem_; }  // with its bias and mask
  const KernelClass& kernel_class() const { return kernel_class_; }
  const Inputs& inputs() const { return inputs_; }
  // What the kernel wrote: valid until the next run. Outputs are NaN before. Backward cases run the backward
  // pass on golden o and lse. A cached result is looked for by a call with other inputs before.
  const Outputs& run(const Kernel& kernel, bool call_before = false);
  // The same bits as the last run, in memory that later runs leave alone.
  struct Kept {
    std::vector<std::vector<std::byte>> bytes;
    Outputs outputs;
  };
  std::shared_ptr<Kept> keep() const;

 private:
  struct Memory;
  ZooCase case_;
  attention::Problem problem_;
  KernelClass kernel_class_;
  std::unique_ptr<Memory> memory_;
  Inputs inputs_;
  Outputs outputs_;
};

// Whether the mistake is one on this problem: the outputs of the kernel with it and of the one without differ
// in float64 by more than 1e-9; of a mistake of precision, whether its format is coarser than the class' own.
bool changes_anything(const Mistake& mistake, const ZooCase& which, const attention::Problem& problem,
                      const Inputs& inputs);

}  // namespace attnlab::oracle
