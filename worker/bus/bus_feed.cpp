#include "worker/bus/bus_feed.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/loop_thread.hpp"

namespace fsubs {
namespace {

// How often it is looked whether what is held was replayed.
constexpr uint64_t kReplayLookMs = 5;

}  // namespace

void BusFeed::Start(Host* host) {
  host_ = host;
  uv_loop_init(&loop_);
  tasks_.Attach(&loop_);
  uv_timer_init(&loop_, &replay_timer_);
  replay_timer_.data = this;
  reader_->Attach(&loop_, this);
  RunOnThread(&loop_, "bus");
}

void BusFeed::ReplaceCatalog(std::string snapshot_json) {
  tasks_.Post([this, json = std::move(snapshot_json)]() mutable { OnCatalog(std::move(json)); });
}

void BusFeed::SetWaitsForReplay(bool waits) {
  tasks_.Post([this, waits] {
    waits_for_replay_ = waits;
    Release();
  });
}

void BusFeed::Stop() {
  tasks_.Post([this] {
    reader_->Stop();
    held_.Clear();
    uv_timer_stop(&replay_timer_);
  });
}

void BusFeed::OnEvents(std::span<const BusEvent> events) {
  if (replayed_lsn_ == nullptr) {
    ring_->Append(events);
    return;
  }
  held_.Add(events);
  Release();
}

void BusFeed::OnCatalog(std::string snapshot_json) {
  if (replayed_lsn_ == nullptr) {
    TakeCatalog(std::move(snapshot_json));
    return;
  }
  held_.AddCatalog(std::move(snapshot_json));
  Release();
}

// Take of what is held what the server has replayed by now, and look again soon for the rest.
void BusFeed::Release() {
  const uint64_t replayed = waits_for_replay_ ? replayed_lsn_->load() : UINT64_MAX;
  held_.Release(replayed,
                {.on_events = [this](std::span<const BusEvent> events) { ring_->Append(events); },
                 .on_catalog = [this](std::string json) { TakeCatalog(std::move(json)); }});
  counters_->held.Set(held_.events());
  if (held_.empty()) {
    uv_timer_stop(&replay_timer_);
  } else if (uv_is_active(reinterpret_cast<uv_handle_t*>(&replay_timer_)) == 0) {
    uv_timer_start(
        &replay_timer_, [](uv_timer_t* timer) { static_cast<BusFeed*>(timer->data)->Release(); },
        kReplayLookMs, kReplayLookMs);
  }
}

// What is held gets into the ring at once, and must not fill it: a reader gives somewhat more than
// there is room for.
uint64_t BusFeed::Room() const {
  const uint64_t room = ring_->UnreadRoom();
  if (replayed_lsn_ == nullptr) return room;
  const uint64_t for_held = ring_->LargestRecord() * kMaxRecordShare / 2;
  return std::min(room, for_held) - std::min({room, for_held, held_.bytes()});
}

void BusFeed::TakeCatalog(std::string snapshot_json) {
  host_->OnBusCatalog(std::move(snapshot_json));
  BusEvent change;
  change.record.kind = RecordKind::kCatalogChanged;
  ring_->Append({&change, 1});
}

void BusFeed::OnState(const BusState& state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
}

BusState BusFeed::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace fsubs
