// What one shard counts. Stored by the shard's thread alone, loaded by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "contract/limit.hpp"
#include "worker/base/counter.hpp"
#include "worker/base/histogram.hpp"

namespace fsubs {

// Why a client was not let in, or its identity not renewed.
enum class LoginRefusal : uint8_t {
  kNoToken,         // and clients without one are not let in
  kMalformed,       // what it presents cannot be credentials
  kToken,           // the token was refused
  kNoKeys,          // the keys of its issuer did not come in time
  kFunction,        // the function that authenticates refused
  kFunctionFailed,  // it failed, or did not answer in time
  kBusy,            // too many wait for keys or the function
  kOtherIdentity,   // a renewal would make the client somebody else
  kNoCatalog,       // there is no catalog any more
};
inline constexpr size_t kLoginRefusals = 9;
// Labels of the metric, in the order of the enumerators.
inline constexpr const char* kLoginRefusalNames[kLoginRefusals] = {
    "no_token",        "malformed", "token",          "no_keys",   "function",
    "function_failed", "busy",      "other_identity", "no_catalog"};

// Whether it could not be found out who the client is, so that it may be let in later.
inline bool IsUndecided(LoginRefusal why) {
  return why == LoginRefusal::kNoKeys || why == LoginRefusal::kFunctionFailed ||
         why == LoginRefusal::kBusy || why == LoginRefusal::kNoCatalog;
}

struct alignas(64) ShardCounters {
  // Now.
  Counter connections;
  Counter subscriptions;
  Counter plans;
  Counter held_events;  // that subscriptions wait for, or that wait for them
  Counter held_bytes;   // of events that wait for resolvers
  Counter memory;       // bytes, for what clients subscribed to
  Counter memory_peak;  // since memory was last given back to the system

  // Since the worker started.
  Counter connections_accepted;
  Counter connections_refused;
  Counter connections_refused_by_address;    // closed at once: the address has as many as it may
  std::array<Counter, kLimitCount> limited;  // refused or cut, by the limit that did it
  Counter tls_handshakes_failed;
  Counter messages_received;
  Counter events_read;
  Counter events_lost;       // in the ring, before this shard read them
  Counter events_malformed;  // data that is not JSON this worker accepts
  Counter events_matched;    // at least one subscription wanted it
  Counter payloads_encoded;
  Counter messages_sent;
  Counter bytes_sent;
  Counter subscribe_errors;
  // Subscriptions refused or ended, by why they were denied (worker/access/denial.hpp).
  static constexpr size_t kDenials = 7;
  Counter denials[kDenials];
  // Times that an access module kept an event from a subscription.
  Counter denied_by_row_filter;
  Counter denied_by_tenant;
  Counter denied_by_federation;
  Counter fallen_behind;    // a client's socket took no more: its events wait in the ring
  Counter resolver_calls;   // once for each event and those who ask for it alike
  Counter resolver_errors;  // of them, no value came: timeouts, too
  Counter resolver_timeouts;
  Counter held_events_lost;  // there was no room to hold them; once for each subscription
  Counter slow_consumers;
  Counter keepalive_timeouts;
  Counter init_timeouts;
  Counter tokens_expired;  // clients closed for that
  std::array<Counter, kLoginRefusals> logins_refused;

  // Of the first event of each turn: from its commit until it was read, and from then until the
  // sockets had what came of the turn's events. Resolvers' time is not part of it.
  Histogram commit_to_read;
  Histogram read_to_socket;

  void CountLimited(LimitKey limit) { limited[IndexOf(limit)].Add(); }

  void AddMemory(uint64_t bytes) {
    memory.Add(bytes);
    if (memory.get() > memory_peak.get()) memory_peak.Set(memory.get());
  }
};

}  // namespace fsubs
