// The dialer: a process of the worker's own that looks names up and makes connections, so that the
// worker itself can be forbidden to connect to anybody (docs/security.md).
#pragma once

#include <string>
#include <vector>

#include "contract/address.hpp"
#include "worker/base/kept_process.hpp"

namespace fsubs {

// Where a worker that somebody has taken over could have it connect.
struct DialRules {
  std::vector<Address> allowed;
  bool anywhere = false;  // any address that it is asked for
  bool confined = true;   // it gives up what it does not need (worker/sandbox/)
};

// As StartKeptProcess; the worker's end of the channel is as in dial_protocol.hpp.
KeptProcess StartDialer(const DialRules& rules, std::string* error);

}  // namespace fsubs
