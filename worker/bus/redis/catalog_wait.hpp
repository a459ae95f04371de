// Which catalog of a bus a node has, and whether events must wait for a newer one: what was
// published behind a change is served by a catalog that has it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "contract/ring_layout.hpp"
#include "worker/bus/redis/redis_keys.hpp"
#include "worker/bus/redis/reply.hpp"
#include "worker/bus/redis/source_table.hpp"

namespace fsubs {

class CatalogWait {
 public:
  // Asks for all that Take needs.
  static std::string FetchCommand(const RedisKeys& keys);

  // Events wait, since the stream of that epoch has a change of the catalog at that position.
  void Await(std::string epoch, Position changed);
  bool is_awaiting() const { return awaited_.has_value(); }
  // No event may be handed on now: there is no catalog, or it is one that they wait for.
  bool holds_events() const { return awaited_ || id_.empty(); }

  // The catalog that Redis has is the one with this id. Returns whether it is to be fetched.
  [[nodiscard]] bool OnNewest(const std::string& id);
  // Take the reply to FetchCommand, which is no error. Returns the snapshot if it is to be handed
  // on; null: it was before, or there is none.
  const std::string* Take(const Reply& catalog, const SourceTable& sources);
  // How soon to fetch it again; nothing: events do not wait for it. More each time.
  std::optional<uint64_t> NextDelayMs();

  // Why events do not come, on one line; empty: they do.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Change {
    std::string epoch;
    Position position = 0;
  };

  void AwaitLastChange(std::string_view changed);
  bool Covers(const std::string& epoch, const std::string& covers,
              const SourceTable& sources) const;

  std::string id_;  // of the one that was handed on; empty: none yet
  std::optional<Change> awaited_;
  uint64_t delay_ms_ = 0;
  std::string trouble_;
};

}  // namespace fsubs
