// Is the page whole, well-formed and self-contained whatever the report and the source hold, and does it show
// every line and finding?
#include "simulator/emulator/report/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "reference/core/errors.h"
#include "simulator/emulator/report/highlight.h"
#include "tests/files/refusal.h"
#include "tests/files/temporary_folder.h"
#include "tests/simulator/emulator/report/sample.h"

namespace attnlab::emulator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// What is wrong with a page's markup, or nothing: elements must nest and close, attributes be quoted, ids be
// unique, links lead to ids, ampersands begin entities, the text be UTF-8.
std::string markup_error(const std::string& page) {
  static const std::regex tag(R"re(<(/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<]*")*)(/?)>)re");
  static const std::regex entity("&(amp|lt|gt|#[0-9]+);");
  static const std::regex attribute(R"re( ([a-z-]+)="([^"]*)")re");
  const std::string start = "<!DOCTYPE html>\n";
  if (!page.starts_with(start)) return "no doctype";
  try {
    (void)nlohmann::json(page).dump();
  } catch (const nlohmann::json::exception& error) {
    return error.what();
  }
  std::vector<std::string> open;
  std::set<std::string> ids, links;
  for (std::size_t i = start.size(); i < page.size();) {
    const std::string here = page.substr(i, 40);
    const bool in_style = !open.empty() && open.back() == "style";
    std::smatch match;
    const auto from = page.begin() + static_cast<std::ptrdiff_t>(i);
    const auto at = std::regex_constants::match_continuous;
    if (page[i] == '<' && (!in_style || page.compare(i, 8, "</style>") == 0)) {
      if (!std::regex_search(from, page.end(), match, tag, at)) return "no tag: " + here;
      if (match[1].length() != 0) {
        if (open.empty() || open.back() != match[2]) return "closes what is not open: " + here;
        open.pop_back();
      } else if (match[4].length() == 0) {
        open.push_back(match[2]);
      }
      const std::string attributes = match[3];
      for (std::sregex_iterator a(attributes.begin(), attributes.end(), attribute), end; a != end; ++a) {
        if ((*a)[1] == "id" && !ids.insert((*a)[2]).second) return "two of one id: " + here;
        if ((*a)[1] == "href") links.insert((*a)[2]);
      }
      i += static_cast<std::size_t>(match.length());
    } else if (page[i] == '&' && !in_style) {
      if (!std::regex_search(from, page.end(), match, entity, at)) return "no entity: " + here;
      i += static_cast<std::size_t>(match.length());
    } else {
      ++i;
    }
  }
  for (const std::string& link : links) {
    if (!link.starts_with("#") || !ids.contains(link.substr(1))) return "leads nowhere: " + link;
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

// The text of marked-up source: elements taken away, entities read.
std::string plain(std::string text) {
  text = std::regex_replace(text, std::regex("<[^>]*>"), "");
  for (const auto& [entity, character] :
       {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&#34;", "\""}, {"&amp;", "&"}}) {
    for (std::size_t at; (at = text.find(entity)) != std::string::npos;) {
      text.replace(at, std::string(entity).size(), character);
    }
  }
  return text;
}

class HtmlReport : public TemporaryFolder {
 protected:
  HtmlReport() {
    put(path("k.cu"), "#include <x>\n__global__ void k() {\nfloat a = q[i];\n\no[i] = tile[j];\nsix\n");
  }
  std::string source() const { return path("k.cu").string(); }
};

TEST_F(HtmlReport, IsWellFormedAndComplete) {
  const std::string page = html(sample_report(source()));
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, HasSubstr("flash2_forward&lt;float, 64&gt;"));
  EXPECT_THAT(page, HasSubstr("reads tile[12] that thread (49,0,0) wrote"));
  EXPECT_THAT(page, HasSubstr("4,096 bytes never freed"));
  EXPECT_THAT(page, HasSubstr("1 finding<")) << "the leak is a note";
  EXPECT_THAT(page, HasSubstr("<h2>Notes</h2>"));
  for (const MetricInfo& info : metrics()) EXPECT_THAT(page, HasSubstr(std::string(info.name)));
}

TEST_F(HtmlReport, AsksNothingOfANetworkAndRunsNoScript) {
  const std::string page = html(sample_report(source()));
  for (const char* absent : {"http", "src=", "<script", "<link", "url(", "@import", "onload"}) {
    EXPECT_THAT(page, Not(HasSubstr(absent)));
  }
}

TEST_F(HtmlReport, ShowsCountersAndFindingsAtTheirLines) {
  const std::string page = html(sample_report(source()));
  const std::regex row(R"re(<tr id="k0-0-(\d+)".*?</tr>\n)re");
  std::vector<std::string> rows;
  for (std::sregex_iterator r(page.begin(), page.end(), row), end; r != end; ++r) rows.push_back(r->str());
  ASSERT_EQ(rows.size(), 6);
  // 4,096 sectors are the most of all lines: a full bar, of it nothing wasted; 4 of 32 sectors per request.
  EXPECT_THAT(rows[2], HasSubstr("style=\"--a:100.0%;--b:100.0%\">131 kB"));
  EXPECT_THAT(rows[2], HasSubstr("style=\"--a:12.5%;--b:12.5%\">4.00"));
  // Half of that, of which an eighth is useful; half of the wavefronts are conflicts.
  EXPECT_THAT(rows[4], HasSubstr("style=\"--a:6.2%;--b:50.0%\">65.5 kB"));
  EXPECT_THAT(rows[4], HasSubstr("style=\"--a:12.5%;--b:100.0%\">32.00"));
  EXPECT_THAT(rows[4], HasSubstr("style=\"--a:50.0%;--b:100.0%\">200"));
  EXPECT_THAT(plain(rows[4]), HasSubstr("o[i] = tile[j];"));
  EXPECT_THAT(rows[4], HasSubstr("class=\"bad\""));
  const std::size_t finding = page.find("<tr class=\"finding\">");
  EXPECT_EQ(finding, page.find(rows[4]) + rows[4].size());
  EXPECT_THAT(page, HasSubstr("<a href=\"#k0-0-5\">"));
}

TEST_F(HtmlReport, LinksTheHottestLines) {
  const std::string page = html(sample_report(source()));
  const std::string table = page.substr(page.find("Hottest lines"), 1500);
  EXPECT_THAT(table, HasSubstr("<a href=\"#k0-0-3\">k.cu:3</a></th><td>59.0%</td>"));
  EXPECT_THAT(table, HasSubstr("<a href=\"#k0-0-5\">k.cu:5</a></th><td>41.0%</td>"));
  EXPECT_LT(table.find("k.cu:3"), table.find("k.cu:5"));
}

TEST_F(HtmlReport, LeavesOutLinesWithoutCountersAndSaysHowMany) {
  std::string text;
  for (int i = 1; i <= 300; ++i) text += "line " + std::to_string(i) + "\n";
  put(path("long.cu"), text);
  Report report = sample_report(path("long.cu").string());
  report.kernels[0].lines[1].line = 200;
  report.kernels[0].findings[0].line = 200;
  const std::string page = html(report);
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, HasSubstr("190 lines</td>"));  // 7 to 196
  EXPECT_THAT(page, HasSubstr("97 lines</td>"));   // 204 to 300
  EXPECT_THAT(page, HasSubstr("id=\"k0-0-6\""));
  EXPECT_THAT(page, Not(HasSubstr("id=\"k0-0-7\"")));
  EXPECT_THAT(page, Not(HasSubstr("id=\"k0-0-196\"")));
  EXPECT_THAT(page, HasSubstr("id=\"k0-0-197\""));
}

TEST_F(HtmlReport, ShowsLinesOfAMissingOrShorterFileWithoutText) {
  const std::string page = html(sample_report("/no/such.cu"));
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, HasSubstr("cannot be read"));
  EXPECT_THAT(page, HasSubstr("id=\"k0-0-3\""));
  EXPECT_THAT(page, HasSubstr("id=\"k0-0-5\""));

  put(path("short.cu"), "one\n");
  const std::string shorter = html(sample_report(path("short.cu").string()));
  EXPECT_EQ(markup_error(shorter), "");
  EXPECT_THAT(shorter, HasSubstr("id=\"k0-0-5\""));
}

TEST_F(HtmlReport, ListsEachFileOfAKernel) {
  Report report = sample_report(source());
  put(path("header.cuh"), "\n\n\n\nin the header\n");
  report.kernels[0].lines[0].file = path("header.cuh").string();
  report.kernels[0].lines[0].line = 5;
  const std::string page = html(report);
  EXPECT_EQ(markup_error(page), "");
  // 131,072 bytes of line 3 are in the header now, 91,136 of line 5 stay; the program's own file comes first.
  const std::size_t own = page.find("k.cu <small>41.0% of the bytes</small></h4>");
  const std::size_t header = page.find("header.cuh <small>59.0% of the bytes</small></h4>");
  ASSERT_NE(own, std::string::npos);
  ASSERT_NE(header, std::string::npos);
  EXPECT_LT(own, header);
  EXPECT_THAT(page, HasSubstr("<a href=\"#k0-1-5\">"));
}

TEST_F(HtmlReport, LeavesOutFilesThroughWhichWarpsOnlyPassed) {
  Report report = sample_report(source());
  report.kernels[0].lines.push_back({"tuple", 1858, counters({{Metric::branches, 64}})});
  EXPECT_THAT(html(report), Not(HasSubstr("tuple")));
  report.kernels[0].lines.back().counters =
      counters({{Metric::branches, 64}, {Metric::divergent_branches, 1}});
  EXPECT_THAT(html(report), HasSubstr("tuple"));
}

TEST_F(HtmlReport, EscapesEverything) {
  const std::string evil = "</td><script>alert(\"x\" & 'y')</script>";
  put(path("evil.cu"),
      "a\n" + evil + "\n" + evil + "\n/* \x01 \xff\xc0\n " + evil + "\n*/\n\"" + evil + "\n");
  Report report = sample_report(path("evil.cu").string());
  report.program = evil;
  report.kernels[0].name = evil;
  report.kernels[0].gpu = evil;
  report.kernels[0].findings[0].message = evil;
  report.findings[0].message = evil;
  report.findings[0].file = evil + "\xff";
  const std::string page = html(report, {.ideal = Ideal{evil, 1000}});
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, Not(HasSubstr("<script")));
}

