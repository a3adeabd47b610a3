// Does the text say what the report says, aligned, without rows of zeros, hottest lines first?
#include "simulator/emulator/report/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "simulator/emulator/report/figures.h"
#include "tests/files/temporary_folder.h"
#include "tests/simulator/emulator/report/sample.h"

namespace attnlab::emulator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TextReport : public TemporaryFolder {
 protected:
  TextReport() { put(path("k.cu"), "#include <x>\n\nfloat a = q[i];\n\n\t  o[i] = tile[j];  \nsix\n"); }
  std::string source() const { return path("k.cu").string(); }
};

std::string line_with(const std::string& text, const std::string& words) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(words) != std::string::npos) return line;
  }
  ADD_FAILURE() << "no line with " << words << " in\n" << text;
  return {};
}

// The line's words, separated by single blanks.
std::string words_of(const std::string& line) {
  std::istringstream words(line);
  std::string result;
  for (std::string word; words >> word;) result += (result.empty() ? "" : " ") + word;
  return result;
}

TEST_F(TextReport, HasAKernelsTotals) {
  const std::string report = text(sample_report(source()));
  EXPECT_THAT(report, HasSubstr("flash2_forward<float, 64> on h200\n"));
  EXPECT_EQ(words_of(line_with(report, "grid")),
            "grid 16 x 8, block 128, 16,896 bytes of shared memory, 7 blocks per SM");
  EXPECT_EQ(words_of(line_with(report, "    loads")), "loads 1,024 4,096 4.00 131 kB 131 kB 100.0%");
  EXPECT_EQ(words_of(line_with(report, "    stores")), "stores 64 2,048 32.00 65.5 kB 8.19 kB 12.5%");
  const std::string shared = report.substr(report.find("shared memory  "));
  EXPECT_EQ(words_of(line_with(shared, "    loads")), "loads 100 200 100 25 50");
  EXPECT_EQ(words_of(line_with(report, "DRAM read")), "DRAM read 3,072 98.3 kB");
  EXPECT_EQ(words_of(line_with(report, "arithmetic")), "arithmetic 65,536 fp32 FLOPs, 32,768 FMA");
  EXPECT_EQ(words_of(line_with(report, "divergent")), "divergent 10.0% of 10 basic blocks");
}

TEST_F(TextReport, LeavesOutWhatIsZero) {
  const std::string report = text(sample_report(source()));
  for (const char* absent :
       {"atomics", "reductions", "async", "local memory", "warps", "DRAM written", "nan"}) {
    EXPECT_THAT(report, Not(HasSubstr(absent)));
  }
  Report empty = sample_report(source());
  empty.kernels[0].counters = {};
  empty.kernels[0].lines.clear();
  empty.kernels[0].findings.clear();
  EXPECT_EQ(text(empty).find("global memory"), std::string::npos);
  EXPECT_EQ(text({}), "no kernel was launched\n");
}

TEST_F(TextReport, PutsTheHottestLinesFirstWithTheirSource) {
  // Line 3: 4,096 sectors, 131,072 bytes. Line 5: 2,048 sectors and 200 wavefronts, 91,136 bytes.
  const std::string report = text(sample_report(source()));
  EXPECT_EQ(words_of(line_with(report, "k.cu:3 ")), "k.cu:3 59.0% 4,096 4.00 float a = q[i];");
  EXPECT_EQ(words_of(line_with(report, "k.cu:5 ")), "k.cu:5 41.0% 2,048 32.00 200 100 o[i] = tile[j];");
  EXPECT_LT(report.find("k.cu:3 "), report.find("k.cu:5 "));
  EXPECT_THAT(text(sample_report(source()), {.hottest_lines = 1}), Not(HasSubstr("k.cu:5 ")));
  EXPECT_THAT(text(sample_report(source()), {.hottest_lines = 0}), Not(HasSubstr("hottest")));
}

TEST_F(TextReport, NeedsNoSource) {
  EXPECT_EQ(words_of(line_with(text(sample_report("/no/such.cu")), "such.cu:3 ")),
            "such.cu:3 59.0% 4,096 4.00");
}

TEST_F(TextReport, ShowsNoLineBehindTheFilesEnd) {
  Report report = sample_report(source());
  report.kernels[0].lines[0].line = 0;
  report.kernels[0].lines[1].line = 7;
  EXPECT_EQ(words_of(line_with(text(report), "k.cu:7 ")), "k.cu:7 41.0% 2,048 32.00 200 100");
}

TEST_F(TextReport, CutsLongLinesBetweenCharacters) {
  put(path("long.cu"), "\n\n" + std::string(89, 'x') + "ößend\r\n\nshort\r\n");
  const std::string report = text(sample_report(path("long.cu").string()));
  EXPECT_THAT(report, HasSubstr(std::string(89, 'x') + "...\n"));
  EXPECT_THAT(report, HasSubstr("  short\n"));
}

TEST_F(TextReport, NamesFilesBelowTheWorkingFolderByTheirPathFromThere) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(path(""));
  const std::string report = text(sample_report(source()));
  std::filesystem::current_path(before);
  EXPECT_THAT(report, HasSubstr("    k.cu:5: shared-race"));
}

TEST_F(TextReport, PutsFindingsOfOneKindAtOneLineTogether) {
  Report report = sample_report(source());
  std::vector<Finding>& findings = report.kernels[0].findings;
  findings.insert(findings.end(), 3, findings[0]);
  findings[1].message = "another thread's";
  findings[2].line = 3;
  findings[3].kind = FindingKind::out_of_bounds;
  const std::string all = text(report);
  EXPECT_THAT(all,
              HasSubstr(":5: shared-race: reads tile[12] that thread (49,0,0) wrote (block (3,0,0) thread "
                        "(17,0,0), 8,192 times)\n"));
  EXPECT_THAT(all, HasSubstr(":3: shared-race: "));
  EXPECT_THAT(all, HasSubstr(":5: out-of-bounds: "));
}

