// What there is, by name: each list made from the rows that declare its things.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "answers/json.h"
#include "simulator/io/registry.h"

namespace attnlab::answers {

// What an algorithm could have and has not: a pass, a command.
std::vector<std::string> missing(const io::Entry& entry);

// One array of objects each; every object has a "name".
Json algorithms_json();
Json devices_json();
Json models_json();
Json mistakes_json();
Json rules_json();

// A thing that is a folder or a file with a title of its own.
struct Titled {
  std::string name, title;
  std::filesystem::path path;
};
// The folders of experiments/ with an experiment.json, the notebooks of notebooks/ with their first heading, and the
// folders of labs/ with a grade.json, by name. None where the data files are not installed.
std::vector<Titled> experiments();
std::vector<Titled> lessons();
std::vector<Titled> labs();
Json experiments_json();
Json lessons_json();
Json labs_json();

}  // namespace attnlab::answers
