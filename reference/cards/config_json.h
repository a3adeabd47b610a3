// Model cards from the config.json that Hugging Face's Transformers stores beside a model's weights.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "reference/cards/model_card.h"

namespace attnlab::cards {

// Reads the model types llama, mistral, mixtral, qwen2, qwen2_moe, qwen3, qwen3_moe, gemma2, gemma3_text,
// falcon (RefinedWeb, RefinedWebModel), gpt2, opt, deepseek_v2 and deepseek_v3; of a multimodal model, its
// text_config. A field may only be missing where Transformers has one default for every model of the type.
// Throws FileError naming the field that is missing or wrong, or the model type that is not known: its cache
// may hold something else entirely.
//
// The parameter count is not in the file; `parameters` stays empty. The name is that of the file's folder.
ModelCard read_config(const std::filesystem::path& file);

// The same from text; `origin` stands for the file in messages and for its folder in the name.
ModelCard parse_config(std::string_view text, const std::string& origin);

}  // namespace attnlab::cards
