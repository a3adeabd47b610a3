// How well a mutated reference explains some rows of an output: the distance between the two, over what the
// roundings of the kernel's class may do.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "oracle/mistakes/mutation.h"

namespace attnlab::oracle::mistaken {

// A row of an output: of O and lse, or of a gradient; at its place in the tensor.
struct Target {
  enum Kind { forward, dq, dk, dv } kind = forward;
  Index batch = 0, head = 0, row = 0;
  std::vector<double> got;  // the row of O, or of the gradient; empty where not given
  std::vector<double> lse;  // one number, or none
  bool failing = false;     // what the mistake has to explain; the others it must leave right
};

struct Fit {
  double worst = 0;     // the largest error over its bound
  double distance = 0;  // sum of squares of error over the class' bound, over the failing targets
  bool within() const { return worst <= 1; }
};

// The tiles of a candidate.
struct CandidateTiles {
  Index br = 64, bc = 64;
  Index lost_col_block = -1;  // of addition_lost; the row block is the target's
};

class Explainer {
 public:
  Explainer(const attention::Problem& problem, const Inputs& inputs, const Outputs& outputs,
            const KernelClass& kernel_class);

  // Columns of O that are compared in a hurry; the scores of a row are then computed once for all candidates.
  std::vector<Index> columns;

  // mistake: null for the kernel as it should be. Stops at the first target that does not fit.
  Fit fit(const Mistake* mistake, const CandidateTiles& tiles, const std::vector<const Target*>& targets,
          bool stop = true, bool hurry = false);
  // Backward targets of a mistake that shows in both passes: whether it was made in the forward pass, too.
  bool mistaken_forward = false;

  // A row of a tensor at (batch, head, row), and the sequence that it belongs to; false: padding.
  bool locate(const attention::Problem& problem, bool keys, const Target& target, Index& b, Index& i) const;
  // Row errors of a kernel with the mistake's arithmetic, as root mean squares: of what was got and of the
  // model, against the reference.
  struct Noise {
    double got = 0, model = 0, size = 0, aligned = 0;  // aligned: cosine of the error and the reference
  };
  Noise noise(const Mistake& mistake, const Target& target);

 private:
  struct Loaded {
    HeadInputs<double> in;
    double longest_key = 0;  // the largest norm of a row of K
  };
  struct Saved {
    RowMajor<double> o;
    Column<double> lse;
  };
  // Of one row: its products with all keys in place of K, 1 in place of q, and `columns` of V.
  const Loaded& narrow(Index b, Index h, Index i);
  const Loaded& load(const Mutation& mutation, const Mistake* mistake, Index b, Index h);
  const Saved& saved_of(const Mutation& mutation, const Mistake* mistake, Index b, Index h,
                        const TileHead<double>::Options& options);
  TileHead<double>::Options options_of(const Mutation& mutation, const CandidateTiles& tiles) const;
  void fit_forward(const Mutation& mutation, const Mistake* mistake, const CandidateTiles& tiles,
                   const Target& target, bool hurry, Fit& fit);
  void fit_backward(const Mutation& mutation, const Mistake* mistake, const CandidateTiles& tiles,
                    const Target& target, Fit& fit);
  // Relative bounds of the weights and of the sums of a row.
  double weight_error(const attention::Head& head, const Loaded& in, double query_norm) const;
  double sum_error(Index terms) const;

  const attention::Problem& problem_;
  const Inputs& inputs_;
  const Outputs& outputs_;
  const KernelClass& class_;
  // By sequence and head, read as they should be.
  std::map<std::pair<Index, Index>, Loaded> plain_;
  std::map<std::array<Index, 3>, Loaded> narrow_;
  Loaded mistaken_;
  const Mistake* mistaken_by_ = nullptr;
  std::pair<Index, Index> mistaken_at_{-1, -1};
  std::map<std::pair<Index, Index>, Saved> saved_plain_;
  Saved saved_;
};

}  // namespace attnlab::oracle::mistaken
