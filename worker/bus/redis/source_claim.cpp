#include "worker/bus/redis/source_claim.hpp"

#include <algorithm>
#include <utility>

namespace fsubs {
namespace {

// What a source leaves is kept at least so long by those who come after it.
constexpr uint64_t kLeastKeptMs = 60'000;

}  // namespace

SourceClaim::SourceClaim(Setup setup)
    : setup_(std::move(setup)), epoch_(EpochName(setup_.ring->epoch)) {}

SourceClaim::Standing SourceClaim::Begin(const SourceTable& sources) {
  const Source* const own = sources.Find(epoch_);
  if (own == nullptr) return Standing::kNone;
  claim_ = own->claim;
  if (sources.newest() != own) return Standing::kReplaced;
  // With a last sequence it was said to be over: of a worker before this one.
  return own->last ? Standing::kNone : Standing::kNewest;
}

Pipeline SourceClaim::Claim(const SourceTable& sources) {
  const RedisKeys& keys = *setup_.keys;
  const Source* const newest = sources.newest();
  const Source* const own = sources.Find(epoch_);
  claim_ = own != nullptr ? own->claim : newest != nullptr ? newest->claim + 1 : 1;
  Pipeline transaction;
  transaction.Add("MULTI");
  if (own == nullptr && newest != nullptr) {
    Source before = *newest;
    for (const RingPredecessor& one : setup_.ring->predecessors) {
      if (one.epoch == 0 || EpochName(one.epoch) != before.epoch) continue;
      before.last = one.sequences;
      // The crash may have ended a backend between its commit and its turn at the ring.
      before.has_more = true;
    }
    transaction.Add("HSET", keys.sources, before.epoch, before.Value());
    if (setup_.max_age_ms != 0) {
      const uint64_t kept_ms = std::max(setup_.max_age_ms, kLeastKeptMs);
      transaction.Add("PEXPIRE", keys.Stream(before.epoch), std::to_string(kept_ms));
    }
  }
  const Source mine{.epoch = epoch_, .claim = claim_, .node = setup_.node};
  transaction.Add("HSET", keys.sources, epoch_, mine.Value());
  for (size_t i = 0; i + SourceTable::kMost <= sources.all().size(); ++i) {
    transaction.Add("HDEL", keys.sources, sources.all()[i].epoch);
    transaction.Add("UNLINK", keys.Stream(sources.all()[i].epoch));
  }
  transaction.Add("EXEC");
  return transaction;
}

SourceClaim::Standing SourceClaim::Check(const SourceTable& sources) const {
  const Source* const newest = sources.newest();
  if (newest != nullptr && newest->epoch == epoch_) return Standing::kNewest;
  // All was thrown away, or this source alone.
  if (newest == nullptr || newest->claim < claim_) return Standing::kNone;
  return Standing::kReplaced;
}

std::string SourceClaim::CloseCommand(uint64_t last) const {
  const Source closed{.epoch = epoch_, .claim = claim_, .last = last, .node = setup_.node};
  return Command("HSET", setup_.keys->sources, epoch_, closed.Value());
}

}  // namespace fsubs
