// TLS as the settings and the launcher's file have it, or on a node without a database the files
// that the settings name.
#pragma once

#include <memory>
#include <string>

#include "worker/base/options.hpp"
#include "worker/socket/tls_context.hpp"

namespace fsubs {

// Returns null, and says why in `*error`, if something of it cannot be used. REQUIRES: options.ssl.
std::shared_ptr<const TlsContext> MakeTls(const Options& options, std::string* error);

}  // namespace fsubs
