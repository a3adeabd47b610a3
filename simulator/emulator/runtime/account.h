// What a warp's requests cost, and whether they were legal: the sink of merge().
//
// One Account belongs to one OS thread (a worker); the launch adds them up at its end. Its parts: this file
// tells the kinds of requests and the address spaces apart; global_requests.cpp counts sectors and checks
// device memory; shared_requests.cpp counts wavefronts, shared_checks.cpp checks shared memory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "simulator/emulator/runtime/findings.h"
#include "simulator/emulator/runtime/image.h"
#include "simulator/emulator/runtime/lane.h"
#include "simulator/emulator/runtime/merge.h"
#include "simulator/emulator/runtime/shared_words.h"
#include "simulator/emulator/runtime/warp_turns.h"
#include "simulator/memory/request_stream.h"

namespace attnlab::emulator {

// The accesses of neighbouring addresses that nvcc would fuse: consecutive executions of one access whose
// lanes each move on by the access's size. Kept for every site and warp; a run may go on at the next site of
// the same warp.
struct Run {
  std::array<std::uint64_t, kWarpSize> next{};  // the address that continues the run
  unsigned mask = 0;
  unsigned length = 0;                    // accesses so far
  unsigned requests = 0, wavefronts = 0;  // what they count as, fused
  unsigned bytes = 0;                     // of one access
  unsigned aligned = 0;     // the largest power of two <= 16 that divides all lanes' first addresses
  bool uniform = false;     // all lanes at one place
  std::uint64_t epoch = 0;  // of the block: a barrier ends every run
};

// A place in the code: what happened there.
struct Site {
  std::uint32_t code = 0;
  Counters counters{};
  std::uint64_t threads = 0;                            // a basic block: threads that entered it
  Site* opens = nullptr;                                // the basic block that begins with this access
  std::vector<Run> runs;                                // a shared-memory access: by warp
  std::uintptr_t variable_begin = 0, variable_end = 0;  // the shared variable it hit last
};

struct SharedVariableInfo {
  std::string name;
  std::uintptr_t begin = 0, end = 0, guard_end = 0;  // addresses in this worker's storage
};

class Account {
 public:
  explicit Account(Range stacks);  // the addresses of its fibers' stacks

  // A launch begins: its block shape, the dynamic shared bytes; races are told apart by launch.
  void begin_launch(Index3 grid, Index3 block, std::size_t dynamic_shared, Range parameters,
                    std::uint64_t race_epoch);
  void begin_block(std::uint64_t number, Index3 index);
  void begin_warp(Warp& warp) { warp_ = &warp; }
  void barrier() {
    ++epoch_;
    turns_.complete_all();
  }
  void grid_barrier() {
    barrier();
    ++race_epoch_;
  }
  WarpTurns& turns() { return turns_; }

  void operator()(const Row& row);

  Site& site(std::uint32_t code) {
    Site*& slot = cache_[code * 2654435761u >> 20];
    if (slot == nullptr || slot->code != code) slot = &find_site(code);
    return *slot;
  }
  void count(std::uint32_t code, Metric metric, std::uint64_t n = 1) {
    site(code).counters[static_cast<std::size_t>(metric)] += n;
  }
  void finding(FindingKind kind, std::uint32_t code, Index3 thread, std::uint64_t address,
               std::string message);
  Index3 thread_of(unsigned number) const;

  void declare_shared(const char* name, std::size_t bytes, std::size_t guarded_bytes);

  memory::RequestStream& stream() { return stream_; }
  const std::unordered_map<std::uint32_t, std::unique_ptr<Site>>& sites() const { return sites_; }
  Findings& findings() { return findings_; }
  void clear();  // counters, sites, findings: the launch has taken them
  const Range& shared_range() const { return shared_; }
  // Of an address, as this worker's threads see it.
  Space space_at(std::uintptr_t address) const;

 private:
  struct Lanes {  // a request in one space
    Site& site;
    Event kind;
    unsigned size, mask;
    const std::uint64_t* address;  // 32; those outside the mask repeat one inside
    std::uint64_t low, high;
    bool bypass_l1 = false;  // of a load; its kind is `load` all the same
  };
  Site& find_site(std::uint32_t code);
  static void enter(Site& block, const Row& row);
  void request(Site& site, Event kind, const Row& row);
  void mixed(const Lanes& lanes);
  void other(const Lanes& lanes, Space space);

  // global_requests.cpp
  void global(const Lanes& lanes);
  void check_global(const Lanes& lanes, bool dense);
  void check_global_lane(const Lanes& lanes, unsigned lane);
  void race_global(const Lanes& lanes, unsigned lane);
  // shared_requests.cpp
  void shared(const Lanes& lanes);
  void fuse(const Lanes& lanes, unsigned wavefronts);
  bool continue_run(Site& site, Run& run, const Lanes& lanes);
  // shared_checks.cpp
  void check_shared(const Lanes& lanes);
  bool inside_variable(const Lanes& lanes, unsigned lane);
  bool read_group(std::uint64_t at, unsigned bytes, Accessor me);
  bool write_words(std::uint64_t at, unsigned bytes, Accessor me);
  void open_up(std::uint64_t group);
  // An asynchronous copy's destination: in flight, then whole.
  void async_destination(std::uint32_t code, std::uintptr_t address, unsigned bytes, unsigned thread,
                         bool arrived);
  void touch_shared(const Lanes& lanes, unsigned lane, bool many);
  SharedWord& word_at(std::uint64_t at);
  const std::vector<SharedVariableInfo>& shared_variables();

  Warp* warp_ = nullptr;
  Index3 grid_{}, block_dim_{}, block_index_{};
  std::uint64_t block_ = 0;         // its number in the grid
  std::uint32_t block_serial_ = 0;  // rises with every block that this worker runs
  std::uint64_t race_epoch_ = 0;
  std::uint32_t epoch_ = 1;        // rises at every barrier and every block
  std::uint32_t first_epoch_ = 1;  // of the block
  bool synchronised_ = false;      // this block used an atomic: it may be ordered after other blocks

  // The sites whose runs each warp's last shared loads, and stores, belong to; the latest first.
  static constexpr unsigned kRememberedRuns = 4;
  std::array<std::array<std::array<Site*, kRememberedRuns>, 2>, 32> last_runs_{};
  std::array<Site*, 4096> cache_{};
  std::unordered_map<std::uint32_t, std::unique_ptr<Site>> sites_;
  Findings findings_;
  memory::RequestStream stream_;
  WarpTurns turns_{stream_};

  Range stacks_, shared_, dynamic_, parameters_;  // of this worker; of the launch
  // Of the bytes from shared_base_ on, at or below the beginning of shared_.
  std::uintptr_t shared_base_;
  std::vector<SharedWord> shadow_;
  std::vector<SharedGroup> groups_;
  std::vector<SharedVariableInfo> variables_;
  bool variables_known_ = false;
  std::unordered_map<const char*, bool> declared_;
  std::uintptr_t allocation_begin_ = 0, allocation_end_ = 0;  // the live allocation hit last
  std::uint64_t allocation_version_ = 0;
  bool allocation_written_by_host_ = false;
};

// This OS thread's dynamic shared memory, as large as any GPU's.
std::byte* dynamic_shared_storage();
inline constexpr std::size_t kDynamicSharedCapacity = 228 << 10;

}  // namespace attnlab::emulator
