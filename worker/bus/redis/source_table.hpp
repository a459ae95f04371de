// Who has published into a bus, in the order in which they began: each source is one epoch of a
// ring, and has a stream of its own. It is the hash `sources`:
//
//   <epoch, hexadecimal>   <claim> <last sequence, or -> <name of its node>
//
// The one with the highest claim publishes. The last sequence is there once it is known how many
// events there were in that epoch; with + behind it some may have been committed beside them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/bus/redis/reply.hpp"

namespace fsubs {

struct Source {
  std::string epoch;
  uint64_t claim = 0;
  std::optional<uint64_t> last;
  bool has_more = false;  // perhaps, which `last` does not count
  std::string node;

  // The value of its field.
  std::string Value() const;
};

class SourceTable {
 public:
  // More are forgotten, the oldest first.
  static constexpr size_t kMost = 64;

  // Read the reply to HGETALL. Returns false if it is none. Fields that make no sense are left out.
  [[nodiscard]] static bool Read(const Reply& reply, SourceTable* table);

  const Source* newest() const { return sources_.empty() ? nullptr : &sources_.back(); }
  const Source* Find(const std::string& epoch) const;
  // The one that began next after that epoch; null if it is the newest or not there.
  const Source* After(const std::string& epoch) const;
  // In the order of their claims.
  const std::vector<Source>& all() const { return sources_; }

 private:
  std::vector<Source> sources_;
};

}  // namespace fsubs
