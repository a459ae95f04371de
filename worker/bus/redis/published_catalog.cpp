#include "worker/bus/redis/published_catalog.hpp"

#include <utility>

namespace fsubs {

PublishedCatalog::PublishedCatalog(const RedisKeys* keys, std::string epoch, int64_t since_us)
    : keys_(keys), epoch_(std::move(epoch)), since_us_(since_us) {}

void PublishedCatalog::Set(std::string snapshot_json, Position covers) {
  snapshot_ = std::move(snapshot_json);
  covers_ = covers;
  ++number_;
  is_due_ = true;
}

void PublishedCatalog::AddTo(Pipeline* pipeline) {
  is_asked_ = !is_due_;
  if (is_asked_) {
    pipeline->Add("HGET", keys_->catalog, "id");
    return;
  }
  is_due_ = false;
  pipeline->Add("HSET", keys_->catalog, "id", Id(), "epoch", epoch_, "covers", EpochName(covers_),
                "snapshot", snapshot_);
}

void PublishedCatalog::OnStored(const Reply& reply) {
  // It was thrown away alone, as Redis does with keys that are in its way.
  if (std::exchange(is_asked_, false) && reply.text != Id()) Renew();
}

std::string PublishedCatalog::Id() const {
  return epoch_ + "-" + std::to_string(since_us_) + "-" + std::to_string(number_);
}

}  // namespace fsubs
