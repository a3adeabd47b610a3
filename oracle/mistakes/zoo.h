// The zoo: problems and inputs to run mutants on (kernels with one mistake each, mistakes.h). Most problems
// are small, some have 64k keys. Tests and `attnlab zoo` run every mistake on every problem that it applies
// to.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oracle/mistakes.h"

namespace attnlab::oracle {

// How queries and keys are drawn. All begin as normal numbers.
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

// The tensors of a case, and the outputs of the kernels that run on it.
class ZooTensors {
 public:
  explicit ZooTensors(const ZooCase& which);
  ~ZooTensors();
  ZooTensors(const ZooTensors&) = delete;
  ZooTensors& operator=(const ZooTensors&) = delete;

  const attention::Problem& problem() const { return problem_; }  // with its bias and mask
  const KernelClass& kernel_class() const { return kernel_class_; }
  const Inputs& inputs() const { return inputs_; }
  // Runs the kernel; what it wrote is valid until the next run. Outputs hold NaN before. Backward cases run
  // the backward pass on golden o and lse. call_before: first calls it with other inputs, to find cached
  // results.
  const Outputs& run(const Kernel& kernel, bool call_before = false);
  // A copy of the last run's outputs, which later runs leave alone.
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

// Whether the mistake changes anything on this problem: whether the kernel's outputs with and without it
// differ by more than 1e-9 in float64. For a mistake of precision: whether its format is coarser than the
// class' own.
bool changes_anything(const Mistake& mistake, const ZooCase& which, const attention::Problem& problem,
                      const Inputs& inputs);

}  // namespace attnlab::oracle
