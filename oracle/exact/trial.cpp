#include "oracle/exact/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "oracle/golden.h"

namespace attnlab::oracle {
namespace {

Tensor tensor_of(const Numbers& n) {
  Tensor tensor = bhsd(n.values.data(), DType::f64, n.batch, n.heads, n.rows, n.dim);
  if (!n.scale.empty()) tensor.scale = broadcast(n.scale.data(), n.batch, n.heads, 1, 1);
  return tensor;
}

Numbers rounded(const GoldenTensor& golden, DType dtype) {
  Numbers numbers(golden.batch, golden.heads, golden.rows, golden.dim);
  numbers.values = golden.values;
  round_to(dtype, std::span<double>(numbers.values));
  return numbers;
}

void fill_between(Numbers& numbers, double bound, DType dtype, Random& random) {
  for (double& value : numbers.values) value = round_to(dtype, random.between(-bound, bound));
}

}  // namespace

std::string place(const char* name, Index b, Index h, Index row) {
  return fmt::format("{}[{}, {}, {}]", name, b, h, row);
}

Data Trial::drawn() const { return case_.profile->draw(case_); }

Data Trial::bounded(const attention::Problem& p, std::uint32_t stream) const {
  Random random = this->random(stream);
  Data data = zeros(p, case_.dtype, case_.backward);
  const double width = std::abs(p.scale()) * static_cast<double>(p.head_dim);  // rounds up by 2^-4 at most
  fill_between(data.q, std::min(1.0, 0.9 / width), case_.dtype, random);
  fill_between(data.k, 1, case_.dtype, random);
  fill_between(data.v, 1, case_.dtype, random);
  fill_between(data.dout, 1, output_type(case_.dtype), random);
  return data;
}

MemoryOptions Trial::memory_options(const attention::Problem& p, Poison poison) const {
  return {possible(case_.layout, p) ? case_.layout : Layout::bhsd,
          poison,
          case_.lse,
          case_.backward,
          case_.page_size,
          case_.seed};
}

void Trial::add_saved(const attention::Problem& p, Data& data) const {
  const Golden forward = golden(p, {tensor_of(data.q), tensor_of(data.k), tensor_of(data.v), {}}, threads_);
  data.o = rounded(forward.o, output_type(case_.dtype));
  data.lse = rounded(forward.lse, lse_type(case_.dtype));
}

Results Trial::run(const attention::Problem& p, const Data& data, Poison poison) const {
  CallMemory memory(p, case_.dtype, memory_options(p, poison));
  if (case_.backward && !data.o) {
    Data with_saved = data;
    add_saved(p, with_saved);
    memory.write(with_saved);
  } else {
    memory.write(data);
  }
  return memory.run(kernel_);
}

void Trial::find_unsteady(const Data& data) {
  if (!case_.backward) return;
  const Results first = run(data);
  for (int again = 0; again < 2; ++again) {
    const Results other = run(data);
    for (const ResultMember& member : result_members()) {
      const Result &a = first.*member.member, &b = other.*member.member;
      if (a.bytes != b.bytes &&
          std::find(unsteady_.begin(), unsteady_.end(), member.member) == unsteady_.end())
        unsteady_.push_back(member.member);
    }
  }
}

Finding Trial::difference(const Results& a, const Results& b, const std::string& between,
                          const RowFilter& looked_at) {
  for (const ResultMember& member : result_members()) {
    if (std::find(unsteady_.begin(), unsteady_.end(), member.member) != unsteady_.end()) continue;
    const Result &x = a.*member.member, &y = b.*member.member;
    for (Index n = 0; n < x.batch; ++n) {
      for (Index h = 0; h < x.heads; ++h) {
        for (Index i = 0; i < x.rows; ++i) {
          if (looked_at && !looked_at(member.member, n, h, i)) continue;
          if (!same_row(x, y, n, h, i)) return place(member.name, n, h, i) + " " + between;
        }
      }
    }
  }
  return {};
}

}  // namespace attnlab::oracle
