#include "reference/cards/config_json.h"
#include "tests/fuzz/fuzz.h"

void attnlab::fuzz::parse(std::string_view input) { cards::parse_config(input, "model/config.json"); }
