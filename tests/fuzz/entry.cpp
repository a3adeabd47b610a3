// One input of a fuzzer: libFuzzer calls this, and so does replay.cpp.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <system_error>

#include "reference/core/errors.h"
#include "tests/fuzz/fuzz.h"

namespace attnlab::fuzz {
namespace {

std::filesystem::path made;  // by as_file, for this input

}  // namespace

std::filesystem::path as_file(std::string_view input, const char* name) {
  // In memory where that is possible: a file per input, thousands per second.
  const std::filesystem::path memory = "/dev/shm";
  made = (std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
         ("attnlab-fuzz-" + std::to_string(getpid()) + "-" + name);
  std::ofstream(made, std::ios::binary) << input;
  return made;
}

}  // namespace attnlab::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    attnlab::fuzz::parse({reinterpret_cast<const char*>(bytes), size});
  } catch (const attnlab::FileError&) {
  } catch (const attnlab::InvalidArgument&) {
  }
  std::error_code left;
  std::filesystem::remove(attnlab::fuzz::made, left);
  return 0;
}
