// Does every entry of the registry answer in closed form what the metered machine counts, with tiles of its
// own choice?
#include "simulator/io/registry.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "reference/core/errors.h"
#include "tests/simulator/io/expect_traffic.h"

namespace attnlab::testing {
namespace {

io::Question question_for(const io::Entry& entry) {
  io::Question q;
  q.problem.batch = 2;
  q.problem.num_heads = q.problem.num_kv_heads = 4;
  q.problem.seqlen_q = entry.name == "decode" ? 1 : 37;
  q.problem.seqlen_kv = 83;
  q.problem.head_dim = 16;
  q.problem.head_dim_v = 24;
  q.kv_lora_rank = 40;
  q.rope_dim = 8;
  q.sram_elements = 4096;
  return q;
}

TEST(Registry, ClosedFormEqualsMeteredForEveryEntryAndPass) {
  for (const io::Entry& entry : io::registry()) {
    for (const io::Pass pass : {io::Pass::forward, io::Pass::backward}) {
      if (pass == io::Pass::backward && !entry.backward) continue;
      SCOPED_TRACE(entry.name + " " + io::name(pass));
      io::Question q = question_for(entry);
      q.pass = pass;
      entry.check(entry, q);
      q.tiles = entry.tiles(entry, q);
      const io::Traffic closed = entry.closed(entry, q);
      EXPECT_LE(closed.sram_peak, 4096u);
      const auto sample = entry.metered(entry, q);
      ASSERT_TRUE(sample.has_value());
      expect_equal(closed, sample->traffic);
    }
  }
}

TEST(Registry, NamesAreDistinctAndFound) {
  std::set<std::string> names;
  for (const io::Entry& entry : io::registry()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_EQ(&io::find(entry.name), &entry);
  }
  EXPECT_THROW(io::find("flash9"), InvalidArgument);
}

// A softmax stands there in a table of its own, without the prefix.
TEST(Registry, EveryEntryHasItsRowOnTheLadder) {
  std::ifstream in(ATTNLAB_SOURCE_DIR "/docs/ladder.md");
  std::ostringstream ladder;
  ladder << in.rdbuf();
  for (const io::Entry& entry : io::registry()) {
    const std::string prefix = "softmax-";
    const std::string row = "\n| " + entry.name.substr(entry.name.starts_with(prefix) ? prefix.size() : 0);
    EXPECT_TRUE(ladder.str().find(row + " |") != std::string::npos ||
                ladder.str().find(row + ", ") != std::string::npos)
        << entry.name;
  }
}

TEST(Registry, APassThatIsMissingIsRefused) {
  for (const io::Entry& entry : io::registry()) {
    if (!entry.attention || entry.backward) continue;
    const attention::Head head = attention::head_of(question_for(entry).problem, 0, 0);
    EXPECT_THROW(io::head_traffic(*entry.attention, io::Pass::backward, head, {8, 8}), InvalidArgument);
    EXPECT_THROW(attention::backward<float>(*entry.attention, {}, {}), InvalidArgument);
  }
}

TEST(Registry, TooLittleSramIsRefusedByEveryEntry) {
  for (const io::Entry& entry : io::registry()) {
    io::Question q = question_for(entry);
    q.sram_elements = 1;
    EXPECT_THROW(entry.tiles(entry, q), SramOverflow) << entry.name;
  }
}

}  // namespace
}  // namespace attnlab::testing