TEST_F(HtmlReport, HoldsTheBytesAgainstTheIdeal) {
  const Report report = sample_report(source());
  EXPECT_THAT(html(report), Not(HasSubstr("closed form:")));
  // 139,264 bytes asked for, 196,608 moved.
  const std::string page = html(report, {.ideal = Ideal{"flash2", 98304}});
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, HasSubstr("closed form: flash2"));
  EXPECT_THAT(page, HasSubstr("139 kB <small>1.42 x ideal"));
  EXPECT_THAT(page, HasSubstr("197 kB <small>2.00 x ideal"));
  EXPECT_THAT(page, HasSubstr("98.3 kB <small>1.00 x ideal"));
  const std::string nothing = html(report, {.ideal = Ideal{"nothing", 0}});
  EXPECT_EQ(markup_error(nothing), "");
  EXPECT_THAT(nothing, Not(HasSubstr("x ideal")));
}

TEST_F(HtmlReport, HoldsSeveralKernelsTogetherAgainstTheIdeal) {
  Report report = sample_report(source());
  report.kernels.push_back(sample_kernel("second", source()));
  const std::string page = html(report, {.ideal = Ideal{"both", 98304}});
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, HasSubstr("<h2>All kernels</h2>"));
  EXPECT_THAT(page, HasSubstr("393 kB <small>4.00 x ideal"));
  const std::size_t first = page.find("closed form: both");
  EXPECT_EQ(page.find("closed form: both", first + 1), std::string::npos);
}

