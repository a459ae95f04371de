// Reads what a host says of a client when it opens a session: a JSON object.
#pragma once

#include <string>
#include <string_view>

#include "worker/hosted/hosted_peer.hpp"

namespace fsubs {

// Returns an empty string, or what is wrong with it.
std::string ReadOpening(std::string_view json, HostedOpening* opening);

}  // namespace fsubs
