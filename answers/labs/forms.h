// A grade as text, JSON (which Gradescope reads as it is), JUnit XML and a row of a table.
#pragma once

#include <string>
#include <vector>

#include "answers/json.h"
#include "answers/labs/grade.h"

namespace attnlab::answers::labs {

// What students' programs and compilers say reaches terminals, pages and tables: as UTF-8 without control characters
// but ends of lines, and not without end.
std::string printable(const std::string& text);

std::string to_text(const Lab& lab, const Grade& grade);
// {"lab", "student", "score", "max_score", "tests": [{"name", "title", "score", "max_score", "status", "output",
// "visibility"}]}
Json to_json(const Grade& grade);
// [{"name", "text", "text_zh", "numbers": {name: number}}]
Json to_json(const std::vector<Asked>& questions);
// A test suite with a case for each property; a failure where points are lost.
std::string to_junit(const Grade& grade);

// Comma-separated values: the header, and one submission.
std::string csv_header(const Lab& lab);
std::string csv_row(const Grade& grade);
std::string csv_name(const std::string& student);
std::string csv_field(const std::string& text);

}  // namespace attnlab::answers::labs
