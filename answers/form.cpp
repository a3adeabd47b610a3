#include "answers/form.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "reference/core/errors.h"
#include "reference/core/shape.h"

namespace attnlab::answers {

void refuse_shape(const std::string& label, const std::vector<Index>& shape, const std::string& expected) {
  throw InvalidArgument(label, shape_text(shape), expected);
}

Form::Order order_of(const std::string& field, const std::string& layout, bool packed) {
  if (!layout.empty() && layout != "bhsd" && layout != "bshd") {
    throw InvalidArgument(field, layout, "bhsd or bshd");
  }
  if (!packed) return layout == "bshd" ? Form::Order::bshd : Form::Order::bhsd;
  if (layout == "bhsd") {
    throw InvalidArgument(field, layout,
                          "nothing beside `cu_seqlens_q`: packed tensors are [total, heads, dim]");
  }
  return Form::Order::packed;
}

Form form_of(const std::string& label, const std::vector<Index>& shape, Form::Order order) {
  Form form{order, shape.size()};
  const bool packed = order == Form::Order::packed;
  if (packed ? form.rank == 3 : form.rank >= 2 && form.rank <= 4) return form;
  form.rank = packed ? 3 : 4;
  refuse_shape(label, shape,
               form.text("batch", "heads", packed ? "total" : "seqlen", "dim") +
                   (packed ? ", as sequences are packed (`cu_seqlens_q`, `cu_seqlens_kv`)"
                           : fmt::format(" ({}), without batch or without batch and heads at the least",
                                         form.name())));
}

Extents extents_in(const Form& form, const std::string& label, const std::vector<Index>& shape,
                   const ExpectedExtents& expected) {
  const auto word = [](std::optional<Index> extent, const char* otherwise) {
    return extent ? std::to_string(*extent) : otherwise;
  };
  const std::string heads = expected.heads_divide ? fmt::format("a divisor of {}", *expected.heads_divide)
                                                  : word(expected.heads, "heads");
  const std::string wanted = form.text(word(expected.batch, "batch"), heads,
                                       word(expected.seqlen, "any length"), word(expected.dim, "any dim"));
  if (shape.size() != form.rank) refuse_shape(label, shape, wanted);
  const Extents e = form.extents(shape);
  const auto fits = [](Index got, std::optional<Index> want) { return !want || got == *want; };
  const bool divides = !expected.heads_divide || (e.heads > 0 && *expected.heads_divide % e.heads == 0);
  if (!fits(e.batch, expected.batch) || !fits(e.heads, expected.heads) || !divides ||
      !fits(e.seqlen, expected.seqlen) || !fits(e.dim, expected.dim)) {
    refuse_shape(label, shape, wanted);
  }
  if (e.batch < 1 || e.heads < 1 || e.dim < 1) refuse_shape(label, shape, "no extent of 0 but a length");
  return e;
}

Extents Form::extents(const std::vector<Index>& shape) const {
  std::vector<Index> full(4 - shape.size(), 1);
  full.insert(full.end(), shape.begin(), shape.end());
  // One head of bshd: [seqlen, dim] has its heads between.
  if (order != Order::bhsd && rank == 2) return {1, 1, shape[0], shape[1]};
  if (order == Order::bhsd) return {full[0], full[1], full[2], full[3]};
  return {full[0], full[2], full[1], full[3]};
}

std::vector<Index> Form::shape(const Extents& e) const {
  std::vector<Index> full{e.batch, e.heads, e.seqlen, e.dim};
  if (order != Order::bhsd && rank != 2) std::swap(full[1], full[2]);
  return {full.end() - static_cast<std::ptrdiff_t>(rank), full.end()};
}

std::vector<Index> Form::lse_shape(const Extents& e) const {
  const std::vector<Index> full{e.batch, e.heads, e.seqlen};
  return {full.end() - static_cast<std::ptrdiff_t>(rank - 1), full.end()};
}

std::string Form::text(const std::string& batch, const std::string& heads, const std::string& seqlen,
                       const std::string& dim) const {
  std::vector<std::string> full{batch, heads, seqlen, dim};
  if (order != Order::bhsd && rank != 2) std::swap(full[1], full[2]);
  return fmt::format("[{}]", fmt::join(full.end() - static_cast<std::ptrdiff_t>(rank), full.end(), ", "));
}

Tensor Form::tensor(const files::Tensor& elements, const Extents& e) const {
  return order == Order::bhsd ? bhsd(elements.data.data(), elements.dtype, e.batch, e.heads, e.seqlen, e.dim)
                              : bshd(elements.data.data(), elements.dtype, e.batch, e.seqlen, e.heads, e.dim);
}

const char* Form::name() const {
  switch (order) {
    case Order::bhsd:
      return "bhsd";
    case Order::bshd:
      return "bshd";
    case Order::packed:
      return "packed";
  }
  return "";
}

}  // namespace attnlab::answers
