#include "worker/row_collection.hpp"

#include <algorithm>
#include <utility>

namespace fsubs {

// Keeps the collection alive until it has answered.
struct RowCollection::Timer {
  uv_timer_t handle{};
  std::shared_ptr<RowCollection> owner;
};

RowCollection::RowCollection(size_t shards, uint64_t patience_ms, SideDoorHost::Reply reply)
    : patience_ms_(patience_ms), silent_(shards, true), awaited_(shards), reply_(std::move(reply)) {
  json_.BeginArray();
}

std::shared_ptr<RowCollection> RowCollection::Start(uv_loop_t* loop, size_t shards,
                                                    uint64_t patience_ms,
                                                    SideDoorHost::Reply reply) {
  std::shared_ptr<RowCollection> collection(
      new RowCollection(shards, patience_ms, std::move(reply)));
  Timer* const timer = new Timer{.owner = collection};
  collection->timer_ = timer;
  uv_timer_init(loop, &timer->handle);
  timer->handle.data = timer;
  uv_timer_start(
      &timer->handle,
      [](uv_timer_t* handle) { static_cast<Timer*>(handle->data)->owner->GiveUp(); }, patience_ms,
      0);
  return collection;
}

void RowCollection::Add(size_t shard, const std::optional<std::string>& rows) {
  if (!reply_) return;
  if (!rows) {
    Finish({.error = "shard " + std::to_string(shard) + " failed; the server log says why"});
    return;
  }
  silent_[shard] = false;
  if (!rows->empty()) json_.Raw(*rows);
  if (--awaited_ > 0) return;
  json_.EndArray();
  Finish({.rows = std::move(rows_)});
}

void RowCollection::GiveUp() {
  const auto silent = std::find(silent_.begin(), silent_.end(), true);
  Finish({.error = "shard " + std::to_string(silent - silent_.begin()) + " did not answer within " +
                   std::to_string(patience_ms_) + " ms"});
}

void RowCollection::Finish(SideDoorHost::Answer answer) {
  uv_close(reinterpret_cast<uv_handle_t*>(&std::exchange(timer_, nullptr)->handle),
           [](uv_handle_t* handle) { delete static_cast<Timer*>(handle->data); });
  std::exchange(reply_, nullptr)(std::move(answer));
}

}  // namespace fsubs
