#include "answers/labs/forms.h"

#include <fmt/format.h>

#include <string_view>

namespace attnlab::answers::labs {
namespace {

std::string xml(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\n':
        escaped += "&#10;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < ' ' ? '?' : c;
    }
  }
  return escaped;
}

std::string indented(const std::string& text, const std::string& by) {
  std::string result = by;
  for (const char c : text) result += c == '\n' ? "\n" + by : std::string(1, c);
  return result;
}

}  // namespace

std::string printable(const std::string& text) {
  constexpr std::size_t kLongest = 4000;
  const std::string valid =
      Json::parse(Json(text.substr(0, kLongest)).dump(-1, ' ', false, Json::error_handler_t::replace))
          .get<std::string>();
  std::string result;
  for (const char c : valid)
    result += static_cast<unsigned char>(c) >= ' ' && c != 0x7f ? c : c == '\n' ? c : '?';
  return result;
}

std::string to_text(const Lab& lab, const Grade& grade) {
  std::string text = fmt::format("{}: {}\nhidden problems and questions of \"{}\"\n\n", lab.name,
                                 lab.title.en, grade.student);
  for (const PropertyGrade& test : grade.tests) {
    text +=
        fmt::format("  {:>3} of {:>3}  {:<14} {}\n", test.score, test.max_score, test.name, test.title.en);
    if (test.score < test.max_score) text += indented(test.output, "              ") + "\n";
  }
  return text + fmt::format("\n  {:>3} of {:>3}  points\n", grade.score, grade.max_score);
}

Json to_json(const Grade& grade) {
  Json tests = Json::array();
  for (const PropertyGrade& test : grade.tests) {
    tests.push_back({{"name", test.name},
                     {"title", test.title.en},
                     {"score", test.score},
                     {"max_score", test.max_score},
                     {"status", test.score == test.max_score ? "passed" : "failed"},
                     {"output", test.output},
                     {"visibility", "visible"}});
  }
  return {{"lab", grade.lab},
          {"student", grade.student},
          {"score", grade.score},
          {"max_score", grade.max_score},
          {"tests", tests}};
}

Json to_json(const std::vector<Asked>& questions) {
  Json list = Json::array();
  for (const Asked& asked : questions)
    list.push_back({{"name", asked.name},
                    {"text", asked.text.en},
                    {"text_zh", asked.text.zh},
                    {"numbers", asked.numbers}});
  return list;
}

std::string to_junit(const Grade& grade) {
  std::size_t failures = 0;
  std::string cases;
  for (const PropertyGrade& test : grade.tests) {
    const bool lost = test.score < test.max_score;
    failures += lost ? 1 : 0;
    cases += fmt::format("  <testcase classname=\"{}\" name=\"{}\"", xml(grade.lab), xml(test.name));
    if (lost) {
      cases += fmt::format("><failure message=\"{} of {} points\">{}</failure></testcase>\n", test.score,
                           test.max_score, xml(test.output));
    } else {
      cases += "/>\n";
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n"
      "  <properties><property name=\"score\" value=\"{}\"/><property name=\"max_score\" "
      "value=\"{}\"/></properties>\n"
      "{}</testsuite>\n",
      xml(grade.lab), grade.tests.size(), failures, grade.score, grade.max_score, cases);
}

// Names that begin so are formulas to spreadsheets.
std::string csv_name(const std::string& name) {
  return !name.empty() && std::string_view("=+-@").find(name[0]) != std::string_view::npos ? "'" + name
                                                                                           : name;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string csv_header(const Lab& lab) {
  std::string row = "student,score,max_score";
  for (const Property& property : lab.properties) row += "," + csv_field(property.name);
  return row + "\n";
}

std::string csv_row(const Grade& grade) {
  std::string row = fmt::format("{},{},{}", csv_field(csv_name(grade.student)), grade.score, grade.max_score);
  for (const PropertyGrade& test : grade.tests) row += fmt::format(",{}", test.score);
  return row + "\n";
}

}  // namespace attnlab::answers::labs
