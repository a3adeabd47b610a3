#include "oracle/mistakes/catalogue.h"

#include "reference/core/errors.h"

namespace attnlab::oracle {

std::span<const Mistake> mistakes() {
  static const std::vector<Mistake> all = [] {
    std::vector<Mistake> joined;
    for (const auto part :
         {mistakes_of_masks(), mistakes_of_tiles(), mistakes_of_memory(), mistakes_of_backward()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }();
  return all;
}

const Mistake& find_mistake(const std::string& name) {
  std::string names;
  for (const Mistake& mistake : mistakes()) {
    if (mistake.name == name) return mistake;
    names += (names.empty() ? "" : ", ") + std::string(mistake.name);
  }
  throw InvalidArgument("mistake", name, "one of " + names);
}

}  // namespace attnlab::oracle
