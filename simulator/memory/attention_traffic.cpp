#include "simulator/memory/attention_traffic.h"

#include <algorithm>

#include "reference/core/checked.h"
#include "simulator/memory/waves.h"

namespace attnlab::memory {
namespace {

constexpr std::uint64_t kMostBlocks = std::uint64_t{1} << 32, kProgressSteps = 500;

std::uint64_t u(Index value) { return static_cast<std::uint64_t>(value); }

std::uint64_t blocks_of(const Launch& launch) {
  const std::uint64_t blocks =
      checked_multiply(checked_multiply(u(launch.x), u(launch.y), "sizes"), u(launch.z), "sizes");
  if (blocks > kMostBlocks)
    throw InvalidArgument("sizes", std::to_string(blocks) + " blocks", "at most 2^32");
  return blocks;
}

// Adds a tile to its launch's account.
struct Account {
  LaunchTraffic* traffic;
  void operator()(const TileAccess& tile) const {
    const bool load = tile.kind == RequestKind::load || tile.kind == RequestKind::load_bypass;
    auto& bytes =
        load ? traffic->loaded : (tile.kind == RequestKind::store ? traffic->stored : traffic->reduced);
    bytes[tile.tensor] += tile.rows * tile.row_bytes;
  }
};

// Calls progress with a share about kProgressSteps times in all.
class Ticks {
 public:
  Ticks(std::uint64_t all, const std::function<void(double)>& progress)
      : all_(all), step_(std::max<std::uint64_t>(1, all / kProgressSteps)), progress_(progress) {}
  void operator()() {
    if (++done_ % step_ == 0 && progress_) progress_(static_cast<double>(done_) / static_cast<double>(all_));
  }

 private:
  std::uint64_t all_, step_, done_ = 0;
  const std::function<void(double)>& progress_;
};

LaunchTraffic replay_launch(const Launch& launch, const ReplaySettings& settings, Ticks& tick) {
  LaunchTraffic traffic;
  traffic.name = launch.name;
  traffic.blocks = blocks_of(launch);
  MemorySystem system(settings.geometry, settings.l1_bytes);
  using Block = TileStream<Account>;
  Waves<Block> waves(settings.geometry.sms, settings.resident_blocks, traffic.blocks,
                     settings.geometry.interleave, settings.geometry.l2_wait);
  std::uint64_t next = 0;
  const auto supply = [&](std::optional<Block>& block) {
    if (next == traffic.blocks) return Supply::nothing;
    const auto n = static_cast<Index>(next++);
    block.emplace(launch.block(n % launch.x, n / launch.x % launch.y, n / launch.x / launch.y),
                  Account{&traffic});
    tick();
    return Supply::block;
  };
  waves.run(supply, [&](std::size_t sm, RequestKind kind, std::span<const LinePart> lines) {
    return system.request(sm, kind, lines);
  });
  traffic.counters = system.counters();
  return traffic;
}

}  // namespace

std::vector<LaunchTraffic> replay(attention::Algorithm algorithm, io::Pass pass,
                                  const attention::Problem& problem, const io::ElementSizes& sizes,
                                  attention::Tiles tiles, const ReplaySettings& settings) {
  for (const auto& [name, size] : {std::pair{"br", tiles.br}, {"bc", tiles.bc}})
    if (size < 1) throw InvalidArgument(name, std::to_string(size), "1 or more");
  if (settings.resident_blocks < 1) throw InvalidArgument("resident blocks", "0", "1 or more");
  const AttentionLayout layout = layout_of(algorithm, pass, problem, sizes);
  const std::vector<Launch> launches = launches_of(algorithm, pass, layout, tiles);
  std::uint64_t blocks = 0;
  for (const Launch& launch : launches) blocks += blocks_of(launch);
  Ticks tick(blocks, settings.progress);
  std::vector<LaunchTraffic> result;
  for (const Launch& launch : launches) result.push_back(replay_launch(launch, settings, tick));
  return result;
}

std::uint64_t resident_blocks(const device::Device& device, io::Pass pass, const attention::Problem& p,
                              const io::ElementSizes& sizes, attention::Tiles tiles) {
  const auto count = [](Index value) { return static_cast<io::Count>(value); };
  const io::Count br = count(std::min(tiles.br, std::max<Index>(1, p.seqlen_q)));
  const io::Count bc = count(std::min(tiles.bc, std::max<Index>(1, p.seqlen_kv)));
  const io::Count d = count(p.head_dim), dv = count(p.head_dim_v);
  const bool forward = pass == io::Pass::forward;
  constexpr io::Count kFloat = 4;
  const io::Count shared = (br * d + bc * (d + dv) + (forward ? 0 : br * dv)) * sizes(Hbm::Q);
  const io::Count registers = (forward ? br * (bc + dv) : 2 * br * bc + bc * (d + dv)) * kFloat;
  if (shared > device.shared_bytes_per_sm || registers > device.register_bytes_per_sm) return 1;
  constexpr std::uint64_t kWarps = 4;
  return std::max<std::uint64_t>(
      1, std::min({blocks_that_fit(geometry_of(device), static_cast<std::uint64_t>(shared)),
                   device.register_bytes_per_sm / static_cast<std::uint64_t>(registers),
                   device.warps_per_sm / kWarps}));
}

}  // namespace attnlab::memory
