#include "reference/core/version.h"

namespace attnlab {

std::string_view version() { return ATTNLAB_VERSION; }

}  // namespace attnlab