TEST_F(TextReport, SaysEachFindingOnOneLine) {
  const std::string report = text(sample_report(source()));
  EXPECT_THAT(report, HasSubstr(source() + ":5: shared-race: reads tile[12] that thread (49,0,0) wrote "
                                           "(block (3,0,0) thread (17,0,0), 4,096 times)\n"));
  EXPECT_THAT(report, Not(HasSubstr("outside kernels")));
  EXPECT_THAT(report, HasSubstr("notes: no errors, unless --leaks asks for them\n  " + source() +
                                ":8: leak: 4,096 bytes never freed\n"));
}

TEST_F(TextReport, NamesTheKernelOfARefusedLaunch) {
  Report report;
  report.findings = {{.kind = FindingKind::refused_launch,
                      .kernel = "fill<float>",
                      .file = "k.cu",
                      .line = 20,
                      .message = "block (2048, 1, 1), at most (1024, 1024, 64)"}};
  EXPECT_THAT(text(report), HasSubstr("k.cu:20: refused-launch: block (2048, 1, 1), at most (1024, 1024, 64) "
                                      "(fill<float>)\n"));
}

TEST_F(TextReport, AlignsItsColumns) {
  const std::string report = text(sample_report(source()));
  const std::string head = line_with(report, "global memory"), loads = line_with(report, "    loads"),
                    stores = line_with(report, "    stores");
  EXPECT_EQ(head.size(), loads.size());
  EXPECT_EQ(head.size(), stores.size());
  EXPECT_EQ(head.find("requests") + 8, loads.find("1,024") + 5);
  EXPECT_THAT(report, Not(HasSubstr(" \n")));
}

TEST_F(TextReport, SumsLaunchesOfOneKernel) {
  Report report = sample_report(source());
  for (int i = 0; i < 2; ++i) report.kernels.push_back(report.kernels[0]);
  report.kernels[2].grid = {1, 1, 1};
  const std::string sums = text(report);
  EXPECT_EQ(words_of(line_with(sums, "    loads")), "loads 3,072 12,288 4.00 393 kB 393 kB 100.0%");
  EXPECT_EQ(words_of(line_with(sums, "grid 16")),
            "grid 16 x 8, block 128, 16,896 bytes of shared memory, 7 blocks per SM, launched 2 times");
  EXPECT_EQ(words_of(line_with(sums, "grid 1,")),
            "grid 1, block 128, 16,896 bytes of shared memory, 7 blocks per SM, launched 1 times");
  EXPECT_THAT(sums, HasSubstr("12,288 times)"));
  EXPECT_EQ(words_of(line_with(sums, "k.cu:3 ")), "k.cu:3 59.0% 12,288 4.00 float a = q[i];");
}

TEST_F(TextReport, BeginsWithASummaryOfSeveralKernels) {
  Report report = sample_report(source());
  report.kernels.push_back(sample_kernel(std::string(100, 'n') + "<float>", source()));
  const std::string all = text(report);
  EXPECT_EQ(words_of(line_with(all, "flash2")),
            "flash2_forward<float, 64> 1 6,144 5.65 200 0 B 98.3 kB 0 B 1");
  EXPECT_THAT(all, HasSubstr("\n" + std::string(40, 'n') + "...  "));
  EXPECT_THAT(all, HasSubstr("\n" + std::string(100, 'n') + "<float> on h200\n"));
}

TEST_F(TextReport, NamesKernelsWithoutNamespacesWhereThatIsClear) {
  Report report;
  report.kernels = {sample_kernel("a::b::first<c::d, 64>", source()), sample_kernel("a::second", source()),
                    sample_kernel("b::second", source())};
  const std::string all = text(report);
  EXPECT_THAT(all, HasSubstr("\nfirst<c::d, 64> on h200\n"));
  EXPECT_THAT(all, HasSubstr("\na::second on h200\n"));
  EXPECT_THAT(all, HasSubstr("\nb::second on h200\n"));
}

TEST(Figures, CutNamespacesOnly) {
  EXPECT_EQ(without_namespaces("k"), "k");
  EXPECT_EQ(without_namespaces("a::k<b::c>"), "k<b::c>");
  EXPECT_EQ(without_namespaces("a<int>::k"), "a<int>::k");
  EXPECT_EQ(without_namespaces("k(std::tuple<int>)"), "k(std::tuple<int>)");
  EXPECT_EQ(without_namespaces("(anonymous namespace)::k<1>"), "k<1>");
  EXPECT_EQ(without_namespaces("a::(anonymous namespace)::k"), "k");
  EXPECT_EQ(without_namespaces(""), "");
}

TEST(Figures, AreRoundedForReaders) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(18446744073709551615u), "18,446,744,073,709,551,615");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.00 kB");
  EXPECT_EQ(bytes_text(9994), "9.99 kB");
  EXPECT_EQ(bytes_text(9996), "10.0 kB");
  EXPECT_EQ(bytes_text(99960), "100 kB");
  EXPECT_EQ(bytes_text(999499), "999 kB");
  EXPECT_EQ(bytes_text(999501), "1.00 MB");
  EXPECT_EQ(bytes_text(18446744073709551615u), "18.4 EB");
  EXPECT_EQ(ratio_text(1, 0), "-");
  EXPECT_EQ(percent_text(0, 0), "-");
  EXPECT_EQ(percent_text(1, 3), "33.3%");
}

}  // namespace
}  // namespace attnlab::emulator
