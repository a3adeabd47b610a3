#include "simulator/simt/translate/assembly.h"

#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace attnlab::simt::translate {
namespace {

constexpr std::string_view block_hook = "__sanitizer_cov_trace_pc";

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

// The hook of one access of 1 to 16 bytes.
bool is_access_hook(std::string_view name) {
  for (const std::string_view begin : {"__tsan_volatile_", "__tsan_unaligned_", "__tsan_"})
    if (name.starts_with(begin)) {
      name.remove_prefix(begin.size());
      for (const std::string_view kind : {"read", "write"})
        if (name.starts_with(kind)) {
          name.remove_prefix(kind.size());
          return name == "1" || name == "2" || name == "4" || name == "8" || name == "16";
        }
      return false;
    }
  return false;
}

bool is_dropped_hook(std::string_view name) {
  return name == block_hook || (is_access_hook(name) && name.find("volatile") == std::string_view::npos) ||
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
  bool hooks = false, copied = false, handles_exceptions = false;
  std::vector<std::string_view> calls;
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
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (is_section(lines_[i])) section = lines_[i];
      if (target(lines_[i], "call") == block_hook)
        if (const auto access = first_access(i)) {
          openers_[*access] = openers_.size();
          line("\tnop");  // the byte before a code address tells its source line
          line(".Lattnlab_block" + std::to_string(openers_.at(*access)) + ":");
          continue;
        }
      line(lines_[i]);
      if (const auto opener = openers_.find(i); opener != openers_.end())
        tell(std::to_string(opener->second), std::string(group_of(section)));
    }
    for (const Function& function : functions_)
      if (function.copied) copy(function);
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
        functions_.push_back({label(text), section, i, i, false, false, false, {}});
        open = &functions_.back();
      } else if (open != nullptr) {
        open->handles_exceptions |= text.starts_with("\t.cfi_lsda");
        for (const char* instruction : {"call", "jmp"})
          if (const std::string_view callee = target(text, instruction); !callee.empty()) {
            open->hooks |= is_dropped_hook(callee);
            open->calls.push_back(callee);
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
        return is_access_hook(callee) ? std::optional(i) : std::nullopt;
      const std::string_view here = label(text);
      // Labels of debug information are nowhere jumped to.
      if (!here.empty() && !here.starts_with(".LB") && !here.starts_with(".LV")) return {};
      if (text.starts_with("\tcall") || text.starts_with("\tj") || text.starts_with("\tret") ||
          text.starts_with("#APP") || is_section(text) || text.starts_with("\t.size\t"))
        return {};
    }
    return {};
  }

  void tell(const std::string& number, const std::string& group) {
    line(".Lattnlab_access" + number + ":");
    line("\t.pushsection attnlab_blocks" + table_flags(group));
    line("\t.long\t.Lattnlab_access" + number + ", .Lattnlab_block" + number);
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
      if (is_section(text)) {
        line(section(text));
      } else if (is_dropped_hook(target(text, "jmp"))) {
        line("\tret");
      } else if (!is_dropped_hook(target(text, "call"))) {
        copy_line(text, labels);
      }
    }
    line("\t.section\tattnlab_plain" + table_flags(group));
    line("\t.quad\t" + std::string(function.name) + ", " + name);
  }

  // The line with the function's own labels renamed, and calls to functions that have a copy. Quoted is a
  // text, no label.
  void copy_line(std::string_view text, const std::unordered_set<std::string_view>& labels) {
    for (const char* instruction : {"call", "jmp"})
      if (const std::string_view callee = target(text, instruction); !callee.empty())
        if (const std::string plain = copy_of(callee); !plain.empty())
          return line("\t" + std::string(instruction) + "\t" + plain);
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
  std::string out_;
};

}  // namespace

std::string cheaper_hooks(std::string_view assembly) { return Assembly(assembly).result(); }

}  // namespace attnlab::simt::translate
