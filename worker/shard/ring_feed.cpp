#include "worker/shard/ring_feed.hpp"

#include <mqueue.h>

#include <algorithm>
#include <atomic>

namespace fsubs {

// No wake-up is missed. A writer publishes, then swaps `sleeping`: if it was 1, the writer wakes
// this shard. PrepareToWait stores 1, then looks at the head. The two fences order each store
// before the other side's load, so either the writer sees `sleeping`, or its record is seen here.

RingFeed::RingFeed(const RingHeader* ring, ShardSlot* slot, int wake_fd, Sink* sink)
    : ring_(ring), slot_(slot), wake_fd_(wake_fd), sink_(sink), reader_(ring) {}

void RingFeed::Attach(uv_loop_t* loop) {
  uv_poll_init(loop, &wake_, wake_fd_);
  wake_.data = this;
  uv_poll_start(&wake_, UV_READABLE, [](uv_poll_t* handle, int, int) {
    static_cast<RingFeed*>(handle->data)->OnWake();
  });
  uv_idle_init(loop, &more_);
  more_.data = this;
  slot_->cursor.store(reader_.cursor(), std::memory_order_release);
  slot_->attached.store(1, std::memory_order_release);
}

void RingFeed::OnWake() {
  char message;
  if (mq_receive(wake_fd_, &message, sizeof(message), nullptr) < 0) return;
  sink_->OnTurn();
}

void RingFeed::Read() {
  EventRecord record;
  uint64_t lost = 0;
  for (size_t i = 0; i < kRecordsPerTurn; ++i) {
    if (reader_.Next(&record, &lost) != RingReader::Result::kRecord) break;
    if (!sink_->OnRecord(record, lost) || lost > 0) break;
  }
  slot_->cursor.store(reader_.cursor(), std::memory_order_release);
}

std::optional<Position> RingFeed::UnreadCatalogChange() const {
  const Position published = head();
  // The position behind the change that was written last.
  const Position changed = ring_->catalog_changed.load(std::memory_order_relaxed);
  if (published == reader_.cursor() || changed <= reader_.cursor()) return std::nullopt;
  // One that is not published yet may hide an earlier one.
  return std::min(changed, published) - 1;
}

void RingFeed::PrepareToWait(bool more, bool reads) {
  slot_->sleeping.store(1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!more && !(reads && has_more())) {
    uv_idle_stop(&more_);
    return;
  }
  slot_->sleeping.store(0, std::memory_order_relaxed);
  uv_idle_start(&more_,
                [](uv_idle_t* handle) { static_cast<RingFeed*>(handle->data)->sink_->OnTurn(); });
}

}  // namespace fsubs
