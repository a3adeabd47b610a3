#include "answers/list.h"

#include <algorithm>

#include "oracle/mistakes.h"
#include "oracle/rules.h"
#include "reference/attention/attention.h"
#include "reference/cards/sizing.h"
#include "reference/core/data_dir.h"
#include "reference/core/errors.h"
#include "simulator/device/device.h"
#include "simulator/memory/attention_launches.h"

namespace attnlab::answers {
namespace {

namespace fs = std::filesystem;

Json rates_json(const std::map<device::Arithmetic, double>& rates) {
  Json json = Json::object();
  for (const auto& [arithmetic, rate] : rates) json[std::string(device::name(arithmetic))] = rate;
  return json;
}

// The entries of a data folder for which title_of(path) finds one.
template <class TitleOf>
std::vector<Titled> titled(const char* folder, TitleOf title_of) {
  std::vector<Titled> found;
  try {
    for (const fs::directory_entry& entry : fs::directory_iterator(data_dir(folder))) {
      if (const std::string title = title_of(entry.path()); !title.empty()) {
        found.push_back({entry.path().stem().string(), title, entry.path()});
      }
    }
  } catch (const FileError&) {  // no such folder is installed
  }
  std::ranges::sort(found, {}, &Titled::name);
  return found;
}

// The first heading of a notebook, "# 1. Is my kernel right?" as "1. Is my kernel right?".
std::string heading_of(const fs::path& notebook) {
  if (notebook.extension() != ".ipynb") return "";
  const Json file = read_json(notebook);
  for (const Json& cell : file.at("cells")) {
    if (cell.at("cell_type") != "markdown" || cell.at("source").empty()) continue;
    const std::string line = cell["source"].front();
    if (line.starts_with("# ")) return line.substr(2, line.find('\n') - 2);
  }
  return "";
}

Json json_of(const std::vector<Titled>& all, const char* folder) {
  Json list = Json::array();
  for (const Titled& one : all) {
    list.push_back({{"name", one.name},
                    {"title", one.title},
                    {"path", std::string(folder) + "/" + one.path.filename().string()}});
  }
  return list;
}

}  // namespace

std::vector<std::string> missing(const io::Entry& entry) {
  std::vector<std::string> missing;
  if (!entry.backward) missing.push_back("backward");
  if (!entry.attention || !memory::has_launches(*entry.attention)) missing.push_back("traffic");
  return missing;
}

Json algorithms_json() {
  Json list = Json::array();
  for (const io::Entry& entry : io::registry()) {
    Json row{{"name", entry.name}, {"title", entry.title}, {"paper", entry.paper}};
    row["passes"] = entry.backward ? Json{"forward", "backward"} : Json{"forward"};
    row["commands"] = entry.attention ? Json{"run", "io"} : Json{"io"};
    if (entry.attention && memory::has_launches(*entry.attention)) row["commands"].push_back("traffic");
    row["missing"] = missing(entry);
    row["block_mask"] = entry.block_mask;
    row["skips_hidden_tiles"] = entry.attention && attention::info(*entry.attention).skips_hidden_tiles;
    list.push_back(row);
  }
  return list;
}

Json devices_json() {
  Json list = Json::array();
  for (const device::Device& d : device::list()) {
    list.push_back({{"name", d.name},
                    {"aliases", d.aliases},
                    {"description", d.description},
                    {"hbm_bytes", d.hbm_bytes},
                    {"hbm_bandwidth", d.hbm_bandwidth},
                    {"l2_bytes", d.l2_bytes},
                    {"sms", d.sms},
                    {"clock_hz", d.clock_hz},
                    {"sram_bytes_per_sm", d.sram_bytes_per_sm},
                    {"shared_bytes_per_sm", d.shared_bytes_per_sm},
                    {"shared_bytes_per_block", d.shared_bytes_per_block},
                    {"register_bytes_per_sm", d.register_bytes_per_sm},
                    {"threads_per_sm", d.threads_per_sm},
                    {"warps_per_sm", d.warps_per_sm},
                    {"interconnect_bandwidth", d.interconnect_bandwidth},
                    {"exp_rate", d.exp_rate},
                    {"tensor_flops", rates_json(d.tensor_flops)},
                    {"vector_flops", rates_json(d.vector_flops)},
                    {"sources", d.sources}});
  }
  return list;
}

Json models_json() {
  Json list = Json::array();
  for (const cards::ModelCard& card : cards::list()) {
    const bool mla = card.mechanism == cards::Mechanism::mla;
    list.push_back({{"name", card.name},
                    {"aliases", card.aliases},
                    {"title", card.title},
                    {"mechanism", std::string(cards::name(card.mechanism))},
                    {"layers", card.layers},
                    {"hidden", card.hidden},
                    {"heads", card.heads},
                    {"kv_heads", mla ? Json() : Json(card.kv_heads)},
                    {"head_dim", card.head_dim},
                    {"kv_lora_rank", mla ? Json(card.kv_lora_rank) : Json()},
                    {"qk_rope_head_dim", mla ? Json(card.qk_rope_head_dim) : Json()},
                    {"window", card.window != 0 ? Json(card.window) : Json()},
                    {"sliding_layers", card.sliding_layers},
                    {"parameters", card.parameters ? Json(*card.parameters) : Json()},
                    {"elements_per_token", cards::elements_per_token(card)},
                    {"source", card.source},
                    {"parameters_source", card.parameters_source}});
  }
  return list;
}

Json mistakes_json() {
  Json list = Json::array();
  for (const oracle::Mistake& mistake : oracle::mistakes()) {
    Json passes = Json::array();
    if (mistake.forward) passes.push_back("forward");
    if (mistake.backward) passes.push_back("backward");
    list.push_back({{"name", mistake.name},
                    {"title", mistake.title},
                    {"advice", mistake.advice},
                    {"passes", std::move(passes)}});
  }
  return list;
}

Json rules_json() {
  Json list = Json::array();
  for (const oracle::Rule& rule : oracle::rules()) {
    list.push_back({{"name", rule.name}, {"text", rule.text}, {"source", rule.source}});
  }
  return list;
}

std::vector<Titled> experiments() {
  return titled("experiments", [](const fs::path& folder) -> std::string {
    const fs::path manifest = folder / "experiment.json";
    return fs::exists(manifest) ? read_json(manifest).value("title", folder.stem().string()) : "";
  });
}

std::vector<Titled> lessons() { return titled("notebooks", heading_of); }

std::vector<Titled> labs() {
  return titled("labs", [](const fs::path& folder) -> std::string {
    const fs::path manifest = folder / "grade.json";
    if (!fs::exists(manifest)) return "";
    return read_json(manifest).value(Json::json_pointer("/title/en"), folder.stem().string());
  });
}

Json experiments_json() { return json_of(experiments(), "experiments"); }
Json lessons_json() { return json_of(lessons(), "notebooks"); }
Json labs_json() { return json_of(labs(), "labs"); }

}  // namespace attnlab::answers
