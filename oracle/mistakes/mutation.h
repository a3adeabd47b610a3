// A mistake applied: the problem, the head, the inputs and the arithmetic that a kernel with it works on.
#pragma once

#include "oracle/mistakes.h"
#include "oracle/mistakes/load.h"
#include "oracle/mistakes/tile_head.h"

namespace attnlab::oracle::mistaken {

class Mutation {
 public:
  // mistake: null for none. The problem is copied.
  Mutation(const Mistake* mistake, const attention::Problem& problem);

  const attention::Problem& problem() const { return problem_; }
  Wrong wrong() const { return mistake_ == nullptr ? Wrong::none : mistake_->step; }
  attention::Head head(Index b, Index h) const;

  template <class T>
  HeadInputs<T> load(const Inputs& in, const Arithmetic<T>& arithmetic, Index b, Index h) const {
    const auto get = [&](const Tensor& tensor, Operand which) -> RowMajor<T> {
      if (!tensor) return {};
      RowMajor<T> rows = mistaken::load(tensor, which, problem_, wrong(), b, h).template cast<T>();
      round_all(arithmetic.operands, rows);
      return rows;
    };
    return {get(in.q, Operand::q), get(in.k, Operand::k), get(in.v, Operand::v), get(in.dout, Operand::dout)};
  }

  template <class T>
  Arithmetic<T> arithmetic(Arithmetic<T> a) const {
    switch (wrong()) {
      case Wrong::p_e4m3:
      case Wrong::p_e5m2:
        a.p = Rounding(float_format(wrong() == Wrong::p_e4m3 ? DType::e4m3 : DType::e5m2), false, true);
        a.p_scale = a.ds_scale = 1;
        break;
      case Wrong::accumulator_bf16:
        a.accumulator = Rounding(float_format(DType::bf16));
        break;
      case Wrong::accumulator_fp16:
        a.accumulator = Rounding(float_format(DType::f16));
        break;
      default:
        break;
    }
    return a;
  }

  // Where the kernel writes what it computed for (head, row) of a tensor o.
  HeadRow written_at(const Tensor& o, HeadRow computed) const;
  // What it computed for the values that lie at (head, row).
  HeadRow computed_for(const Tensor& o, HeadRow at) const;

 private:
  const Mistake* mistake_;
  attention::Problem problem_;
};

// What the backward pass is given of one head: lse as saved, delta from the saved o. Some mistakes need more
// of the forward pass.
template <class T>
SavedRows<T> saved_rows(const attention::Head& head, const HeadInputs<T>& in,
                        const typename TileHead<T>::Options& options, const RowMajor<T>& o,
                        const Column<T>& lse);

}  // namespace attnlab::oracle::mistaken