TEST_F(HtmlReport, IsAPageForNothingToo) {
  EXPECT_EQ(markup_error(html({})), "");
  Report report = sample_report(source());
  report.kernels[0].counters = {};
  report.kernels[0].lines.clear();
  report.kernels[0].findings.clear();
  const std::string page = html(report);
  EXPECT_EQ(markup_error(page), "");
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST_F(HtmlReport, StaysSmallForManyLaunchesAndLines) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "sum += tile[" + std::to_string(i) + "] * q;\n";
  put(path("big.cu"), text);
  Report report;
  KernelReport kernel = sample_kernel("big", path("big.cu").string());
  for (unsigned line = 10; line <= 2000; ++line) {
    kernel.lines.push_back({kernel.lines[0].file, line, kernel.lines[0].counters});
  }
  report.kernels.assign(300, kernel);
  for (unsigned i = 0; i < 300; ++i) report.kernels[i].grid.x = i + 1;
  const std::string page = html(report);
  EXPECT_LT(page.size(), 3u << 20);
  EXPECT_THAT(page, HasSubstr("and 292 other shapes"));
  EXPECT_THAT(page, HasSubstr("id=\"k0-0-2000\""));
}

TEST_F(HtmlReport, IsWrittenWhole) {
  write_html(sample_report(source()), path("page.html"));
  EXPECT_EQ(get(path("page.html")), html(sample_report(source())));
  EXPECT_REFUSED(FileError, write_html({}, path("no/page.html")), "page.html: cannot be written");
  EXPECT_EQ(listing(), (std::set<std::string>{"k.cu", "page.html"}));
}

TEST(Highlighter, KeepsTheTextAndMarksItsParts) {
  Highlighter highlighter;
  const std::string code = R"(if (a < b && c > 1.5e-3f) s = "x\"<y>"; // __global__)";
  const std::string marked = highlighter.line(code);
  EXPECT_EQ(plain(marked), code);
  EXPECT_THAT(marked, HasSubstr("<b>if</b>"));
  EXPECT_THAT(marked, HasSubstr("<s>1.5e-3f</s>"));
  EXPECT_THAT(marked, HasSubstr("<s>&#34;x\\&#34;&lt;y&gt;&#34;</s>"));
  EXPECT_THAT(marked, HasSubstr("<i>// __global__</i>"));
  EXPECT_EQ(highlighter.line("__shared__ x = threadIdx.x"), "<u>__shared__</u> x = <u>threadIdx</u>.x");
}

TEST(Highlighter, FollowsCommentsOverLines) {
  Highlighter highlighter;
  EXPECT_EQ(highlighter.line("a /* int"), "a <i>/* int</i>");
  EXPECT_EQ(highlighter.line("int"), "<i>int</i>");
  EXPECT_EQ(highlighter.line("int */ int"), "<i>int */</i> <b>int</b>");
  EXPECT_EQ(highlighter.line("/*/ int"), "<i>/*/ int</i>");
}

TEST(Escaped, ReplacesWhatIsNoText) {
  EXPECT_EQ(escaped("a\tb\x01\x7f"), "a\tb\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escaped("größe \xF0\x9F\x98\x80"), "größe \xF0\x9F\x98\x80");
  EXPECT_EQ(escaped("\xC0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
  EXPECT_EQ(escaped("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(escaped("\xE2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");                  // cut short
}

}  // namespace
}  // namespace attnlab::emulator
