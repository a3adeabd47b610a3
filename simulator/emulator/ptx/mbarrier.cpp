// mbarrier: barriers in shared memory, in phases. The object is the one of cuda::barrier (builtins/async.h),
// so that PTX and C++ may share one. Transaction counts (expect_tx) belong to the bulk copies and are
// refused.
#include <array>

#include "simulator/emulator/builtins/async.h"
#include "simulator/emulator/ptx/memory_operand.h"

namespace attnlab::emulator::ptx {
namespace {

// slots: 0 the result, 1 and 2 the address, 3 the operand. option: flags.
enum Flag : std::uint32_t { shared_space = 1, by_parity = 2, gives_way = 4, arrives = 8 };

calls::Barrier* barrier_of(const Context& c, const Step& s) {
  void* address = (s.option & shared_space) != 0 ? shared_operand(c, s, 1) : generic_address(c, s, 1);
  if (reinterpret_cast<std::uintptr_t>(address) % alignof(calls::Barrier) != 0)
    trap("an mbarrier must be aligned to 8 bytes", c.statement);
  return static_cast<calls::Barrier*>(address);
}

void initialise(Context& c, const Step& s) {
  calls::barrier_init(barrier_of(c, s), c.get<std::uint32_t>(s.slots[3]));
}
void invalidate(Context& c, const Step& s) { *barrier_of(c, s) = 0; }  // expects no arrival any more

// cp.async copies go on: only cp.async.mbarrier.arrive waits for them. Several arrivals at once belong to one
// phase: a barrier that expects fewer stops the launch.
void arrive(Context& c, const Step& s) {
  calls::Barrier* barrier = barrier_of(c, s);
  const std::uint64_t phase = calls::barrier_arrive_keeping_copies(barrier);
  for (auto left = c.get<std::uint32_t>(s.slots[3]); left > 1; --left)
    calls::barrier_arrive_keeping_copies(barrier);
  c.set(s.slots[0], phase);
}
// The arrival comes when this thread's earlier copies have ended, here at once. Without .noinc it also raises
// the number of arrivals that the phase expects: together they change nothing.
void arrive_after_copies(Context& c, const Step& s) {
  async_commit();
  async_wait(0, c.site);
  if ((s.option & arrives) != 0) calls::barrier_arrive_keeping_copies(barrier_of(c, s));
}

bool done(const Context& c, const Step& s) {
  const calls::Barrier* barrier = barrier_of(c, s);
  const auto operand = c.get<std::uint64_t>(s.slots[3]);
  return (s.option & by_parity) != 0 ? calls::barrier_done_parity(barrier, (operand & 1) != 0)
                                     : calls::barrier_done(barrier, operand);
}
// try_wait may wait for a while: the other threads run, then it looks again.
void wait(Context& c, const Step& s) {
  bool over = done(c, s);
  if (!over && (s.option & gives_way) != 0) {
    yield();
    over = done(c, s);
  }
  c.set(s.slots[0], over);
}

Step with_address(Builder& b, Handler run, std::size_t at, bool shared, std::uint32_t option) {
  Step step{.run = run, .option = option | (shared ? shared_space : 0u)};
  b.address(at, step, 1, shared);
  step.slots[3] = b.constant_slot(1);
  return step;
}

void decode_mbarrier(Builder& b) {
  Modifiers m = b.modifiers();
  const auto what = m.take_one({"init", "inval", "arrive", "test_wait", "try_wait"});
  if (what.empty()) b.refuse("only .init, .inval, .arrive, .test_wait and .try_wait are supported");
  if (m.take("expect_tx")) b.refuse(".expect_tx is not supported");
  const bool parity = m.take("parity");
  take_order(m);
  const bool shared = !m.take_one({"shared", "shared::cta"}).empty();
  const Type type = m.type();
  m.finish();
  if (type != Type::b64) b.refuse("expected .b64");

  if (what == "init" || what == "inval") {
    const bool init = what == "init";
    b.expect_operands(init ? 2 : 1, init ? 2 : 1);
    Step step = with_address(b, init ? initialise : invalidate, 0, shared, 0);
    if (init) step.slots[3] = b.source(1, Type::b32);
    return b.add(step);
  }
  if (what == "arrive") {
    b.expect_operands(2, 3);
    Step step = with_address(b, arrive, 1, shared, 0);
    step.slots[0] = b.destination(0, Type::b64);
    if (b.operand_count() == 3) step.slots[3] = b.source(2, Type::b32);
    return b.add(step);
  }
  const bool tries = what == "try_wait";
  b.expect_operands(3, tries ? 4 : 3);
  Step step = with_address(b, wait, 1, shared, (parity ? by_parity : 0u) | (tries ? gives_way : 0u));
  step.slots[0] = b.destination(0, Type::pred);
  step.slots[3] = b.source(2, parity ? Type::b32 : Type::b64);
  if (b.operand_count() == 4) b.source(3, Type::b32);  // how long to wait at most: a hint
  b.add(step);
}

constexpr std::array<Instruction, 1> kInstructions{{{"mbarrier", decode_mbarrier}}};

}  // namespace

void decode_copies_arrive(Builder& b, Modifiers& m) {
  const bool arrive = m.take("arrive"), noinc = m.take("noinc");
  const bool shared = !m.take_one({"shared", "shared::cta"}).empty();
  const bool typed = m.take("b64");
  m.finish();
  if (!arrive || !typed) b.refuse("expected .arrive and .b64");
  b.expect_operands(1, 1);
  b.add(with_address(b, arrive_after_copies, 0, shared, noinc ? arrives : 0u));
}

std::span<const Instruction> mbarrier_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
