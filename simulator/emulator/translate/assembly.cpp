#include "simulator/emulator/translate/assembly.h"

#include <cctype>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "simulator/emulator/events.h"

namespace attnlab::emulator::translate {
namespace {

constexpr std::string_view kBlockHook = "__sanitizer_cov_trace_pc";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  return lines;
}

// What a call or jump goes to, "f" of "\tcall\tf@PLT"; empty for another line.
std::string_view target(std::string_view line, std::string_view instruction) {
  if (line.size() < 3 + instruction.size() || line[0] != '\t' ||
      line.substr(1, instruction.size()) != instruction || line[1 + instruction.size()] != '\t')
    return {};
  line.remove_prefix(2 + instruction.size());
  return line.substr(0, line.find_first_of("@ \t"));
}

// The event that the hook of one access of 1 to 16 bytes records; nothing for another function.
std::optional<Code> access_event(std::string_view name) {
  for (const std::string_view begin : {"__tsan_volatile_", "__tsan_unaligned_", "__tsan_"}) {
    if (name.starts_with(begin)) {
      name.remove_prefix(begin.size());
      const Event load = begin == "__tsan_volatile_" ? Event::load_bypassing_l1 : Event::load;
      const Event kind = name.starts_with("read") ? load : Event::store;
      for (const std::string_view verb : {"read", "write"}) {
        for (const unsigned bytes : {1, 2, 4, 8, 16})
          if (name == std::string(verb) + std::to_string(bytes)) return event_code(kind, bytes);
      }
      return {};
    }
  }
  return {};
}

bool is_dropped_hook(std::string_view name) {
  return name == kBlockHook || (access_event(name) && name.find("volatile") == std::string_view::npos) ||
         name == "__tsan_read_range" || name == "__tsan_write_range" || name == "__tsan_vptr_read" ||
         name == "__tsan_vptr_update";
}

// The label that a line defines, or nothing.
std::string_view label(std::string_view line) {
  if (line.empty() || std::isspace(static_cast<unsigned char>(line[0])) != 0 || line[0] == '#') return {};
  const std::size_t colon = line.find(':');
  return colon == std::string_view::npos ? std::string_view() : line.substr(0, colon);
}

bool is_section(std::string_view line) {
  return line.starts_with("\t.section\t") || line == "\t.text" || line == "\t.data" || line == "\t.bss";
}

// The signature of the group that a section belongs to, so that the linker keeps one of several; or nothing.
std::string_view group_of(std::string_view section) {
  if (!section.ends_with(",comdat")) return {};
  section.remove_suffix(std::string_view(",comdat").size());
  return section.substr(section.rfind(',') + 1);
}

// The attributes of a table that goes the way of a group.
std::string table_flags(const std::string& group) {
  return group.empty() ? ",\"a\",@progbits" : ",\"aG\",@progbits," + group + ",comdat";
}

struct Function {
  std::string_view name, section;
  std::size_t begin, end;  // its lines, from its label to its size
  std::size_t entry;       // the last line before its first instruction
  bool hooks = false, copied = false, handles_exceptions = false;
  std::vector<std::string_view> calls;
  // %r11, which the compiler leaves alone (-ffixed-r11), holds attnlab_emulator_events.next from the
  // function's entry on: each event would wait for the last one's store otherwise. Others may use it: memory
  // has the value where control leaves the function. Handlers of exceptions are entered from anywhere.
  bool keeps_cursor() const { return hooks && !handles_exceptions; }
};

class Assembly {
 public:
  explicit Assembly(std::string_view text) : lines_(lines_of(text)) {
    find_functions();
    choose_copies();
    out_.reserve(2 * text.size());
  }

  std::string result() {
    std::string_view section = "\t.text";
    auto function = functions_.begin();
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const std::string_view text = lines_[i];
      if (is_section(text)) section = text;
      while (function != functions_.end() && function->end < i) ++function;
      const bool inside = function != functions_.end() && function->begin <= i && function->keeps_cursor();
      if (text.starts_with("\t.cfi_endproc") || text.starts_with("\t.size\t")) write_full();
      const std::string_view callee = target(text, "call");
      const auto access = access_event(callee);
      if (const auto opens = callee == kBlockHook ? first_access(i) : std::nullopt) {
        openers_[*opens] = openers_.size();
        line("\tnop");  // the byte before a code address tells its source line
        line(".Lattnlab_block" + std::to_string(openers_.at(*opens)) + ":");
      } else if (inside && callee == kBlockHook) {
        tell("0", record(event_code(Event::block_entered, 0)), section);
      } else if (inside && access) {
        opened_by(i, record(*access), section);
      } else if (access) {
        line(text);
        if (openers_.count(i) != 0) {
          const std::string site = ".Lattnlab_site" + std::to_string(sites_++);
          line(site + ":");
          opened_by(i, site, section);
        }
      } else {
        if (inside && leaves(text)) line("\tmovq\t%r11, " + next());
        line(text);
        if (inside && (text.starts_with("\tcall") || i == function->entry))
          line("\tmovq\t" + next() + ", %r11");
      }
    }
    for (const Function& f : functions_)
      if (f.copied) copy(f);
    return std::move(out_);
  }

