// The side door's protocol: the Unix socket on which PostgreSQL's processes reach the worker.
// docs/side-door.md says who sends what, and when.
//
// A frame is its length and that many bytes, which are one JSON object in UTF-8, or an array of
// calls for a process that resolves.
#pragma once

#include <bit>
#include <cstdint>

namespace fsubs::side_door {

// From the data directory, in which all processes of the server run. pg_basebackup and pg_rewind
// leave out what is in this directory of PostgreSQL's; they cannot copy a socket.
inline constexpr char kSocketDirectory[] = "pg_stat_tmp";
inline constexpr char kSocketPath[] = "pg_stat_tmp/fraiseql_subs.sock";

// In front of each frame, little-endian.
using FrameLength = uint32_t;

static_assert(std::endian::native == std::endian::little,
              "frames start with a little-endian length");

// Longest frame taken or sent, in bytes.
inline constexpr FrameLength kMaxFrameLength = 64u << 20;

// Most bytes of the claims that a function gives a client.
inline constexpr uint32_t kMaxClaimsLength = 64u << 10;

// Number of the worker's request for a snapshot, which the answer repeats.
using SnapshotRequest = int64_t;

// Stands for a snapshot that an executor sends by itself, in which the number is missing.
inline constexpr SnapshotRequest kUnasked = 0;

// Members of a message.
namespace member {

inline constexpr char kOp[] = "op";
inline constexpr char kRequest[] = "request";
inline constexpr char kArguments[] = "arguments";
inline constexpr char kSnapshot[] = "snapshot";
inline constexpr char kClaims[] = "claims";
inline constexpr char kInitPayload[] = "init_payload";
inline constexpr char kHeaders[] = "headers";
inline constexpr char kRows[] = "rows";
inline constexpr char kError[] = "error";
inline constexpr char kFields[] = "fields";
inline constexpr char kResults[] = "results";
inline constexpr char kCredits[] = "credits";
inline constexpr char kSeen[] = "seen";
inline constexpr char kLink[] = "link";

}  // namespace member

// What the member `op` says: what the message is about.
namespace op {

inline constexpr char kExecutor[] = "executor";
inline constexpr char kAuthenticator[] = "authenticator";
inline constexpr char kResolver[] = "resolver";
inline constexpr char kResolverLink[] = "resolver_link";
inline constexpr char kExchange[] = "exchange";
inline constexpr char kLeave[] = "leave";
inline constexpr char kSnapshot[] = "snapshot";
inline constexpr char kAuthenticate[] = "authenticate";
inline constexpr char kMetrics[] = "metrics";
inline constexpr char kConnections[] = "connections";
inline constexpr char kSubscriptions[] = "subscriptions";
inline constexpr char kDisconnect[] = "disconnect";
inline constexpr char kIssuers[] = "issuers";
inline constexpr char kExplain[] = "explain";
// What follows is no JSON (session_records.hpp).
inline constexpr char kSessionLink[] = "session_link";
inline constexpr char kSessionSender[] = "session_sender";
inline constexpr char kResolvers[] = "resolvers";
inline constexpr char kResolverSend[] = "resolver_send";
inline constexpr char kNodes[] = "nodes";

// What a backend may ask for.
inline constexpr const char* kOfBackends[] = {kMetrics, kConnections, kSubscriptions, kDisconnect,
                                              kIssuers, kExplain,     kResolvers,     kNodes};

}  // namespace op

}  // namespace fsubs::side_door
