// Two counts of traffic are equal: every tensor, every kind of FLOP, the SRAM peak.
#pragma once

#include <gtest/gtest.h>

#include "simulator/io/traffic.h"

namespace attnlab::testing {

inline void expect_equal(const io::Traffic& closed, const io::Traffic& metered) {
  for (std::size_t t = 0; t < kHbmCount; ++t) {
    EXPECT_EQ(io::to_string(closed.loads[t]), io::to_string(metered.loads[t])) << "loads of " << kHbmNames[t];
    EXPECT_EQ(io::to_string(closed.stores[t]), io::to_string(metered.stores[t]))
        << "stores of " << kHbmNames[t];
  }
  for (std::size_t kind = 0; kind < closed.flops.size(); ++kind) {
    EXPECT_EQ(io::to_string(closed.flops[kind]), io::to_string(metered.flops[kind]))
        << "FLOPs of kind " << kind;
  }
  EXPECT_EQ(io::to_string(closed.sram_peak), io::to_string(metered.sram_peak)) << "SRAM peak";
}

}  // namespace attnlab::testing
