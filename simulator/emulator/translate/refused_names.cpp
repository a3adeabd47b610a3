#include "simulator/emulator/translate/refused_names.h"

#include <array>
#include <regex>

#include "reference/core/errors.h"

namespace attnlab::emulator::translate {
namespace {

enum class Form {
  word,    // this name
  call,    // this name as a function of the global namespace
  prefix,  // every name that begins so
  calls,   // every function of the global namespace whose name begins so
};

struct Entry {
  std::string_view name;
  Form form;
  Where where;
  std::string_view group;
};

constexpr std::string_view kTextures = "textures and surfaces", kGraphs = "graphs", kHeap = "the device heap",
                           kClusters = "thread block clusters", kBulk = "bulk copies, TMA",
                           kPools = "memory pools of one's own", kSmall = "this number type",
                           kDevices = "launches on several devices", kVirtual = "virtual memory management",
                           kNested = "the runtime API in device code, dynamic parallelism";

constexpr std::array kNames = std::to_array<Entry>({
    {"tex1D", Form::calls, Where::device_code, kTextures},
    {"tex2D", Form::calls, Where::device_code, kTextures},
    {"tex3D", Form::calls, Where::device_code, kTextures},
    {"texCubemap", Form::calls, Where::device_code, kTextures},
    {"surf1D", Form::calls, Where::device_code, kTextures},
    {"surf2D", Form::calls, Where::device_code, kTextures},
    {"surf3D", Form::calls, Where::device_code, kTextures},
    {"surfCubemap", Form::calls, Where::device_code, kTextures},
    {"cudaChannelFormatDesc", Form::word, Where::anywhere, kTextures},
    {"cudaCreateChannelDesc", Form::prefix, Where::anywhere, kTextures},
    {"cudaResourceDesc", Form::word, Where::anywhere, kTextures},
    {"cudaTextureDesc", Form::word, Where::anywhere, kTextures},
    {"cudaCreateTextureObject", Form::word, Where::anywhere, kTextures},
    {"cudaCreateSurfaceObject", Form::word, Where::anywhere, kTextures},
    {"cudaBindTexture", Form::prefix, Where::anywhere, kTextures},
    {"cudaMallocArray", Form::word, Where::anywhere, kTextures},
    {"cudaMalloc3DArray", Form::word, Where::anywhere, kTextures},
    {"cudaMallocMipmappedArray", Form::word, Where::anywhere, kTextures},
    {"cudaGraphAdd", Form::prefix, Where::anywhere, kGraphs},
    {"cudaGraphClone", Form::word, Where::anywhere, kGraphs},
    {"cudaGraphGet", Form::prefix, Where::anywhere, kGraphs},
    {"cudaGraphNodeGet", Form::prefix, Where::anywhere, kGraphs},
    {"cudaGraphKernelNode", Form::prefix, Where::anywhere, kGraphs},
    {"cudaGraphExecKernelNode", Form::prefix, Where::anywhere, kGraphs},
    {"cudaGraphUpload", Form::word, Where::anywhere, kGraphs},
    {"cudaGraphExecUpdate", Form::word, Where::anywhere, kGraphs},
    {"cudaGraphInstantiateWith", Form::prefix, Where::anywhere, kGraphs},
    {"cudaKernelNodeParams", Form::prefix, Where::anywhere, kGraphs},
    {"cudaMemcpyNodeParams", Form::prefix, Where::anywhere, kGraphs},
    {"cudaMemsetParams", Form::prefix, Where::anywhere, kGraphs},
    {"cudaHostNodeParams", Form::prefix, Where::anywhere, kGraphs},
    {"cudaStreamBeginCaptureToGraph", Form::word, Where::anywhere, kGraphs},
    {"cudaStreamGetCaptureInfo", Form::prefix, Where::anywhere, kGraphs},
    {"cudaLaunchParams", Form::word, Where::anywhere, kDevices},
    {"cudaLaunchCooperativeKernelMultiDevice", Form::word, Where::anywhere, kDevices},
    {"this_multi_grid", Form::word, Where::anywhere, kDevices},
    {"cudaMemPoolProps", Form::word, Where::anywhere, kPools},
    {"cudaMemPoolCreate", Form::word, Where::anywhere, kPools},
    {"cudaMemPoolSetAccess", Form::word, Where::anywhere, kPools},
    {"cudaMemAccessDesc", Form::word, Where::anywhere, kPools},
    {"cudaMallocFromPoolAsync", Form::word, Where::anywhere, kPools},
    {"this_cluster", Form::word, Where::anywhere, kClusters},
    {"cp_async_bulk", Form::prefix, Where::anywhere, kBulk},
    {"barrier_arrive_tx", Form::word, Where::anywhere, kBulk},
    {"__nv_fp8_e8m0", Form::word, Where::anywhere, kSmall},
    {"__nv_fp8x2_e8m0", Form::word, Where::anywhere, kSmall},
    {"__nv_fp8x4_e8m0", Form::word, Where::anywhere, kSmall},
    {"CUmemAllocationProp", Form::word, Where::anywhere, kVirtual},
    {"CUmemGenericAllocationHandle", Form::word, Where::anywhere, kVirtual},
    {"malloc", Form::call, Where::device_code, kHeap},
    {"calloc", Form::call, Where::device_code, kHeap},
    {"free", Form::call, Where::device_code, kHeap},
    {"cudaMalloc", Form::call, Where::device_code, kNested},
    {"cudaFree", Form::call, Where::device_code, kNested},
    {"cudaMemcpy", Form::call, Where::device_code, kNested},
    {"cudaMemcpyAsync", Form::call, Where::device_code, kNested},
    {"cudaMemset", Form::call, Where::device_code, kNested},
    {"cudaMemsetAsync", Form::call, Where::device_code, kNested},
    {"cudaDeviceSynchronize", Form::call, Where::device_code, kNested},
    {"cudaStreamCreateWithFlags", Form::call, Where::device_code, kNested},
    {"cudaStreamDestroy", Form::call, Where::device_code, kNested},
    {"cudaStreamWaitEvent", Form::call, Where::device_code, kNested},
    {"cudaEventCreateWithFlags", Form::call, Where::device_code, kNested},
    {"cudaEventRecord", Form::call, Where::device_code, kNested},
    {"cudaEventDestroy", Form::call, Where::device_code, kNested},
    {"cudaGetLastError", Form::call, Where::device_code, kNested},
    {"cudaPeekAtLastError", Form::call, Where::device_code, kNested},
    {"cudaGetDevice", Form::call, Where::device_code, kNested},
});

// Libraries by how the names of their headers begin.
struct Library {
  std::string_view header, name;
};
constexpr std::array kLibraries = std::to_array<Library>({
    {"thrust/", "Thrust"},
    {"cub/", "CUB"},
    {"cute/", "CUTLASS"},
    {"cutlass/", "CUTLASS"},
    {"cuda/std/", "this part of libcu++"},
    {"nv/target", "this part of libcu++"},
    {"torch/", "PyTorch"},
    {"ATen/", "PyTorch"},
    {"c10/", "PyTorch"},
    {"cufft", "cuFFT"},
    {"cusparse", "cuSPARSE"},
    {"cusolver", "cuSOLVER"},
    {"nccl", "NCCL"},
    {"nvshmem", "NVSHMEM"},
    {"npp", "NPP"},
    {"nvml", "NVML"},
    {"cupti", "CUPTI"},
    {"texture_", "textures and surfaces"},
    {"surface_", "textures and surfaces"},
    {"cuda_gl_interop.h", "OpenGL"},
});

bool matches(const Entry& entry, std::string_view name) {
  const bool begins = entry.form == Form::prefix || entry.form == Form::calls;
  return begins ? name.starts_with(entry.name) : name == entry.name;
}

}  // namespace

std::string_view refused_name(std::string_view name, Where where, bool call, bool qualified) {
  for (const Entry& entry : kNames) {
    if (!matches(entry, name)) continue;
    if (entry.where == Where::device_code && where != Where::device_code) continue;
    if ((entry.form == Form::call || entry.form == Form::calls) && (!call || qualified)) continue;
    return entry.group;
  }
  return {};
}

void refuse_headers(const std::string& all) {
  constexpr std::size_t kBeginning = 8192;  // regular expressions go deep in long texts
  const std::string said = all.substr(0, kBeginning);
  std::smatch found;
  // A header of ours that only says so: included from a.cu:1: ... #error attnlab: cuda_fp4.h (4-bit numbers)
  static const std::regex stub(
      R"(In file included from ([^\n:]+):(\d+)[\s\S]*?#?error:? "?attnlab: ([^\n"]+))");
  if (std::regex_search(said, found, stub))
    throw FileError(found[1].str() + ":" + found[2].str(), "#include " + found[3].str() + ": not supported");
  // g++: a.cu:1:10: fatal error: cub/cub.cuh: No such file or directory. clang++: fatal error: 'x' file not
  // found
  static const std::regex missing(R"((?:^|\n)([^\n:]+):(\d+):\d+: fatal error: '?([^':\n]+)'?(?::| file))");
  if (!std::regex_search(said, found, missing)) return;
  const std::string header = found[3];
  for (const Library& library : kLibraries) {
    if (std::string_view(header).starts_with(library.header)) {
      throw FileError(found[1].str() + ":" + found[2].str(),
                      "#include <" + header + "> (" + std::string(library.name) + "): not supported");
    }
  }
}

}  // namespace attnlab::emulator::translate
