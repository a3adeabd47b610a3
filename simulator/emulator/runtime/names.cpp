#include "simulator/emulator/runtime/names.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "simulator/emulator/runtime/image.h"

namespace attnlab::emulator {
namespace {

const Symbol* symbol_at(const void* kernel) {
  const Image& image = Image::instance();
  return kernel == nullptr ? nullptr : image.function_at(image.link_address(kernel));
}

// Removes the parameter list and everything behind it.
void cut_parameters(std::string& name) {
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] == '(' && depth == 0) return name.resize(i);
  }
}

void cut_return_type(std::string& name) {
  int depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == '>') ++depth;
    if (name[i] == '<') --depth;
    if (name[i] == ' ' && depth == 0) {
      name.erase(0, i + 1);
      return;
    }
  }
}

std::string without_namespaces(const std::string& name) {
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.compare(i, 2, "::") == 0) {
      while (!plain.empty() &&
             (std::isalnum(static_cast<unsigned char>(plain.back())) != 0 || plain.back() == '_'))
        plain.pop_back();
      ++i;
      continue;
    }
    plain += name[i];
  }
  return plain;
}

}  // namespace

std::string kernel_name(const KernelIdentity& kernel) {
  const Symbol* symbol = symbol_at(kernel.address);
  if (symbol == nullptr) return kernel.name;
  std::string name = demangled(symbol->name);
  constexpr std::string_view kAnonymous = "(anonymous namespace)";
  for (std::size_t at; (at = name.find(kAnonymous)) != std::string::npos;)
    name.replace(at, kAnonymous.size(), "anonymous");
  cut_parameters(name);
  cut_return_type(name);
  std::string plain = without_namespaces(name);
  for (const auto& [word, digit] : {std::pair{"true", "1"}, std::pair{"false", "0"}})  // template arguments
    for (std::size_t at = plain.find('<'); (at = plain.find(word, at)) != std::string::npos;)
      plain.replace(at, std::string_view(word).size(), digit);
  return plain;
}

// __shared__ variables are locals of the kernel's function in thread-local storage.
std::size_t static_shared_bytes(const void* kernel) {
  const Symbol* symbol = symbol_at(kernel);
  if (symbol == nullptr || symbol->name.rfind("_Z", 0) != 0) return 0;
  const std::string prefix = "_ZZ" + symbol->name.substr(2) + "E";
  std::size_t bytes = 0;
  for (const Symbol& variable : Image::instance().thread_locals()) {
    if (variable.name.rfind(prefix, 0) == 0) {
      const bool guarded = variable.name.find("__attnlab") != std::string::npos;
      bytes += variable.bytes -
               (guarded ? std::min<std::size_t>(sizeof(SharedVariable<char>::guard), variable.bytes) : 0);
    }
  }
  return bytes;
}

}  // namespace attnlab::emulator
