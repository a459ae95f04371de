#include "worker/base/version.hpp"

namespace fsubs {

const char* const kVersion = FSUBS_VERSION;

}  // namespace fsubs
