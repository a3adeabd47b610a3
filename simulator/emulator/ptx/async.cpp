// cp.async: copies from global to shared memory that arrive at a wait.
#include <array>

#include "simulator/emulator/ptx/memory_operand.h"

namespace attnlab::emulator::ptx {
namespace {

// slots: 0, 1 the destination's address, 2, 3 the source's, 4 bytes, 5 bytes of the source or, with
// ignores_source, the predicate that makes them 0. The destination's constant is the immediate, the source's
// the constant of slot 6.
enum Flag : std::uint32_t { bypasses_l1 = 1, ignores_source = 2 };

void copy(Context& c, const Step& s) {
  void* destination = shared_operand(c, s, 0);
  const auto* source = reinterpret_cast<const void*>(c.registers[s.slots[2]] + c.registers[s.slots[3]] +
                                                     c.registers[s.slots[6]]);
  const auto bytes = c.get<std::uint32_t>(s.slots[4]);
  const bool bypass = (s.option & bypasses_l1) != 0;
  if (bytes != 16 && (bypass || (bytes != 4 && bytes != 8)))
    unsupported(bypass ? "cp.async.cg copies 16 bytes" : "cp.async.ca copies 4, 8 or 16 bytes", c.statement);
  const std::uint32_t from_source = (s.option & ignores_source) != 0 ? (c.get<bool>(s.slots[5]) ? 0 : bytes)
                                                                     : c.get<std::uint32_t>(s.slots[5]);
  if (from_source > bytes) unsupported("cp.async with a source larger than the copy", c.statement);
  async_copy(destination, source, bytes, from_source, bypass, c.site);
}

void decode_copy(Builder& b, Modifiers& m, bool bypass) {
  const bool shared = !m.take_one({"shared", "shared::cta"}).empty();
  const bool global = m.take("global");
  const bool policy = m.take("L2::cache_hint");
  m.take_one({"L2::64B", "L2::128B", "L2::256B"});
  m.finish();
  if (!shared || !global) b.refuse("expected .shared.global");
  b.expect_operands(3 + policy, 4 + policy);
  Step source;
  b.address(1, source, 2, false);
  Step step{.run = copy, .option = bypass ? bypasses_l1 : 0u};
  b.address(0, step, 0, true);
  step.slots[2] = source.slots[2];
  step.slots[3] = source.slots[3];
  step.slots[6] = b.constant_slot(static_cast<std::uint64_t>(source.immediate));
  step.slots[4] = step.slots[5] = b.source(2, Type::b32);
  if (b.operand_count() == 4u + policy) {
    const OperandText& fourth = b.operand(3);
    const bool predicate = b.is_predicate(fourth) || fourth.negated;
    if (predicate) step.option |= ignores_source;
    step.slots[5] = b.source(3, predicate ? Type::pred : Type::b32);
  }
  b.add(step);
}

void decode_cp(Builder& b) {
  Modifiers m = b.modifiers();
  if (!m.take("async")) b.refuse("only cp.async is supported");
  if (m.take("bulk")) b.refuse("cp.async.bulk is not supported");
  if (m.take("mbarrier")) return decode_copies_arrive(b, m);
  if (m.take("commit_group")) {
    m.finish();
    b.expect_operands(0, 0);
    return b.add({.run = [](Context&, const Step&) { async_commit(); }});
  }
  if (m.take("wait_group")) {
    m.finish();
    b.expect_operands(1, 1);
    return b.add(
        {.run = [](Context& c, const Step& s) { async_wait(c.get<std::uint32_t>(s.slots[0]), c.site); },
         .slots = {b.source(0, Type::b32)}});
  }
  if (m.take("wait_all")) {
    m.finish();
    b.expect_operands(0, 0);
    return b.add({.run = [](Context& c, const Step&) {
      async_commit();
      async_wait(0, c.site);
    }});
  }
  const bool bypass = m.take("cg");
  if (!bypass && !m.take("ca")) b.refuse("expected .ca or .cg");
  decode_copy(b, m, bypass);
}

constexpr std::array<Instruction, 1> kInstructions{{{"cp", decode_cp}}};

}  // namespace

std::span<const Instruction> async_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
