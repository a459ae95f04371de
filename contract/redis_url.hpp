// The URL of a Redis deployment: setting `bus_url`.
//
//   redis://[[user]:password@]host[:port][/database]
//   redis+sentinel://[[user]:password@]host[:port],host[:port]…/service[/database]
//   redis+cluster://[[user]:password@]host[:port],host[:port]…
//
// with rediss for TLS. User, password and service may have %XX; a host is a name, an IPv4 address,
// or an IPv6 address in brackets. Of a Sentinel's own log-in, parameters tell:
// ?sentinel_user=…&sentinel_password=….
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "contract/address.hpp"

namespace fsubs {

enum class RedisKind : uint8_t {
  kSingle,
  kSentinel,  // the addresses are those of Sentinels, which are asked for the primary
  kCluster,   // the addresses are those of some nodes
};

struct RedisUrl {
  RedisKind kind = RedisKind::kSingle;
  bool tls = false;
  std::vector<Address> addresses;  // at least one
  std::string user;                // empty: the default one
  std::string password;            // empty: none is sent
  std::string service;             // the primary's name at the Sentinels
  std::string sentinel_user;
  std::string sentinel_password;
  uint32_t database = 0;

  // How log lines and rows call it: kind, addresses and database, but nothing that is secret.
  std::string DisplayName() const;
};

// Returns an empty text and sets `*url`, or says what is wrong with `text` without repeating any of
// it: it may hold a password.
std::string ParseRedisUrl(std::string_view text, RedisUrl* url);

}  // namespace fsubs
