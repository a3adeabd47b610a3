// Does an installed attnlab compile, link and find its data, with nothing of the source tree?
#include <cstdio>
#include <string>

#include "reference/core/data_dir.h"
#include "simulator/device/device.h"

// consumer PREFIX: PREFIX is where attnlab is installed.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string data = attnlab::data_dir("simulator/device/data").string();
  const std::string expected = std::string(argv[1]) + "/share/attnlab/simulator/device/data";
  if (data != expected) {
    std::printf("data_dir: got %s, expected %s\n", data.c_str(), expected.c_str());
    return 1;
  }
  const auto device = attnlab::device::load("a100");
  std::printf("%s: %llu bytes of HBM\n", device.name.c_str(),
              static_cast<unsigned long long>(device.hbm_bytes));
  return device.hbm_bytes > 0 ? 0 : 1;
}
