// mov with packing and unpacking, address conversions, and the special registers.
#include <array>

#include "simulator/emulator/device_calls.h"
#include "simulator/emulator/ptx/builder.h"

namespace attnlab::emulator::ptx {
namespace {

void move(Context& c, const Step& s) { c.registers[s.slots[0]] = c.registers[s.slots[1]]; }
void move_predicate(Context& c, const Step& s) { c.set(s.slots[0], c.get<bool>(s.slots[1])); }
void move_wide(Context& c, const Step& s) {
  const std::uint64_t low = c.registers[s.slots[2]], high = c.registers[s.slots[3]];
  c.registers[s.slots[0]] = low;
  c.registers[s.slots[1]] = high;
}

// option: bits of a part; immediate: parts. slots[0] is the whole, or its low half with slots[15] the high
// one (128 bits); the parts follow.
void pack(Context& c, const Step& s) {
  if (s.option == 64) {
    const std::uint64_t low = c.registers[s.slots[1]], high = c.registers[s.slots[2]];
    c.registers[s.slots[0]] = low;
    c.registers[s.slots[15]] = high;
    return;
  }
  const std::uint64_t mask = (std::uint64_t{1} << s.option) - 1;
  std::uint64_t whole = 0;
  for (unsigned i = 0; i < s.immediate; ++i) whole |= (c.registers[s.slots[1 + i]] & mask) << (i * s.option);
  c.registers[s.slots[0]] = whole;
}
void unpack(Context& c, const Step& s) {
  if (s.option == 64) {
    const std::uint64_t low = c.registers[s.slots[0]], high = c.registers[s.slots[15]];
    c.registers[s.slots[1]] = low;
    c.registers[s.slots[2]] = high;
    return;
  }
  const std::uint64_t whole = c.registers[s.slots[0]];
  for (unsigned i = 0; i < s.immediate; ++i) c.registers[s.slots[1 + i]] = whole >> (i * s.option);
}

Type bits_type(unsigned bits) {
  return bits == 8 ? Type::b8 : bits == 16 ? Type::b16 : bits == 32 ? Type::b32 : Type::b64;
}

void decode_vector_move(Builder& b, Type type, bool packs) {
  const OperandText& vector = b.operand(packs ? 1 : 0);
  const auto count = static_cast<unsigned>(vector.parts.size());
  const unsigned part = count == 2 || count == 4 ? bits(type) / count : 0;
  if (part < 8 || part > 64)
    b.refuse("a ." + std::string(name(type)) + " has no " + std::to_string(count) + " parts");
  Step step{.run = packs ? pack : unpack, .immediate = count, .option = part};
  const std::size_t whole = packs ? 0 : 1;
  if (type == Type::b128) {
    std::tie(step.slots[0], step.slots[15]) =
        b.wide(b.operand(whole), packs ? Direction::out : Direction::in);
  } else {
    step.slots[0] = packs ? b.destination(whole, type) : b.source(whole, type);
  }
  const auto parts = packs ? b.sources(1, bits_type(part), count) : b.destinations(0, bits_type(part), count);
  std::copy(parts.begin(), parts.end(), step.slots + 1);
  b.add(step);
}

void decode_mov(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  const Type type = m.type();
  m.finish();
  const bool packs = b.operand(1).kind == OperandText::Kind::vector;
  const bool unpacks = b.operand(0).kind == OperandText::Kind::vector;
  if (packs && unpacks) b.refuse("a vector on both sides");
  if (packs || unpacks) return decode_vector_move(b, type, packs);
  if (type == Type::b128) {
    const auto [high, low] =
        std::pair(b.wide(b.operand(1), Direction::in), b.wide(b.operand(0), Direction::out));
    return b.add({.run = move_wide, .slots = {low.first, low.second, high.first, high.second}});
  }
  if (bits(type) == 8) b.refuse("mov has no 8-bit types");
  b.add({.run = type == Type::pred ? move_predicate : move,
         .slots = {b.destination(0, type), b.source(1, type)}});
}

// --- address spaces -------------------------------------------------------------------------------------
void to_shared(Context& c, const Step& s) {
  c.registers[s.slots[0]] = shared_offset(reinterpret_cast<const void*>(c.registers[s.slots[1]]));
}
void from_shared(Context& c, const Step& s) {
  c.registers[s.slots[0]] = reinterpret_cast<std::uint64_t>(shared_address(c.get<std::uint32_t>(s.slots[1])));
}
void is_space(Context& c, const Step& s) {
  const Space space = space_of(reinterpret_cast<const void*>(c.registers[s.slots[1]]));
  c.set(s.slots[0], space == static_cast<Space>(s.option));
}

std::optional<Space> take_space(Modifiers& m) {
  const auto space = m.take_one({"global", "shared", "shared::cta", "const", "local"});
  if (space.empty()) return std::nullopt;
  return space == "global"  ? Space::global
         : space == "const" ? Space::constant
         : space == "local" ? Space::local
                            : Space::shared;
}

// All other spaces are windows of the generic one at the same address.
void decode_cvta(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  const bool to = m.take("to");
  const auto space = take_space(m);
  const Type type = m.type();
  m.finish();
  if (!space) b.refuse("it names no state space");
  if (type != Type::u64 && type != Type::u32) b.refuse("expected .u64 or .u32");
  if (type == Type::u32) b.refuse("generic addresses have 64 bits");
  b.add({.run = space != Space::shared ? move
                : to                   ? to_shared
                                       : from_shared,
         .slots = {b.destination(0, type), b.source(1, type)}});
}

void decode_isspacep(Builder& b) {
  b.expect_operands(2, 2);
  Modifiers m = b.modifiers();
  const auto space = take_space(m);
  m.finish();
  if (!space) b.refuse("it names no state space");
  b.add({.run = is_space,
         .slots = {b.destination(0, Type::pred), b.source(1, Type::u64)},
         .option = static_cast<std::uint32_t>(*space)});
}

// --- special registers ------------------------------------------------------------------------------------
template <Index3 (*Read)(), unsigned Index3::*Part>
void read_index(Context& c, const Step& s) {
  c.registers[s.slots[0]] = Read().*Part;
}
template <unsigned (*Read)()>
void read_unsigned(Context& c, const Step& s) {
  c.registers[s.slots[0]] = Read();
}
void read_zero(Context& c, const Step& s) { c.registers[s.slots[0]] = 0; }
void read_one(Context& c, const Step& s) { c.registers[s.slots[0]] = 1; }
void read_clock(Context& c, const Step& s) { c.registers[s.slots[0]] = clock(); }
void read_clock_high(Context& c, const Step& s) { c.registers[s.slots[0]] = clock() >> 32; }

unsigned lanemask_eq() { return 1u << lane_id(); }
unsigned lanemask_lt() { return (1u << lane_id()) - 1; }
unsigned lanemask_le() { return lanemask_lt() | lanemask_eq(); }
unsigned lanemask_gt() { return ~lanemask_le(); }
unsigned lanemask_ge() { return ~lanemask_lt(); }
unsigned warps_of_block() {
  const Index3 d = block_dim();
  return (d.x * d.y * d.z + kWarpSize - 1) / kWarpSize;
}

struct Special {
  std::string_view name;
  Handler read;
  unsigned bits = 32;
};
constexpr std::array<Special, 32> kSpecials{{
    {"%tid.x", read_index<thread_index, &Index3::x>},
    {"%tid.y", read_index<thread_index, &Index3::y>},
    {"%tid.z", read_index<thread_index, &Index3::z>},
    {"%tid.w", read_zero},
    {"%ntid.x", read_index<block_dim, &Index3::x>},
    {"%ntid.y", read_index<block_dim, &Index3::y>},
    {"%ntid.z", read_index<block_dim, &Index3::z>},
    {"%ntid.w", read_one},
    {"%ctaid.x", read_index<block_index, &Index3::x>},
    {"%ctaid.y", read_index<block_index, &Index3::y>},
    {"%ctaid.z", read_index<block_index, &Index3::z>},
    {"%ctaid.w", read_zero},
    {"%nctaid.x", read_index<grid_dim, &Index3::x>},
    {"%nctaid.y", read_index<grid_dim, &Index3::y>},
    {"%nctaid.z", read_index<grid_dim, &Index3::z>},
    {"%nctaid.w", read_one},
    {"%laneid", read_unsigned<lane_id>},
    {"%warpid", read_unsigned<warp_id>},
    {"%nwarpid", read_unsigned<warps_of_block>},
    {"%smid", read_unsigned<sm_id>},
    {"%lanemask_eq", read_unsigned<lanemask_eq>},
    {"%lanemask_lt", read_unsigned<lanemask_lt>},
    {"%lanemask_le", read_unsigned<lanemask_le>},
    {"%lanemask_gt", read_unsigned<lanemask_gt>},
    {"%lanemask_ge", read_unsigned<lanemask_ge>},
    {"%clock", read_clock},
    {"%clock_hi", read_clock_high},
    {"%clock64", read_clock, 64},
    {"%globaltimer", read_clock, 64},
    {"%globaltimer_lo", read_clock},
    {"%globaltimer_hi", read_clock_high},
    {"%dynamic_smem_size", read_unsigned<dynamic_shared_bytes>},
}};

constexpr std::array<Instruction, 3> kInstructions{{
    {"mov", decode_mov},
    {"cvta", decode_cvta},
    {"isspacep", decode_isspacep},
}};

}  // namespace

std::optional<Step> read_special(std::string_view name, unsigned& bits) {
  for (const Special& special : kSpecials) {
    if (special.name == name) {
      bits = special.bits;
      return Step{.run = special.read};
    }
  }
  return std::nullopt;
}

std::span<const Instruction> move_instructions() { return kInstructions; }

}  // namespace attnlab::emulator::ptx
