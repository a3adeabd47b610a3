// Does the memory of a call see everything that a kernel does to it beyond its outputs, and nothing that an
// honest kernel does?
#include <gtest/gtest.h>

#include <cmath>

#include "oracle/buffers/call_memory.h"
#include "tests/oracle/test_kernels.h"

namespace attnlab::oracle {
namespace {

attention::Problem small_problem() {
  attention::Problem p;
  p.batch = 2, p.num_heads = 4, p.num_kv_heads = 2;
  p.seqlen_q = p.seqlen_kv = 9;
  p.head_dim = p.head_dim_v = 16;
  p.causal = true;
  return p;
}

Data counted(const attention::Problem& p, DType dtype, bool backward = false) {
  Data data = zeros(p, dtype, backward);
  Numbers* all[] = {&data.q, &data.k, &data.v, &data.dout};
  for (Numbers* numbers : all) {
    for (std::size_t n = 0; n < numbers->values.size(); ++n) {
      numbers->values[n] = static_cast<double>((n * 7 + 3) % 15) / 4 - 1.5;
    }
  }
  if (backward) {
    data.o = Numbers(p.batch, p.num_heads, p.seqlen_q, p.head_dim_v);
    data.lse = Numbers(p.batch, p.num_heads, p.seqlen_q, 1);
  }
  return data;
}

Results run(const Kernel& kernel, const MemoryOptions& options, DType dtype = DType::f16) {
  const attention::Problem p = small_problem();
  CallMemory memory(p, dtype, options);
  memory.write(counted(p, dtype, options.backward));
  return memory.run(kernel);
}

std::string violated(const Kernel& kernel, const MemoryOptions& options) {
  try {
    run(kernel, options);
  } catch (const Violation& violation) {
    return violation.check + ": " + violation.what();
  }
  return "nothing";
}

bool same(const Results& a, const Results& b) {
  for (const ResultMember& m : result_members()) {
    const Result &x = a.*m.member, &y = b.*m.member;
    if (x.bytes.size() != y.bytes.size()) return false;
    for (Index n = 0; n < x.batch; ++n) {
      for (Index h = 0; h < x.heads; ++h) {
        for (Index i = 0; i < x.rows; ++i)
          if (!same_row(x, y, n, h, i)) return false;
      }
    }
  }
  return true;
}

TEST(CallMemory, BringsTheNumbersInEveryLayoutAndType) {
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::e4m3, DType::e5m2}) {
    const Results expected = run(honest, {.layout = Layout::bhsd}, dtype);
    EXPECT_GT(expected.o.row(0, 0, 3)[2], -10);  // a number
    for (const LayoutInfo& layout : layouts()) {
      for (const Poison poison : {Poison::nan, Poison::large}) {
        EXPECT_TRUE(same(run(honest, {.layout = layout.id, .poison = poison}, dtype), expected))
            << layout.name << " " << name(dtype);
      }
    }
  }
}

TEST(CallMemory, BackwardInEveryLayout) {
  const Results expected = run(honest, {.layout = Layout::bhsd, .backward = true});
  for (const LayoutInfo& layout : layouts()) {
    EXPECT_TRUE(same(run(honest, {.layout = layout.id, .backward = true}), expected)) << layout.name;
  }
}

TEST(CallMemory, FarBatchEntriesAreFarApart) {
  run(
      [](const Call& call) {
        EXPECT_GT(call.q.batch_stride, Index{1} << 32);
        EXPECT_GT(call.o.batch_stride, Index{1} << 32);
        honest(call);
      },
      {.layout = Layout::far});
}

TEST(CallMemory, QkvShareOneTensor) {
  run(
      [](const Call& call) {
        const auto* q = static_cast<const std::uint16_t*>(call.q.data);
        EXPECT_EQ(static_cast<const std::uint16_t*>(call.k.data) - q, 4 * 16);
        EXPECT_EQ(static_cast<const std::uint16_t*>(call.v.data) - q, 6 * 16);
        EXPECT_EQ(call.q.row_stride, 8 * 16);
        honest(call);
      },
      {.layout = Layout::qkv});
}

