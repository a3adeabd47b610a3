#include "simulator/device/device.h"

#include "tests/fuzz/fuzz.h"

void attnlab::fuzz::parse(std::string_view input) { device::load(as_file(input, "x.json")); }
