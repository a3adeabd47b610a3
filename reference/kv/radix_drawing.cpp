#include "reference/kv/radix_drawing.h"

#include <algorithm>
#include <sstream>

namespace attnlab::kv {
namespace {

using Node = RadixCache::Node;

std::string blocks_text(const Node& node) {
  const std::size_t count = node.blocks.size();
  return std::to_string(count) + (count == 1 ? " block" : " blocks");
}

bool is_held(const Node& node, const BlockPool& pool) { return pool.holders(node.blocks.front()) > 0; }

void write_lines(std::ostream& out, const Node& node, const std::string& indent, const BlockPool& pool,
                 const TokenText& text) {
  std::size_t left = node.children.size();
  for (const auto& [first, child] : node.children) {
    out << indent << "|- \"" << text(child->tokens) << "\" " << blocks_text(*child)
        << (is_held(*child, pool) ? ", held" : "") << "\n";
    write_lines(out, *child, indent + (--left == 0 ? "   " : "|  "), pool, text);
  }
}

// Lengths in pixels.
constexpr int kChar = 7, kLine = 16, kPad = 6, kGap = 16, kDrop = 30, kCharsPerLine = 26, kMargin = 20;

// A node's box, and the room that its subtree takes.
struct Box {
  const Node* node = nullptr;
  std::vector<std::string> lines;
  std::vector<Box> children;
  int width = 0, height = 0, room = 0;
};

std::vector<std::string> wrapped(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.empty() && lines.back().size() + 1 + word.size() <= kCharsPerLine) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

Box measured(const Node& node, const TokenText& text) {
  Box box;
  box.node = &node;
  box.lines = node.parent == nullptr ? std::vector<std::string>{"root"} : wrapped(text(node.tokens));
  if (node.parent != nullptr) box.lines.push_back("(" + blocks_text(node) + ")");
  std::size_t widest = 4;
  for (const std::string& line : box.lines) widest = std::max(widest, line.size());
  box.width = static_cast<int>(widest) * kChar + 2 * kPad;
  box.height = static_cast<int>(box.lines.size()) * kLine + 2 * kPad;
  int below = 0;
  for (const auto& [first, child] : node.children) {
    box.children.push_back(measured(*child, text));
    below += box.children.back().room + (below == 0 ? 0 : kGap);
  }
  box.room = std::max(box.width, below);
  return box;
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    safe += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  }
  return safe;
}

// Draws the subtree whose room begins at x, and returns how far down it reaches.
int draw(std::ostream& out, const Box& box, const BlockPool& pool, int x, int y) {
  const int middle = x + box.room / 2, left = middle - box.width / 2;
  const bool root = box.node->parent == nullptr;
  const char* fill = root ? "#eeeeee" : is_held(*box.node, pool) ? "#cfe3ff" : "#ffffff";
  int child_x = x, bottom = y + box.height;
  int below = box.children.empty() ? 0 : -kGap;
  for (const Box& child : box.children) below += child.room + kGap;
  child_x += (box.room - below) / 2;
  for (const Box& child : box.children) {
    out << "<path d=\"M" << middle << " " << y + box.height << "L" << child_x + child.room / 2 << " "
        << y + box.height + kDrop << "\" stroke=\"#888888\"/>\n";
    bottom = std::max(bottom, draw(out, child, pool, child_x, y + box.height + kDrop));
    child_x += child.room + kGap;
  }
  out << "<rect x=\"" << left << "\" y=\"" << y << "\" width=\"" << box.width << "\" height=\"" << box.height
      << "\" rx=\"4\" fill=\"" << fill << "\" stroke=\"#444444\"/>\n";
  int line_y = y + kPad + kLine - 4;
  for (const std::string& line : box.lines) {
    out << "<text x=\"" << middle << "\" y=\"" << line_y << "\" text-anchor=\"middle\">" << escaped(line)
        << "</text>\n";
    line_y += kLine;
  }
  return bottom;
}

}  // namespace

std::string to_text(const RadixCache& cache, const BlockPool& pool, const TokenText& text) {
  std::ostringstream out;
  out << "root\n";
  write_lines(out, cache.root(), "", pool, text);
  return out.str();
}

std::string to_svg(const RadixCache& cache, const BlockPool& pool, const TokenText& text,
                   const std::string& title) {
  const Box root = measured(cache.root(), text);
  std::ostringstream boxes;
  const int height = draw(boxes, root, pool, kMargin, 2 * kMargin) + kMargin;
  const int width = std::max(root.room, static_cast<int>(title.size()) * kChar) + 2 * kMargin;
  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\"" << height
      << "\" viewBox=\"0 0 " << width << " " << height
      << "\" font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" "
         "fill=\"#ffffff\"/>\n<text x=\""
      << kMargin << "\" y=\"" << kMargin << "\">" << escaped(title) << "</text>\n"
      << boxes.str() << "</svg>\n";
  return out.str();
}

}  // namespace attnlab::kv
