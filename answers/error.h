// A refusal as an answer: what a program that asks gets in place of the answer's JSON.
//
// Refusals of this room name a field of the question, by the name that it has in the question's struct and in the
// answer's JSON. Where a text mentions a field, it stands in backquotes: "1 unless `algorithm` is blocksparse". Who
// asks in other words, as options are, puts them in their place.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "answers/json.h"

namespace attnlab::answers {

// {"error": {"argument", "got", "expected"}}. Of a FileError the argument is the path, and what is expected is what
// its sentence says, else a file that serves. A value in quotes is a text as it was given: the quotes are the
// sentence's. Of any other exception only what it says is known.
Json error_json(const std::exception& error);

// A text with each name in backquotes replaced by spell(name), and the backquotes taken away.
std::string spelled(const std::string& text, const std::function<std::string(const std::string&)>& spell);

}  // namespace attnlab::answers
