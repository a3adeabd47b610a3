// Does a report come back from JSON as it was, and is every file that is no report refused by name?
#include "simulator/emulator/report/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "reference/core/errors.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"
#include "tests/simulator/emulator/report/sample.h"

namespace attnlab::emulator {
namespace {

using nlohmann::json;

class JsonReport : public TemporaryFolder {
 protected:
  std::filesystem::path file() const { return path("report.json"); }
};

void expect_equal(const Index3& a, const Index3& b) {
  EXPECT_EQ(a.x, b.x);
  EXPECT_EQ(a.y, b.y);
  EXPECT_EQ(a.z, b.z);
}

void expect_equal(const std::vector<Finding>& a, const std::vector<Finding>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].kind, b[i].kind);
    EXPECT_EQ(a[i].kernel, b[i].kernel);
    EXPECT_EQ(a[i].file, b[i].file);
    EXPECT_EQ(a[i].line, b[i].line);
    expect_equal(a[i].block, b[i].block);
    expect_equal(a[i].thread, b[i].thread);
    EXPECT_EQ(a[i].address, b[i].address);
    EXPECT_EQ(a[i].message, b[i].message);
    EXPECT_EQ(a[i].count, b[i].count);
  }
}

void expect_equal(const Report& a, const Report& b) {
  EXPECT_EQ(a.program, b.program);
  ASSERT_EQ(a.kernels.size(), b.kernels.size());
  for (std::size_t i = 0; i < a.kernels.size(); ++i) {
    const KernelReport &x = a.kernels[i], &y = b.kernels[i];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.gpu, y.gpu);
    expect_equal(x.grid, y.grid);
    expect_equal(x.block, y.block);
    EXPECT_EQ(x.static_shared_bytes, y.static_shared_bytes);
    EXPECT_EQ(x.dynamic_shared_bytes, y.dynamic_shared_bytes);
    EXPECT_EQ(x.resident_blocks, y.resident_blocks);
    EXPECT_EQ(x.seconds, y.seconds);
    EXPECT_EQ(x.counters, y.counters);
    ASSERT_EQ(x.lines.size(), y.lines.size());
    for (std::size_t l = 0; l < x.lines.size(); ++l) {
      EXPECT_EQ(x.lines[l].file, y.lines[l].file);
      EXPECT_EQ(x.lines[l].line, y.lines[l].line);
      EXPECT_EQ(x.lines[l].counters, y.lines[l].counters);
    }
    expect_equal(x.findings, y.findings);
  }
  expect_equal(a.findings, b.findings);
}

TEST_F(JsonReport, ComesBackAsItWas) {
  Report report = sample_report("dir with spaces/\"quoted\"\\\n.cu");
  for (std::size_t i = 0; i < kMetricCount; ++i) report.kernels[0].counters[i] = ~std::uint64_t{0} - i;
  report.kernels.push_back(sample_kernel("second", "größe.cu"));
  write_json(report, file());
  expect_equal(read_json(file()), report);
  EXPECT_EQ(listing(), std::set<std::string>{"report.json"});
}

TEST_F(JsonReport, MayBeEmpty) {
  write_json({}, file());
  expect_equal(read_json(file()), {});
}

TEST_F(JsonReport, NamesEveryCounterOfAKernelAndThoseOfALineThatAreNotZero) {
  const json whole = json::parse(to_json(sample_report("a.cu")));
  const json& kernel = whole["kernels"][0];
  EXPECT_EQ(kernel["metrics"].size(), kMetricCount);
  EXPECT_EQ(kernel["metrics"]["l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"], 4096);
  EXPECT_EQ(kernel["lines"][0]["metrics"].size(), 4);
  EXPECT_EQ(kernel["lines"][0]["metrics"]["l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"], 1024);
  EXPECT_EQ(kernel["findings"][0]["kind"], "shared-race");
  EXPECT_EQ(kernel["grid"], json({16, 8, 1}));
}

TEST_F(JsonReport, ReplacesWhatIsNotUtf8) {
  Report report = sample_report("a.cu");
  report.kernels[0].findings[0].message = "bytes \xff\xfe";
  write_json(report, file());
  EXPECT_EQ(read_json(file()).kernels[0].findings[0].message, "bytes \xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_F(JsonReport, IsRefusedWhereAFieldHasAnotherType) {
  const json whole = json::parse(to_json(sample_report("a.cu")));
  const json leaves = whole.flatten();
  ASSERT_GT(leaves.size(), kMetricCount);
  for (const auto& leaf : leaves.items()) {
    for (const json& wrong : {json(true), json(nullptr), json(-1), json(json::object())}) {
      json broken = whole;
      broken[json::json_pointer(leaf.key())] = wrong;
      put(file(), broken.dump());
      EXPECT_REFUSED(FileError, read_json(file()), "report.json: ") << leaf.key() << " " << wrong;
    }
  }
}

TEST_F(JsonReport, IsRefusedWhereAFieldIsMissing) {
  const json whole = json::parse(to_json(sample_report("a.cu")));
  const std::regex of_line("/kernels/0/lines/\\d+/metrics/.*");  // there, a counter left out is zero
  const json leaves = whole.flatten();
  for (const auto& leaf : leaves.items()) {
    if (std::regex_match(leaf.key(), of_line)) continue;
    json broken = whole;
    const json::json_pointer place(leaf.key());
    json& parent = broken[place.parent_pointer()];
    if (parent.is_array()) {
      parent.erase(parent.begin());
    } else {
      parent.erase(place.back());
    }
    put(file(), broken.dump());
    EXPECT_REFUSED(FileError, read_json(file()), "report.json: ") << leaf.key();
  }
}

TEST_F(JsonReport, NamesTheFieldThatItRefuses) {
  json broken = json::parse(to_json(sample_report("a.cu")));
  broken["kernels"][0]["lines"][1]["line"] = 1LL << 40;
  put(file(), broken.dump());
  EXPECT_REFUSED(FileError, read_json(file()), "kernels[0].lines[1].line: not a whole number below 2^32");

  broken = json::parse(to_json(sample_report("a.cu")));
  broken["kernels"][0]["metrics"]["dram__bytes_dreamt.sum"] = 1;
  put(file(), broken.dump());
  EXPECT_REFUSED(FileError, read_json(file()), "dram__bytes_dreamt.sum: no counter of this version");

  broken = json::parse(to_json(sample_report("a.cu")));
  broken["findings"][0]["kind"] = "bad-luck";
  put(file(), broken.dump());
  EXPECT_REFUSED(FileError, read_json(file()), "findings[0].kind: no kind of finding: bad-luck");
}

TEST_F(JsonReport, IsRefusedWhenCutShort) {
  const std::string whole = to_json(sample_report("a.cu"));
  for (std::size_t length = 0; length + 2 < whole.size(); length += 97) {
    put(file(), whole.substr(0, length));
    EXPECT_REFUSED(FileError, read_json(file()), "report.json: ") << length;
  }
  EXPECT_REFUSED(FileError, read_json(path("absent.json")), "absent.json: cannot be opened");
}

TEST_F(JsonReport, LeavesTheOldFileWhereItCannotWrite) {
  EXPECT_REFUSED(FileError, write_json({}, path("no/such/folder.json")), "folder.json: cannot be written");
  std::filesystem::create_directory(path("folder"));
  EXPECT_REFUSED(FileError, write_json({}, path("folder")), "is a directory, not a file");
  EXPECT_EQ(listing(), std::set<std::string>{"folder"});
}

}  // namespace
}  // namespace attnlab::emulator
