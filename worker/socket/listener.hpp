// Listening sockets and the descriptors that clients need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fsubs {

struct Listen {
  std::string address;  // IPv4 or IPv6
  uint16_t port;
};

enum class PortSharing { kNone, kWithOtherShards };

// A non-blocking socket that listens there. Returns -1, and says why in `*error`, if there can be
// none.
int OpenListener(const Listen& listen_on, PortSharing sharing, std::string* error);

// Whether a server could listen there. Returns an empty string, or the reason why not. Shards of
// one worker share their port, so this is what keeps two workers from sharing one by mistake.
std::string CheckListen(const Listen& listen);

// Raise this process's limit of open files, as far as it may, to `files`. Returns the limit in
// force.
size_t RaiseFileLimit(size_t files);

}  // namespace fsubs
