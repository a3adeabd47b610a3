// The parts of the page that html.cpp puts together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "simulator/emulator/report/figures.h"
#include "simulator/emulator/report/html.h"

namespace attnlab::emulator {

// The style sheet: light and dark, wide, narrow and printed.
std::string_view style_sheet();

// Bars for what moved at each level, from what the threads asked for to DRAM, beside the ideal if there is
// one.
std::string traffic_chart(const Counters& counters, const Ideal* ideal);

// Global memory, shared memory, caches, arithmetic and warps: a table each, those that hold anything.
std::string totals_tables(const Counters& counters);

// Every counter by its name, folded away on a screen. `id` must be unique in the page.
std::string counter_list(const Counters& counters, const std::string& id);

// The source that the kernel ran, line by line, with its findings. `id` begins the lines' anchors.
std::string source_listing(const KernelReport& kernel, SourceText& source, const std::string& id);

// The ids of a kernel's lines in the page, where links to them lead.
class Anchors {
 public:
  Anchors(const KernelReport& kernel, std::string id);
  std::string of(const std::string& file, unsigned line) const;

 private:
  std::string id_;
  std::map<std::string, std::size_t> files_;
};

// What each number means, in a sentence each.
std::string legend();

}  // namespace attnlab::emulator
