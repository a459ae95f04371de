// The keys of a bus in Redis (docs/redis.md). All of a database's have the same hash tag, so that a
// cluster keeps them on one node.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <system_error>

namespace fsubs {

struct RedisKeys {
  explicit RedisKeys(const std::string& database)
      : prefix("fraiseql_subs:{" + database + "}:"),
        sources(prefix + "sources"),
        catalog(prefix + "catalog"),
        nodes(prefix + "nodes") {}

  std::string Stream(const std::string& epoch) const { return prefix + "stream:" + epoch; }
  std::string Node(const std::string& name) const { return prefix + "node:" + name; }

  const std::string prefix;
  const std::string sources;  // hash: source_table.hpp
  const std::string catalog;  // hash: id, epoch, covers, snapshot, changed
  const std::string nodes;    // sorted set: names by the time at which they were last heard of
};

// An epoch, or a position, as keys and fields have it.
inline std::string EpochName(uint64_t epoch) {
  char text[20];
  std::snprintf(text, sizeof(text), "%llx", static_cast<unsigned long long>(epoch));
  return text;
}
// Returns false if `name` is none.
[[nodiscard]] inline bool ParseEpochName(std::string_view name, uint64_t* epoch) {
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data(), end, *epoch, 16);
  return read.ec == std::errc{} && read.ptr == end;
}

// The one field of a stream's entry (stream_entry.hpp).
inline constexpr char kEntryField[] = "r";

}  // namespace fsubs