TEST(CallMemory, PaddingIsPoisonWhateverItsNumbers) {
  attention::Problem p = small_problem();
  p.kv_lens = {9, 4};
  for (const Poison poison : {Poison::nan, Poison::large}) {
    CallMemory memory(p, DType::f16, {.poison = poison});
    memory.write(counted(p, DType::f16));
    memory.run([&](const Call& call) {
      EXPECT_FALSE(std::abs(load(call.k, 1, 0, 4, 0)) < 6e4);
      EXPECT_LT(std::abs(load(call.k, 1, 0, 3, 15)), 6e4);
      honest(call);
    });
  }
}

TEST(CallMemory, WritesBeyondAnOutputAreSeen) {
  for (const LayoutInfo& layout : layouts()) {
    const MemoryOptions options{.layout = layout.id};
    EXPECT_EQ(violated(honest, options), "nothing") << layout.name;
    const auto behind = violated(
        [](const Call& call) {
          honest(call);
          store(call.o, 1, 3, 8, 16 + 100 * 16, 1);
        },
        options);
    EXPECT_TRUE(behind.starts_with("guard-bands: writes ")) << layout.name << " " << behind;
    const auto before = violated(
        [](const Call& call) {
          honest(call);
          store(call.lse, 0, 0, -1, 0, 1);
        },
        options);
    EXPECT_EQ(before, "guard-bands: writes 4 bytes before the begin of lse") << layout.name;
  }
}

TEST(CallMemory, AWriteOfThePoisonItselfIsSeenUnderTheOtherPoison) {
  const Kernel kernel = [](const Call& call) {
    honest(call);
    const std::uint16_t ones = 0xffff;
    std::memcpy(static_cast<std::byte*>(call.o.data) + 2 * 4 * 9 * 16 * 2, &ones, 2);
  };
  EXPECT_EQ(violated(kernel, {.poison = Poison::nan}), "nothing");
  EXPECT_TRUE(violated(kernel, {.poison = Poison::large}).starts_with("guard-bands"));
}

TEST(CallMemory, WritesBetweenRowsAreSeen) {
  const auto said = violated(
      [](const Call& call) {
        honest(call);
        store(call.o, 0, 0, 0, call.o.dim, 1);
      },
      {.layout = Layout::padded_rows});
  EXPECT_EQ(said, "guard-bands: writes between the rows of o, at byte 32");
}

TEST(CallMemory, WritesToInputsAreSeen) {
  for (const LayoutInfo& layout : layouts()) {
    const auto said = violated(
        [](const Call& call) {
          honest(call);
          static_cast<std::uint16_t*>(const_cast<void*>(call.v.data))[0] ^= 1;
        },
        {.layout = layout.id});
    EXPECT_EQ(said, layout.id == Layout::qkv ? "inputs-unchanged: overwrites q, k, v"
                                             : "inputs-unchanged: overwrites v");
  }
}

TEST(CallMemory, WhatIsNotWrittenStaysPoison) {
  const Results nan = run([](const Call&) {}, {.poison = Poison::nan});
  const Results large = run([](const Call&) {}, {.poison = Poison::large});
  EXPECT_TRUE(std::isnan(nan.o.row(1, 2, 3)[4]));
  EXPECT_GT(large.o.row(1, 2, 3)[4], 1e4);
  EXPECT_GT(large.lse.row(1, 2, 3)[0], 1e30);
  EXPECT_FALSE(same(nan, large));
}

