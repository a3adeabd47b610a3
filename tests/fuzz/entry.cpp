// One input of a fuzzer: libFuzzer calls this, and so does replay.cpp.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>

#include "reference/core/errors.h"
#include "tests/fuzz/fuzz.h"

namespace attnlab::fuzz {

std::filesystem::path as_file(std::string_view input, const char* name) {
  // In memory where that is possible: a file per input, thousands per second.
  const std::filesystem::path memory = "/dev/shm";
  const std::filesystem::path path =
      (std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
      ("attnlab-fuzz-" + std::to_string(getpid()) + "-" + name);
  std::ofstream(path, std::ios::binary) << input;
  return path;
}

}  // namespace attnlab::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    attnlab::fuzz::parse({reinterpret_cast<const char*>(bytes), size});
  } catch (const attnlab::FileError&) {
  } catch (const attnlab::InvalidArgument&) {
  }
  return 0;
}
