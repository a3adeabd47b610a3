// Do the backward kernels move exactly the bytes that the closed forms of simulator/io say, at the kernels'
// own tiles?
//
// Counted on the emulator, in useful bytes: what threads asked for. The texts and the kernels differ in a few
// tensors, and by exactly this much:
//   flash1-backward-01   reads lse where the text reads m and l, and dO once more for delta
//   flash2-backward-02   adds to dQ by reductions where the text reads and writes it, on zeros stored before
//   ...-deterministic    Q, dO, lse and delta once more per row block, K and V once more per visited tile; dQ
//                        stored once
#include <gtest/gtest.h>

#include "simulator/io/closed_form.h"
#include "tests/cuda/backends.h"
#include "tests/cuda/backward_cases.h"
#include "tests/cuda/findings.h"

namespace attnlab::testing {
namespace {

struct Shape {
  Index seqlen_q, seqlen_kv, head_dim;
  bool causal;
};
constexpr Shape kShapes[] = {{64, 64, 64, false},  {100, 100, 64, true}, {70, 130, 32, true},
                             {130, 70, 128, true}, {33, 47, 256, false}, {37, 41, 80, true}};

// Bytes loaded and stored by all kernels of a pass, and sectors of its reductions.
struct Moved {
  std::uint64_t loads = 0, stores = 0, reduction_sectors = 0;
};

class BackwardTraffic : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto all = cuda::backends();
    if (std::find(all.begin(), all.end(), cuda::Backend::emulator) == all.end()) {
      GTEST_SKIP() << "no emulator in this build";
    }
  }
  static BackwardCase problem(const Shape& s) {
    return forward_case("", s.seqlen_q, s.seqlen_kv, s.head_dim,
                        [&](BackwardCase& c) { c.p.causal = s.causal; });
  }
  static Moved run(const char* kernel, const BackwardCase& spec) {
    BackwardInputs in;
    fill_inputs(spec, in);
    emulator::take_report();
    kernel_gradients(cuda::Backend::emulator, cuda::find_kernel(kernel), spec, in);
    Moved moved;
    for (const emulator::KernelReport& k : emulator::take_report().kernels) {
      const auto count = [&](emulator::Metric m) { return k.counters[static_cast<std::size_t>(m)]; };
      moved.loads += count(emulator::Metric::global_load_bytes);
      moved.stores += count(emulator::Metric::global_store_bytes);
      moved.reduction_sectors += count(emulator::Metric::global_reduction_sectors);
    }
    return moved;
  }
  static attention::Tiles tiles(const BackwardCase& spec) {
    const int br = cuda::find_kernel("flash2-backward-02").geometry(static_cast<int>(spec.p.head_dim), {}).br;
    return {br, br};
  }
  static io::Traffic closed(attention::Algorithm algorithm, const BackwardCase& spec) {
    return io::head_traffic(algorithm, io::Pass::backward, attention::head_of(spec.p, 0, 0), tiles(spec));
  }
  // Of fp32 numbers.
  static std::uint64_t loaded(const io::Traffic& t) {
    return static_cast<std::uint64_t>(io::bytes(t, io::ElementSizes(DType::f32)).read);
  }
  static std::uint64_t stored(const io::Traffic& t) {
    return static_cast<std::uint64_t>(io::bytes(t, io::ElementSizes(DType::f32)).written);
  }
};

TEST_F(BackwardTraffic, Flash1) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(std::to_string(s.seqlen_q) + " x " + std::to_string(s.seqlen_kv));
    const BackwardCase spec = problem(s);
    io::Traffic t = closed(attention::Algorithm::flash1, spec);
    t.load(Hbm::lse) = t.load(Hbm::m);
    t.load(Hbm::m) = t.load(Hbm::l) = 0;
    t.load(Hbm::dO) += t.load(Hbm::O);
    const Moved moved = run("flash1-backward-01", spec);
    EXPECT_EQ(moved.loads, loaded(t));
    EXPECT_EQ(moved.stores, stored(t));
    EXPECT_EQ(moved.reduction_sectors, 0u);
  }
}

TEST_F(BackwardTraffic, Flash2) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(std::to_string(s.seqlen_q) + " x " + std::to_string(s.seqlen_kv));
    const BackwardCase spec = problem(s);
    io::Traffic t = closed(attention::Algorithm::flash2, spec);
    const io::Count visits =
        t.load(Hbm::lse) * static_cast<io::Count>(s.head_dim);  // dQ's numbers, tile by tile
    t.load(Hbm::dQ) = 0;
    t.store(Hbm::dQ) = static_cast<io::Count>(s.seqlen_q * s.head_dim);
    const Moved moved = run("flash2-backward-02", spec);
    EXPECT_EQ(moved.loads, loaded(t));
    EXPECT_EQ(moved.stores, stored(t));
    EXPECT_EQ(moved.reduction_sectors, static_cast<std::uint64_t>(visits / 8));  // whole sectors of 8 numbers
  }
}

TEST_F(BackwardTraffic, Flash2Deterministic) {
  for (const Shape& s : kShapes) {
    SCOPED_TRACE(std::to_string(s.seqlen_q) + " x " + std::to_string(s.seqlen_kv));
    const BackwardCase spec = problem(s);
    io::Traffic t = closed(attention::Algorithm::flash2, spec);
    const auto rows = static_cast<io::Count>(s.seqlen_q), dim = static_cast<io::Count>(s.head_dim);
    const io::Traffic forward = io::head_traffic(attention::Algorithm::flash2, io::Pass::forward,
                                                 attention::head_of(spec.p, 0, 0), tiles(spec));
    t.load(Hbm::K) += forward.load(Hbm::K);
    t.load(Hbm::V) += forward.load(Hbm::V);
    t.load(Hbm::Q) += rows * dim;
    t.load(Hbm::dO) += rows * dim;
    t.load(Hbm::lse) += rows;
    t.load(Hbm::delta) += rows;
    t.load(Hbm::dQ) = 0;
    t.store(Hbm::dQ) = rows * dim;
    const Moved moved = run("flash2-backward-deterministic-02", spec);
    EXPECT_EQ(moved.loads, loaded(t));
    EXPECT_EQ(moved.stores, stored(t));
    EXPECT_EQ(moved.reduction_sectors, 0u);
  }
}

}  // namespace
}  // namespace attnlab::testing
