#include "files/tensor_file.h"
#include "tests/fuzz/fuzz.h"

void attnlab::fuzz::parse(std::string_view input) { files::read(as_file(input, "x.npy")); }
