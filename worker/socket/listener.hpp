// Listening sockets and the descriptors that clients need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fsubs {

struct Listen {
  std::string address;  // IPv4 or IPv6
  uint16_t port;
  int fd = -1;  // a socket that listens there already, or -1
};

enum class PortSharing { kNone, kWithOtherShards };

// A non-blocking socket that listens there, of the caller's own. Returns -1, and says why in
// `*error`, if there can be none.
int OpenListener(const Listen& listen_on, PortSharing sharing, std::string* error);

// Whether nobody but this machine reaches that address.
bool IsLoopback(const std::string& address);

// Whether a server could listen there. Returns an empty string, or the reason why not. Shards of
// one worker share their port, so this is what keeps two workers from sharing one by mistake.
std::string CheckListen(const Listen& listen);

enum class SocketAccess {
  kEverybody,  // who may enter its directory
  kOwner,
};

// A non-blocking Unix socket that listens at `path`, where those may connect. One that an earlier
// server left there is replaced. Returns -1, and says why in
// `*error`, if there can be none.
int OpenUnixListener(const std::string& path, SocketAccess access, std::string* error);

// Raise this process's limit of open files, as far as it may, to `files`. Returns the limit in
// force.
size_t RaiseFileLimit(size_t files);

}  // namespace fsubs
