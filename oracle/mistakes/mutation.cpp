#include "oracle/mistakes/mutation.h"

#include "reference/core/blocks.h"

namespace attnlab::oracle::mistaken {

Mutation::Mutation(const Mistake* mistake, const attention::Problem& problem)
    : mistake_(mistake), problem_(problem) {
  if (mistake != nullptr && mistake->problem != nullptr) mistake->problem(problem_);
}

attention::Head Mutation::head(Index b, Index h) const {
  attention::Head head = attention::head_of(problem_, b, h);
  if (mistake_ != nullptr && mistake_->head != nullptr) mistake_->head(problem_, head);
  return head;
}

HeadRow Mutation::written_at(const Tensor& o, HeadRow computed) const {
  return wrong() == Wrong::layout_o ? other_layout(heads_first(o), o.heads, o.seqlen, computed) : computed;
}

HeadRow Mutation::computed_for(const Tensor& o, HeadRow at) const {
  return wrong() == Wrong::layout_o ? other_layout(!heads_first(o), o.heads, o.seqlen, at) : at;
}

template <class T>
SavedRows<T> saved_rows(const attention::Head& head, const HeadInputs<T>& in,
                        const typename TileHead<T>::Options& options, const RowMajor<T>& o,
                        const Column<T>& lse) {
  SavedRows<T> saved{lse, (o.array() * in.dout.array()).rowwise().sum(), {}};
  const bool undropped = options.wrong == Wrong::delta_undropped;
  if (!undropped && options.wrong != Wrong::p_without_l) return saved;
  attention::Head again = head;
  if (undropped) again.dropout.p = 0;
  const TileHead<T> tiles(again, in, options);
  saved.m.resize(lse.size());
  for (const Rows i : blocks(head.seqlen_q, options.br)) {
    const ForwardRows<T> rows = tiles.forward(all_of(i));
    saved.m.segment(i.begin, i.size) = rows.m;
    if (undropped) {
      saved.delta.segment(i.begin, i.size) =
          (rows.o.array() * in.dout.middleRows(i.begin, i.size).array()).rowwise().sum();
    }
  }
  return saved;
}

template SavedRows<float> saved_rows(const attention::Head&, const HeadInputs<float>&,
                                     const TileHead<float>::Options&, const RowMajor<float>&,
                                     const Column<float>&);
template SavedRows<double> saved_rows(const attention::Head&, const HeadInputs<double>&,
                                      const TileHead<double>::Options&, const RowMajor<double>&,
                                      const Column<double>&);

}  // namespace attnlab::oracle::mistaken
