// Control flow, barriers, fences, and what ends a thread.
#include <array>

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/builder.h"

namespace attnlab::emulator::ptx {
namespace {

void decode_bra(Builder& b) {
  b.expect_operands(1, 1);
  Modifiers m = b.modifiers();
  m.take("uni");
  m.finish();
  if (b.operand(0).kind != OperandText::Kind::name) b.refuse("expected a label");
  b.branch(b.operand(0).text);
}

// slots: 0 result, 1 barrier, 2 threads (0: all), 3 predicate. option: the BarrierKind.
void barrier(Context& c, const Step& s) {
  const auto kind = static_cast<BarrierKind>(s.option);
  const int result = block_barrier(c.get<std::int32_t>(s.slots[1]), c.get<std::uint32_t>(s.slots[2]), kind,
                                   c.get<bool>(s.slots[3]) ? 1 : 0, c.site);
  if (kind == BarrierKind::count)
    c.set(s.slots[0], static_cast<std::uint32_t>(result));
  else if (kind == BarrierKind::logical_and || kind == BarrierKind::logical_or)
    c.set(s.slots[0], result != 0);
}
void warp_barrier(Context& c, const Step& s) { syncwarp(c.get<std::uint32_t>(s.slots[0]), c.site); }

void decode_bar(Builder& b) {
  Modifiers m = b.modifiers();
  if (m.take("warp")) {
    const bool sync = m.take("sync");
    m.finish();
    if (!sync) b.refuse("expected .sync");
    b.expect_operands(1, 1);
    return b.add({.run = warp_barrier, .slots = {b.source(0, Type::b32)}});
  }
  m.take("cta");
  m.take("aligned");
  const auto what = m.take_one({"sync", "arrive", "red"});
  const auto join = what == "red" ? m.take_one({"popc", "and", "or"}) : std::string_view{};
  const Type type = what == "red" ? m.type() : Type::pred;
  m.finish();
  if (what.empty()) b.refuse("expected .sync, .arrive or .red");
  Step step{.run = barrier};
  const Slot zero = b.constant_slot(0);
  step.slots[2] = step.slots[3] = zero;
  if (what == "red") {
    const bool counts = join == "popc";
    if (join.empty() || type != (counts ? Type::u32 : Type::pred))
      b.refuse("expected .popc.u32, .and.pred or .or.pred");
    b.expect_operands(3, 4);
    step.option = static_cast<std::uint32_t>(counts          ? BarrierKind::count
                                             : join == "and" ? BarrierKind::logical_and
                                                             : BarrierKind::logical_or);
    step.slots[0] = b.destination(0, type);
    step.slots[1] = b.source(1, Type::b32);
    if (b.operand_count() == 4) step.slots[2] = b.source(2, Type::b32);
    step.slots[3] = b.source(b.operand_count() - 1, Type::pred);
    return b.add(step);
  }
  const bool arrives = what == "arrive";
  b.expect_operands(arrives ? 2 : 1, 2);
  step.option = static_cast<std::uint32_t>(arrives ? BarrierKind::arrive : BarrierKind::sync);
  step.slots[1] = b.source(0, Type::b32);
  if (b.operand_count() == 2) step.slots[2] = b.source(1, Type::b32);
  b.add(step);
}

// The emulator's memory is one and the same for all threads at all times: a fence only counts.
void fence(Context& c, const Step&) { record_operation(Operation::fence, 1, c.site); }
void decode_fence(Builder& b) {
  b.expect_operands(0, 0);
  Modifiers m = b.modifiers();
  if (m.take("proxy")) {
    if (m.take_prefixed("async").empty() && !m.take("alias")) b.refuse("this proxy is not supported");
    m.take_one({"global", "shared", "shared::cta", "shared::cluster"});
  } else {
    m.take_one({"sc", "acq_rel", "acquire", "release"});
    m.take("mbarrier_init");
    m.take_one({"cta", "cluster", "gpu", "gl", "sys"});
  }
  m.finish();
  b.add({.run = fence});
}

void decode_nanosleep(Builder& b) {
  b.expect_operands(1, 1);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  b.source(0, type);
  b.add({.run = [](Context&, const Step&) { yield(); }});
}

void decode_trap(Builder& b) {
  b.expect_operands(0, 0);
  b.modifiers().finish();
  b.add({.run = [](Context& c, const Step&) { trap("trap", c.statement); }});
}

[[noreturn]] void decode_end(Builder& b) {
  b.refuse("an asm statement that ends or leaves the thread is not supported");
}

constexpr std::array<Instruction, 10> kInstructions{{
    {"bra", decode_bra},
    {"bar", decode_bar},
    {"barrier", decode_bar},
    {"membar", decode_fence},
    {"fence", decode_fence},
    {"nanosleep", decode_nanosleep},
    {"trap", decode_trap},
    {"exit", decode_end},
    {"ret", decode_end},
    {"call", decode_end},
}};

}  // namespace

std::span<const Instruction> control_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
