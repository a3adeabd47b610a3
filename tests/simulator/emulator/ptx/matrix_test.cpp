// Do ldmatrix, stmatrix and movmatrix put every element of every matrix where the PTX ISA's figures put it,
// and does each row count as one access of 16 bytes?
#include <gtest/gtest.h>

#include <cstring>

#include "tests/simulator/emulator/ptx/evaluate.h"

namespace attnlab::emulator::ptx {
namespace {

// Element (row, column) of matrix i; row r of it lies where lane 8 i + r points, in scattered places.
std::uint16_t element(unsigned i, unsigned row, unsigned column) {
  return static_cast<std::uint16_t>(1000 * i + 10 * row + column);
}
std::uint32_t row_offset(unsigned lane) { return (lane * 5 % 32) * 48; }

void fill_shared() {
  fake::shared_memory.fill(0xee);
  for (unsigned lane = 0; lane < 32; ++lane) {
    for (unsigned column = 0; column < 8; ++column) {
      const std::uint16_t e = element(lane / 8, lane % 8, column);
      std::memcpy(fake::shared_memory.data() + row_offset(lane) + 2 * column, &e, 2);
    }
  }
}
// What a lane's register of matrix i holds: two elements of a row, or of a column.
std::uint32_t pair(unsigned i, unsigned lane, bool transposed) {
  const unsigned major = lane / 4, minor = 2 * (lane % 4);
  const std::uint32_t low = transposed ? element(i, minor, major) : element(i, major, minor);
  const std::uint32_t high = transposed ? element(i, minor + 1, major) : element(i, major, minor + 1);
  return low | high << 16;
}
std::string registers(unsigned count) {
  return count == 1 ? "{%0}" : count == 2 ? "{%0,%1}" : "{%0,%1,%2,%3}";
}

TEST(Matrix, Loads) {
  fill_shared();
  for (const unsigned count : {1u, 2u, 4u}) {
    for (const bool transposed : {false, true}) {
      for (const bool generic : {false, true}) {
        fake::reset();
        fake::run_warp([&](unsigned lane) {
          std::uint32_t r[4] = {};
          const std::string text = "ldmatrix.sync.aligned.m8n8.x" + std::to_string(count) +
                                   (transposed ? ".trans" : "") + (generic ? ".b16 " : ".shared.b16 ") +
                                   registers(count) + ", [%4];";
          // Lanes whose address is not used give a wild one.
          const std::uint32_t offset = lane < 8 * count ? row_offset(lane) : 1u << 30;
          if (generic) {
            run_text(text, out("=r", r[0]), out("=r", r[1]), out("=r", r[2]), out("=r", r[3]),
                     in("l", fake::shared_memory.data() + offset));
          } else {
            run_text(text, out("=r", r[0]), out("=r", r[1]), out("=r", r[2]), out("=r", r[3]),
                     in("r", fake::shared_begin + offset));
          }
          for (unsigned i = 0; i < count; ++i)
            EXPECT_EQ(r[i], pair(i, lane, transposed)) << "x" << count << " lane " << lane;
        });
        ASSERT_EQ(fake::device.accesses.size(), 8 * count);
        for (const fake::Access& access : fake::device.accesses) {
          EXPECT_EQ(access.kind, fake::Access::Kind::load);
          EXPECT_EQ(access.bytes, 16u);
          EXPECT_EQ(access.address, fake::shared_memory.data() + row_offset(access.lane));
          EXPECT_EQ(access.site, fake::device.accesses[0].site);
        }
      }
    }
  }
}

TEST(Matrix, Stores) {
  for (const unsigned count : {1u, 2u, 4u}) {
    for (const bool transposed : {false, true}) {
      fill_shared();
      const auto expected = fake::shared_memory;
      for (unsigned lane = 0; lane < 8 * count; ++lane)
        std::memset(fake::shared_memory.data() + row_offset(lane), 0, 16);
      fake::reset();
      fake::run_warp([&](unsigned lane) {
        std::uint32_t r[4];
        for (unsigned i = 0; i < 4; ++i) r[i] = pair(i, lane, transposed);
        run_text("stmatrix.sync.aligned.m8n8.x" + std::to_string(count) + (transposed ? ".trans" : "") +
                     ".shared.b16 [%4], " + registers(count) + ";",
                 in("r", r[0]), in("r", r[1]), in("r", r[2]), in("r", r[3]),
                 in("r", fake::shared_begin + row_offset(lane)));
      });
      EXPECT_EQ(fake::shared_memory, expected) << "x" << count << (transposed ? " transposed" : "");
      EXPECT_EQ(fake::device.accesses.size(), 8 * count);
      EXPECT_EQ(fake::device.accesses[0].kind, fake::Access::Kind::store);
    }
  }
}

TEST(Matrix, Transposes) {
  fake::run_warp([](unsigned lane) {
    std::uint32_t d = 0;
    run_text("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;", out("=r", d), in("r", pair(2, lane, false)));
    EXPECT_EQ(d, pair(2, lane, true));
  });
}

}  // namespace
}  // namespace attnlab::emulator::ptx