TEST(CallMemory, PagesHoldWhatTheTableSays) {
  attention::Problem p = small_problem();
  p.kv_lens = {9, 4};
  const Data data = counted(p, DType::e4m3);
  for (const LayoutInfo& layout : layouts()) {
    if (layout.id == Layout::qkv) continue;
    for (const Index page_size : {1, 4, 64}) {
      CallMemory memory(p, DType::e4m3, {.layout = layout.id, .page_size = page_size, .seed = 3});
      memory.write(data);
      memory.run([&](const Call& call) {
        EXPECT_EQ(call.k.page_size, page_size);
        EXPECT_EQ(call.k.num_pages, (9 + page_size - 1) / page_size + (4 + page_size - 1) / page_size + 1);
        for (Index b = 0; b < 2; ++b) {
          for (Index j = 0; j < p.kv_lens[static_cast<std::size_t>(b)]; ++j) {
            EXPECT_EQ(load(call.k, b, 1, j, 5), data.k.row(b, 1, j)[5]);
            EXPECT_EQ(load(call.v, b, 0, j, 0), data.v.row(b, 0, j)[0]);
          }
        }
        honest(call);
      });
    }
  }
}

TEST(CallMemory, RowsOfPagesThatNobodyNeedsArePoison) {
  attention::Problem p = small_problem();
  p.kv_lens = {9, 4};
  CallMemory memory(p, DType::f16, {.page_size = 4});
  memory.write(counted(p, DType::f16));
  memory.run([&](const Call& call) {
    EXPECT_TRUE(std::isnan(load(call.k, 0, 0, 9, 0)));  // in the sequence's last page
    EXPECT_TRUE(std::isnan(load(call.v, 1, 0, 8, 0)));  // in the page that belongs to nobody
    honest(call);
  });
}

TEST(CallMemory, PagesOfPackedSequencesAndTheTableItself) {
  attention::Problem p = small_problem();
  p.cu_seqlens_q = {0, 9, 12}, p.cu_seqlens_kv = {0, 2, 9};
  p.seqlen_q = 9, p.seqlen_kv = 7;
  const Data data = counted(p, DType::f16);
  CallMemory memory(p, DType::f16, {.page_size = 2});
  memory.write(data);
  memory.run([&](const Call& call) {
    EXPECT_EQ(load(call.k, 1, 0, 6, 0), data.k.row(0, 0, 8)[0]);
    honest(call);
  });
  EXPECT_THROW(memory.run([](const Call& call) { const_cast<std::int32_t*>(call.k.block_table)[0] ^= 1; }),
               Violation);
}

TEST(CallMemory, TheSameAddressesEveryTime) {
  const attention::Problem p = small_problem();
  CallMemory memory(p, DType::f16, {});
  std::vector<const void*> seen;
  const Kernel kernel = [&](const Call& call) { seen.push_back(call.q.data), honest(call); };
  memory.write(counted(p, DType::f16));
  memory.run(kernel);
  memory.write(counted(p, DType::f16));
  memory.run(kernel);
  EXPECT_EQ(seen[0], seen[1]);
}

TEST(CallMemory, ScalesOfFp8) {
  const attention::Problem p = small_problem();
  Data data = counted(p, DType::e4m3);
  data.q.scale.assign(8, 0.5f);
  CallMemory memory(p, DType::e4m3, {});
  memory.write(data);
  memory.run([&](const Call& call) {
    EXPECT_EQ(load(call.q, 0, 0, 0, 0), data.q.row(0, 0, 0)[0] / 2);
    EXPECT_EQ(load(call.k, 0, 0, 0, 0), data.k.row(0, 0, 0)[0]);
    honest(call);
  });
}

TEST(SameRow, NanIsNanAndZeroHasASign) {
  const auto with = [](double value) {
    Result r{DType::f16, 1, 1, 1, 1, std::vector<std::byte>(2)};
    const std::uint64_t pattern = encode(DType::f16, value);
    std::memcpy(r.bytes.data(), &pattern, 2);
    return r;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(same_row(with(nan), with(-nan), 0, 0, 0));
  EXPECT_FALSE(same_row(with(nan), with(1), 0, 0, 0));
  EXPECT_FALSE(same_row(with(0.0), with(-0.0), 0, 0, 0));
  EXPECT_TRUE(same_row(with(1.5), with(1.5), 0, 0, 0));
}

}  // namespace
}  // namespace attnlab::oracle