 private:
  void line(std::string_view text) {
    out_ += text;
    out_ += '\n';
  }

  void find_functions() {
    std::string_view section = "\t.text";
    std::unordered_set<std::string_view> typed;
    Function* open = nullptr;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const std::string_view text = lines_[i];
      if (is_section(text)) section = text;
      if (text.starts_with("\t.type\t") && text.ends_with(", @function")) {
        typed.insert(text.substr(7, text.find(',') - 7));
      } else if (text.starts_with("\t.set\t")) {
        const std::size_t comma = text.find(',');
        aliases_[text.substr(6, comma - 6)] = text.substr(comma + 1);
      } else if (open == nullptr && typed.count(label(text)) != 0) {
        functions_.push_back({label(text), section, i, i, i, false, false, false, {}});
        open = &functions_.back();
      } else if (open != nullptr) {
        if (text == "\t.cfi_startproc" || (text == "\tendbr64" && open->entry + 1 == i)) open->entry = i;
        open->handles_exceptions |= text.starts_with("\t.cfi_lsda");
        for (const char* instruction : {"call", "jmp"}) {
          if (const std::string_view callee = target(text, instruction); !callee.empty()) {
            open->hooks |= is_dropped_hook(callee);
            open->calls.push_back(callee);
          }
        }
        if (text.starts_with("\t.size\t") && text.substr(7, text.find(',') - 7) == open->name) {
          open->end = i;
          open = nullptr;
        }
      }
    }
    if (open != nullptr) functions_.pop_back();  // not as g++ writes it
  }

  // Functions with hooks, and those that call one, but for those with handlers of exceptions: host code.
  void choose_copies() {
    for (std::size_t n = 0; n < functions_.size(); ++n) by_name_[functions_[n].name] = n;
    for (bool more = true; more;) {
      more = false;
      for (Function& function : functions_) {
        if (function.copied || function.handles_exceptions) continue;
        function.copied = function.hooks;
        for (const std::string_view callee : function.calls) function.copied |= !copy_of(callee).empty();
        more |= function.copied;
      }
    }
  }

  // The name of a function's copy; empty: it has none.
  std::string copy_of(std::string_view name) const {
    if (const auto alias = aliases_.find(name); alias != aliases_.end()) name = alias->second;
    const auto at = by_name_.find(name);
    return at == by_name_.end() || !functions_[at->second].copied ? std::string()
                                                                  : std::string(name) + ".plain";
  }

  // The line that calls the hook of an access, if that is the first call or jump behind the call in line i
  // and no label stands between.
  std::optional<std::size_t> first_access(std::size_t i) const {
    while (++i < lines_.size()) {
      const std::string_view text = lines_[i];
      if (const std::string_view callee = target(text, "call"); !callee.empty())
        return access_event(callee) ? std::optional(i) : std::nullopt;
      const std::string_view here = label(text);
      // Labels of debug information are nowhere jumped to.
      if (!here.empty() && !here.starts_with(".LB") && !here.starts_with(".LV")) return {};
      if (text.starts_with("\tcall") || text.starts_with("\tj") || text.starts_with("\tret") ||
          text.starts_with("#APP") || is_section(text) || text.starts_with("\t.size\t"))
        return {};
    }
    return {};
  }

  static std::string next() { return "%fs:attnlab_emulator_events@tpoff"; }
  static std::string end() {
    return next() + "+" + std::to_string(offsetof(EventCursor, end) - offsetof(EventCursor, next));
  }

  // What a hook does, in its place: the event goes into the thread's list. Returns the label of its site. The
  // registers are free, since a call stood here; %rdi holds an access's address.
  std::string record(Code event) {
    const std::string number = std::to_string(sites_++), site = ".Lattnlab_site" + number,
                      full = ".Lattnlab_full" + number;
    line("\tcmpq\t" + end() + ", %r11");
    line("\tje\t" + full);
    line("\tmovabsq\t$" + site + "+" + std::to_string(event) + ", %rax");
    line("\tmovq\t%rax, (%r11)");
    if (kind_of(event) != Event::block_entered)
      line("\tmovq\t%rdi, " + std::to_string(kValueOffset) + "(%r11)");
    line("\taddq\t$" + std::to_string(sizeof(Code)) + ", %r11");
    line(site + ":");
    full_ += full + ":\n\tmovq\t%r11, " + next() + "\n\tmovl\t$" + site + ", %esi\n\tmovl\t$" +
             std::to_string(event >> 32) + ", %edx\n\tcall\tattnlab_emulator_record_later\n\tmovq\t" +
             next() + ", %r11\n\tjmp\t" + site + "\n";
    return site;
  }

  // Control leaves the function here, for good or for a call.
  static bool leaves(std::string_view text) {
    if (text.starts_with("\tcall") || text.starts_with("\tret") || text.starts_with("\trep ret")) return true;
    if (!text.starts_with("\tj")) return false;
    const std::size_t to = text.find_first_of("\t ", 1);
    return to == std::string_view::npos || !text.substr(to + 1).starts_with(".L");
  }

  // The access in line i, if it tells of a block.
  void opened_by(std::size_t i, const std::string& site, std::string_view section) {
    if (const auto opener = openers_.find(i); opener != openers_.end())
      tell(site, ".Lattnlab_block" + std::to_string(opener->second), section);
  }

  // Behind a function: where its events go when the list has no room.
  void write_full() {
    out_ += full_;
    full_.clear();
  }

  // That a block begins, and which access tells of it; "0": the block has an event of its own.
  void tell(const std::string& access, const std::string& block, std::string_view section) {
    line("\t.pushsection attnlab_blocks" + table_flags(std::string(group_of(section))));
    line("\t.long\t" + access + ", " + block);
    line("\t.popsection");
  }

  void copy(const Function& function) {
    const std::string name = std::string(function.name) + ".plain";
    const std::string_view old_group = group_of(function.section);
    const std::string group = old_group.empty() ? std::string() : std::string(old_group) + ".plain";
    std::unordered_set<std::string_view> labels;
    for (std::size_t i = function.begin; i <= function.end; ++i)
      if (const std::string_view defined = label(lines_[i]); !defined.empty()) labels.insert(defined);
    const auto section = [&](std::string_view text) {
      std::string moved(text);
      if (group.empty()) return moved;
      if (const std::size_t at = moved.rfind(old_group); at != std::string::npos)
        moved.replace(at, old_group.size(), group);
      return moved;
    };
    line(section(function.section));
    line("\t.p2align 4");
    if (!group.empty()) line("\t.weak\t" + name);
    line("\t.type\t" + name + ", @function");
    for (std::size_t i = function.begin; i <= function.end; ++i) {
      const std::string_view text = lines_[i];
      if (is_section(text))
        line(section(text));
      else if (is_dropped_hook(target(text, "jmp")))
        line("\tret");
      else if (!is_dropped_hook(target(text, "call")))
        copy_line(text, labels);
    }
    line("\t.section\tattnlab_plain" + table_flags(group));
    line("\t.quad\t" + std::string(function.name) + ", " + name);
  }

  // The line with the function's own labels renamed, and calls to functions that have a copy. Quoted is a
  // text, no label.
  void copy_line(std::string_view text, const std::unordered_set<std::string_view>& labels) {
    for (const char* instruction : {"call", "jmp"}) {
      if (const std::string_view callee = target(text, instruction); !callee.empty()) {
        if (const std::string plain = copy_of(callee); !plain.empty())
          return line("\t" + std::string(instruction) + "\t" + plain);
      }
    }
    if (text.starts_with("\t.file")) return;  // said already
    if (text.find('"') != std::string_view::npos) return line(text);
    if (text.starts_with("\t.loc\t") || text.starts_with("\t.loc "))
      text = text.substr(0, text.find(" view "));  // defines a label of its own
    const auto is_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '$';
    };
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i;
      while (end < text.size() && is_word(text[end])) ++end;
      const std::string_view word = text.substr(i, end - i);
      out_ += word;
      if (!word.empty() && labels.count(word) != 0) out_ += ".plain";
      if (end < text.size()) out_ += text[end];
      i = end + 1;
    }
    out_ += '\n';
  }

  const std::vector<std::string_view> lines_;
  std::vector<Function> functions_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
  std::unordered_map<std::string_view, std::string_view> aliases_;
  std::unordered_map<std::size_t, std::size_t> openers_;  // lines that call an access's hook, numbered
  std::size_t sites_ = 0;
  std::string out_, full_;
};

}  // namespace

std::string cheaper_hooks(std::string_view assembly) { return Assembly(assembly).result(); }

}  // namespace attnlab::emulator::translate
