// The source listing of the page: one row per line, bars for its counters, its findings below it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "simulator/emulator/report/highlight.h"
#include "simulator/emulator/report/html_parts.h"

namespace attnlab::emulator {
namespace {

// A number and a bar behind it: in percent of the column's width, what the work needs and what comes on top.
struct Cell {
  std::string text;
  double needed = 0, wasted = 0;
};

// The largest values among a kernel's lines: full bars.
struct Scale {
  std::uint64_t bytes = 1, wavefronts = 1;
  std::uint64_t through_sm = 0;  // of the whole kernel
};

struct Column {
  std::string_view css, head, hint;
  Cell (*cell)(const Counters&, const Scale&);
};

std::uint64_t needed_bytes(const Counters& c) {
  std::uint64_t bytes = 0;
  for (const GlobalRow& row : kGlobalRows) {
    const bool counted = row.useful_bytes != Metric::count_;
    bytes += counted ? get(c, row.useful_bytes) : get(c, row.sectors) * kSectorBytes;
  }
  return std::min(bytes, global_sectors(c) * kSectorBytes);
}

double percent(std::uint64_t part, std::uint64_t whole) {
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

Cell bytes_cell(const Counters& c, const Scale& scale) {
  const std::uint64_t bytes = global_sectors(c) * kSectorBytes, needed = needed_bytes(c);
  if (bytes == 0) return {};
  return {bytes_text(bytes), percent(needed, scale.bytes), percent(bytes - needed, scale.bytes)};
}

Cell sectors_cell(const Counters& c, const Scale&) {
  const std::uint64_t sectors = global_sectors(c), requests = global_requests(c);
  if (requests == 0) return {};
  const double most = static_cast<double>(requests) * kWarpSize * kSectorBytes;  // one sector per lane
  const double needed = 100 * static_cast<double>(needed_bytes(c)) / most;
  const double all = 100 * static_cast<double>(sectors * kSectorBytes) / most;
  return {ratio_text(sectors, requests), std::min(needed, 100.0),
          std::min(all, 100.0) - std::min(needed, 100.0)};
}

Cell wavefronts_cell(const Counters& c, const Scale& scale) {
  const std::uint64_t all = shared_wavefronts(c), wasted = std::min(bank_conflicts(c), all);
  if (all == 0) return {};
  return {count_text(all), percent(all - wasted, scale.wavefronts), percent(wasted, scale.wavefronts)};
}

Cell conflicts_cell(const Counters& c, const Scale&) {
  return bank_conflicts(c) == 0 ? Cell{} : Cell{count_text(bank_conflicts(c))};
}

Cell divergence_cell(const Counters& c, const Scale&) {
  const std::uint64_t divergent = get(c, Metric::divergent_branches);
  return divergent == 0 ? Cell{} : Cell{percent_text(divergent, get(c, Metric::branches))};
}

Cell share_cell(const Counters& c, const Scale& scale) {
  return bytes_through_sm(c) == 0 ? Cell{} : Cell{percent_text(bytes_through_sm(c), scale.through_sm)};
}

constexpr std::array<Column, 6> kColumns{{
    {"sh", "of the bytes", "the line's share of those through global and shared memory", share_cell},
    {"hb", "global bytes", "32 bytes for each sector that the line's requests touch, before any cache",
     bytes_cell},
    {"sr", "sectors / request", "of 32 at most, one sector per lane", sectors_cell},
    {"wf", "shared wavefronts", "passes through the banks, as written", wavefronts_cell},
    {"bc", "bank conflicts", "passes that only conflicts made necessary", conflicts_cell},
    {"dv", "divergent", "of the basic blocks entered here, with threads of the warp elsewhere",
     divergence_cell},
}};

// Everything that the listing says about one line.
struct LineFacts {
  const Counters* counters = nullptr;
  std::vector<const Finding*> findings;
};
using FileFacts = std::map<unsigned, LineFacts>;

// Did the line do anything but run? Lines that a warp only passed need no place in the listing; the code
// around a kernel's call is such.
bool did_something(Counters counters) {
  counters[static_cast<std::size_t>(Metric::branches)] = 0;
  return counters != Counters{};
}

std::map<std::string, FileFacts> facts_of(const KernelReport& kernel) {
  std::map<std::string, FileFacts> files;
  for (const LineReport& line : kernel.lines)
    if (did_something(line.counters)) files[line.file][line.line].counters = &line.counters;
  for (const Finding& finding : kernel.findings)
    if (!finding.file.empty()) files[finding.file][finding.line].findings.push_back(&finding);
  return files;
}

struct Stretch {
  unsigned begin, end;  // lines, end excluded
};

// Where the function around a line begins, if a short way up.
unsigned function_head(const std::vector<std::string>& lines, unsigned line) {
  constexpr unsigned kFarthest = 40;
  for (unsigned up = 0; up < kFarthest && up + 1 < line; ++up) {
    const std::string& text = lines[line - up - 1];
    if (text.find("__global__") != std::string::npos || text.find("__device__") != std::string::npos)
      return line - up;
    if (text.starts_with("}")) break;
  }
  return line;
}

// The lines worth showing: those with facts, some around them, and the head of their function.
std::vector<Stretch> stretches(const FileFacts& facts, const std::vector<std::string>& lines) {
  constexpr unsigned kAround = 3, kBridged = 8;
  const auto last = static_cast<unsigned>(lines.size());
  std::vector<Stretch> result;
  for (const auto& [number, fact] : facts) {
    if (number == 0 || number > last) continue;
    const unsigned around = number > kAround ? number - kAround : 1;
    const Stretch stretch{std::min(around, function_head(lines, number)),
                          std::min(number + kAround, last) + 1};
    if (!result.empty() && stretch.begin <= result.back().end + kBridged)
      result.back().end = std::max(result.back().end, stretch.end);
    else
      result.push_back(stretch);
  }
  return result;
}

class Listing {
 public:
  Listing(const KernelReport& kernel, SourceText& source, const std::string& id)
      : kernel_(kernel), source_(source), anchors_(kernel, id) {
    scale_.through_sm = bytes_through_sm(kernel.counters);
    for (const LineReport& line : kernel.lines) {
      scale_.bytes = std::max(scale_.bytes, global_sectors(line.counters) * kSectorBytes);
      scale_.wavefronts = std::max(scale_.wavefronts, shared_wavefronts(line.counters));
    }
    for (const Column& column : kColumns) {  // columns that would be empty are left out
      const bool filled = std::any_of(kernel.lines.begin(), kernel.lines.end(), [&](const LineReport& line) {
        return !column.cell(line.counters, scale_).text.empty();
      });
      if (filled) columns_.push_back(&column);
    }
  }

  std::string html() {
    std::string result;
    const std::map<std::string, FileFacts> files = facts_of(kernel_);
    std::vector<std::string> order;
    for (const auto& [path, facts] : files) order.push_back(path);
    // The program's own files first, then what they include, the hottest first.
    std::ranges::stable_sort(order, std::ranges::greater{}, [&](const std::string& path) {
      return std::pair(path.ends_with(".cu"), bytes_of(files.at(path)));
    });
    for (const std::string& path : order) result += file(path, files.at(path));
    return result;
  }

 private:
  static std::uint64_t bytes_of(const FileFacts& facts) {
    std::uint64_t bytes = 0;
    for (const auto& [number, fact] : facts)
      if (fact.counters != nullptr) bytes += bytes_through_sm(*fact.counters);
    return bytes;
  }

  std::string file(const std::string& path, const FileFacts& facts) {
    const auto& lines = source_.file(path);
    std::string body;
    if (lines) {
      Highlighter highlighter;
      unsigned shown = 1;  // the lines before this one are shown or left out
      for (const Stretch& stretch : stretches(facts, *lines)) {
        body += gap(stretch.begin - shown);
        for (unsigned n = shown; n < stretch.begin; ++n)
          highlighter.line((*lines)[n - 1]);  // comments may open
        for (unsigned n = stretch.begin; n < stretch.end; ++n) {
          const auto fact = facts.find(n);
          body +=
              row(path, n, highlighter.line((*lines)[n - 1]), fact == facts.end() ? nullptr : &fact->second);
        }
        shown = stretch.end;
      }
      body += gap(static_cast<unsigned>(lines->size()) + 1 - shown);
    }
    for (const auto& [number, fact] : facts)  // of no file that can be read, or behind its end
      if (!lines || number == 0 || number > lines->size()) body += row(path, number, "", &fact);
    std::string heads;
    for (const Column* column : columns_)
      heads += fmt::format(R"(<th class="{}" title="{}">{}</th>)", column->css, column->hint, column->head);
    return fmt::format(R"(<h4>{} <small>{} of the bytes</small>{}</h4>
<div class="source"><table><thead><tr><th class="n">line</th>{}<th class="t">source</th></tr></thead><tbody>
{}</tbody></table></div>
)",
                       escaped(path_text(path)), percent_text(bytes_of(facts), scale_.through_sm),
                       lines ? "" : " <small>(cannot be read: lines without text)</small>", heads, body);
  }

  std::string gap(unsigned lines) const {
    if (lines == 0) return "";
    return fmt::format("<tr class=\"gap\"><td class=\"n\">⋮</td><td colspan=\"{}\">{} {}</td></tr>\n",
                       columns_.size() + 1, count_text(lines), lines == 1 ? "line" : "lines");
  }

  std::string row(const std::string& path, unsigned number, const std::string& text,
                  const LineFacts* fact) const {
    const Counters* counters = fact != nullptr ? fact->counters : nullptr;
    std::string cells;
    for (const Column* column : columns_) {
      const Cell cell = counters != nullptr ? column->cell(*counters, scale_) : Cell{};
      cells += fmt::format(R"(<td class="{}")", column->css);
      if (cell.needed + cell.wasted > 0)
        cells += fmt::format(R"( style="--a:{:.1f}%;--b:{:.1f}%")", cell.needed, cell.needed + cell.wasted);
      cells += ">" + cell.text + "</td>";
    }
    const bool found = fact != nullptr && !fact->findings.empty();
    std::string result =
        fmt::format("<tr id=\"{}\"{}><td class=\"n\"{}>{}</td>{}<td class=\"t\">{}</td></tr>\n",
                    anchors_.of(path, number), found ? " class=\"bad\"" : "",
                    counters != nullptr ? fmt::format(" title=\"{}\"", all_counters(*counters)) : "", number,
                    cells, text);
    if (found)
      for (const Finding* finding : fact->findings) result += finding_row(*finding);
    return result;
  }

  static std::string all_counters(const Counters& counters) {
    std::string text;
    for (const MetricInfo& info : metrics()) {
      if (const auto count = get(counters, info.metric); count != 0)
        text += fmt::format("{}{}: {}", text.empty() ? "" : "&#10;", info.name, count_text(count));
    }
    return text;
  }

  std::string finding_row(const Finding& finding) const {
    return fmt::format(
        "<tr class=\"finding\"><td class=\"n\">▲</td><td colspan=\"{}\"><strong>{}</strong> {} "
        "<small>{}</small></td></tr>\n",
        columns_.size() + 1, name(finding.kind), escaped(finding.message), escaped(place_text(finding)));
  }

  const KernelReport& kernel_;
  SourceText& source_;
  Anchors anchors_;
  Scale scale_;
  std::vector<const Column*> columns_;
};

}  // namespace

Anchors::Anchors(const KernelReport& kernel, std::string id) : id_(std::move(id)) {
  for (const LineReport& line : kernel.lines) files_.emplace(line.file, 0);
  for (const Finding& finding : kernel.findings) files_.emplace(finding.file, 0);
  std::size_t next = 0;
  for (auto& [file, index] : files_) index = next++;
}

std::string Anchors::of(const std::string& file, unsigned line) const {
  return fmt::format("{}-{}-{}", id_, files_.at(file), line);
}

std::string source_listing(const KernelReport& kernel, SourceText& source, const std::string& id) {
  return Listing(kernel, source, id).html();
}

}  // namespace attnlab::emulator
