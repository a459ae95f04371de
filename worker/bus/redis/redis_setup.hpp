// What the settings say of a bus in Redis.
#pragma once

#include <string>

#include "worker/base/kept_process.hpp"
#include "worker/base/options.hpp"
#include "worker/bus/redis/redis_connection.hpp"

namespace fsubs {

// Start the process that connects to what `bus_url` names. Returns one without a channel, and says
// why in `*error`, if there is none. REQUIRES: there is no thread yet.
KeptProcess StartRedisDialer(const Options& options, std::string* error);

// Read `bus_url` and `bus_ca_file`, before the sandbox takes files away. Returns an empty string,
// or why they are of no use.
std::string ReadRedisAccess(const Options& options, RedisAccess* access);

}  // namespace fsubs
