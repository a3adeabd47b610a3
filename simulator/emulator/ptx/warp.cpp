// Warp-wide exchange: shfl, vote, match, redux, elect, activemask. Every one takes the mask of the lanes
// that join; a result is computed once for all of them.
#include <algorithm>
#include <array>

#include "simulator/emulator/ptx/builder.h"
#include "simulator/emulator/ptx/collective.h"

namespace attnlab::emulator::ptx {
namespace {

// slots: 0 result, 1 its predicate (a spare slot when there is none), 2 source, the rest as decoded;
// mask_slot the lanes that join.
constexpr unsigned kMaskSlot = 5;

template <WarpFunction run, Operation kind>
void collective(Context& c, const Step& s) {
  Lane mine{&c, &s};
  warp_collective(c.get<std::uint32_t>(s.slots[kMaskSlot]), &mine, run, kind, c.site);
}

// Calls f(i, lane i) for the lanes of the mask.
template <class F>
void for_lanes(void* const* lanes, unsigned mask, F f) {
  for (unsigned i = 0; i < kWarpSize; ++i)
    if (in_mask(mask, i)) f(i, lane(lanes, i));
}

enum class Shuffle : std::uint32_t { up, down, bfly, idx };

// Slots 3 and 4: b (distance or lane) and c (clamp in bits 0-4, segments' mask in bits 8-12). A lane outside
// of the segment, or one that does not join, gives the reader its own value back.
void shuffle(void* const* lanes, unsigned mask) {
  std::uint32_t values[kWarpSize] = {};
  for_lanes(lanes, mask, [&](unsigned i, const Lane& l) { values[i] = l.get<std::uint32_t>(2); });
  for_lanes(lanes, mask, [&](unsigned i, const Lane& l) {
    const auto b = static_cast<int>(l.get<std::uint32_t>(3) & 31);
    const std::uint32_t c = l.get<std::uint32_t>(4);
    const auto clamp = static_cast<int>(c & 31), segment = static_cast<int>(c >> 8 & 31),
               me = static_cast<int>(i);
    const int last = (me & segment) | (clamp & ~segment);
    int from = 0;
    bool inside = true;
    switch (static_cast<Shuffle>(l.step->option)) {
      case Shuffle::up:
        from = me - b, inside = from >= last;
        break;
      case Shuffle::down:
        from = me + b, inside = from <= last;
        break;
      case Shuffle::bfly:
        from = me ^ b, inside = from <= last;
        break;
      case Shuffle::idx:
        from = (me & segment) | (b & ~segment), inside = from <= last;
        break;
    }
    const auto source = static_cast<unsigned>(from);
    l.set(0, values[inside && in_mask(mask, source) ? source : i]);
    l.set(1, inside);
  });
}

void decode_shfl(Builder& b) {
  b.expect_operands(5, 5);
  Modifiers m = b.modifiers();
  if (!m.take("sync")) b.refuse("only shfl.sync is supported");
  const auto mode = m.take_one({"up", "down", "bfly", "idx"});
  const Type type = m.type();
  m.finish();
  if (mode.empty() || type != Type::b32) b.refuse("expected .up, .down, .bfly or .idx, and .b32");
  const Shuffle option = mode == "up"     ? Shuffle::up
                         : mode == "down" ? Shuffle::down
                         : mode == "bfly" ? Shuffle::bfly
                                          : Shuffle::idx;
  const auto [d, p] = b.destination_pair(0, type, Type::pred);
  b.add({.run = collective<shuffle, Operation::shuffle>,
         .slots = {d, p == kNoSlot ? b.temporary() : p, b.source(1, type), b.source(2, Type::b32),
                   b.source(3, Type::b32), b.source(4, Type::b32)},
         .option = static_cast<std::uint32_t>(option)});
}

enum class Vote : std::uint32_t { all, any, uni, ballot };
void vote(void* const* lanes, unsigned mask) {
  std::uint32_t votes = 0;
  for_lanes(lanes, mask, [&](unsigned i, const Lane& l) { votes |= l.get<bool>(2) ? 1u << i : 0; });
  for_lanes(lanes, mask, [&](unsigned, const Lane& l) {
    switch (static_cast<Vote>(l.step->option)) {
      case Vote::all:
        l.set(0, votes == mask);
        break;
      case Vote::any:
        l.set(0, votes != 0);
        break;
      case Vote::uni:
        l.set(0, votes == mask || votes == 0);
        break;
      case Vote::ballot:
        l.set(0, votes);
        break;
    }
  });
}
void decode_vote(Builder& b) {
  b.expect_operands(3, 3);
  Modifiers m = b.modifiers();
  if (!m.take("sync")) b.refuse("only vote.sync is supported");
  const auto mode = m.take_one({"all", "any", "uni", "ballot"});
  const Type type = m.type();
  m.finish();
  const bool ballot = mode == "ballot";
  if (mode.empty() || type != (ballot ? Type::b32 : Type::pred))
    b.refuse("expected .all, .any or .uni with .pred, or .ballot.b32");
  const Vote option = mode == "all"   ? Vote::all
                      : mode == "any" ? Vote::any
                      : ballot        ? Vote::ballot
                                      : Vote::uni;
  const Slot d = b.destination(0, type);
  b.add({.run = collective<vote, Operation::vote>,
         .slots = {d, d, b.source(1, Type::pred), 0, 0, b.source(2, Type::b32)},
         .option = static_cast<std::uint32_t>(option)});
}

// option: 1 all, else any.
template <class T>
void match(void* const* lanes, unsigned mask) {
  T values[kWarpSize] = {};
  for_lanes(lanes, mask, [&](unsigned i, const Lane& l) { values[i] = l.get<T>(2); });
  for_lanes(lanes, mask, [&](unsigned i, const Lane& l) {
    std::uint32_t same = 0;
    for (unsigned j = 0; j < kWarpSize; ++j)
      if (in_mask(mask, j) && values[j] == values[i]) same |= 1u << j;
    const bool every = same == mask;
    l.set(0, l.step->option == 0 || every ? same : 0u);
    l.set(1, every);
  });
}
void decode_match(Builder& b) {
  b.expect_operands(3, 3);
  Modifiers m = b.modifiers();
  const auto mode = m.take_one({"any", "all"});
  const bool sync = m.take("sync");
  const Type type = m.type();
  m.finish();
  if (mode.empty() || !sync || (type != Type::b32 && type != Type::b64))
    b.refuse("expected .any.sync or .all.sync, and .b32 or .b64");
  const auto [d, p] = b.destination_pair(0, Type::b32, Type::pred);
  if (p != kNoSlot && mode == "any") b.refuse("match.any has no predicate");
  b.add({.run = type == Type::b32 ? collective<match<std::uint32_t>, Operation::match>
                                  : collective<match<std::uint64_t>, Operation::match>,
         .slots = {d, p == kNoSlot ? b.temporary() : p, b.source(1, type), 0, 0, b.source(2, Type::b32)},
         .option = mode == "all" ? 1u : 0u});
}

enum class Reduction : std::uint32_t { add, min, max, bit_and, bit_or, bit_xor };
template <class T>
T combine(Reduction op, T a, T b) {
  switch (op) {
    case Reduction::add:
      return static_cast<T>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
    case Reduction::min:
      return std::min(a, b);
    case Reduction::max:
      return std::max(a, b);
    case Reduction::bit_and:
      return a & b;
    case Reduction::bit_or:
      return a | b;
    default:
      return a ^ b;
  }
}
template <class T>
void reduce(void* const* lanes, unsigned mask) {
  T result{};
  bool first = true;
  for_lanes(lanes, mask, [&](unsigned, const Lane& l) {
    const T value = l.get<T>(2);
    result = first ? value : combine(static_cast<Reduction>(l.step->option), result, value);
    first = false;
  });
  for_lanes(lanes, mask, [&](unsigned, const Lane& l) { l.set(0, result); });
}
void decode_redux(Builder& b) {
  b.expect_operands(3, 3);
  Modifiers m = b.modifiers();
  if (!m.take("sync")) b.refuse("expected .sync");
  const auto op = m.take_one({"add", "min", "max", "and", "or", "xor"});
  const Type type = m.type();
  m.finish();
  const bool logic = op == "and" || op == "or" || op == "xor";
  if (op.empty() || (logic ? type != Type::b32 : type != Type::u32 && type != Type::s32))
    b.refuse("expected .add, .min or .max of .u32 or .s32, or .and, .or, .xor of .b32");
  const Reduction option = op == "add"   ? Reduction::add
                           : op == "min" ? Reduction::min
                           : op == "max" ? Reduction::max
                           : op == "and" ? Reduction::bit_and
                           : op == "or"  ? Reduction::bit_or
                                         : Reduction::bit_xor;
  const Slot d = b.destination(0, type);
  b.add({.run = type == Type::s32 ? collective<reduce<std::int32_t>, Operation::reduce>
                                  : collective<reduce<std::uint32_t>, Operation::reduce>,
         .slots = {d, d, b.source(1, type), 0, 0, b.source(2, Type::b32)},
         .option = static_cast<std::uint32_t>(option)});
}

// The lowest lane of the mask is elected.
void elect(void* const* lanes, unsigned mask) {
  const auto leader = static_cast<std::uint32_t>(std::countr_zero(mask));
  for_lanes(lanes, mask, [&](unsigned i, const Lane& l) {
    l.set(0, leader);
    l.set(1, i == leader);
  });
}
void decode_elect(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  if (!m.take("sync")) b.refuse("expected .sync");
  m.finish();
  const auto [d, p] = b.destination_pair(0, Type::b32, Type::pred);
  if (p == kNoSlot) b.refuse("expected two destinations, d|p");
  b.add({.run = collective<elect, Operation::collective>, .slots = {d, p, 0, 0, 0, b.source(1, Type::b32)}});
}

void decode_activemask(Builder& b) {
  b.expect_operands(1, 1);
  Modifiers m = b.modifiers();
  m.take("b32");
  m.finish();
  b.add({.run = [](Context& c, const Step& s) { c.set(s.slots[0], active_mask(c.site)); },
         .slots = {b.destination(0, Type::b32)}});
}

constexpr std::array<Instruction, 6> kInstructions{{
    {"shfl", decode_shfl},
    {"vote", decode_vote},
    {"match", decode_match},
    {"redux", decode_redux},
    {"elect", decode_elect},
    {"activemask", decode_activemask},
}};

}  // namespace

std::span<const Instruction> warp_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
