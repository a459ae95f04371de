#include "worker/shard/catalog_gate.hpp"

#include <algorithm>

#include "worker/base/log.hpp"

namespace fsubs {

// Two positions say whether the catalog is current: `changed_`, behind the last change read from
// the ring, and `covered_`, before which all changes are in the catalog that is in force.
//
//   covered_ >= changed_   current
//   covered_ <  changed_   a newer catalog is on its way
//
// Before it handles a message a shard looks for a change that it has not read (Shard::AdmitOrHold),
// so a change committed before the message was sent has moved `changed_` by then. Both positions
// only grow. If no catalog comes in time, messages are let through, up to `given_up_`: what they
// ask for is refused, but not what needs no catalog.
//
// Messages wait in one queue. While any waits, later ones queue behind it, even if the catalog has
// become current in between: a client's messages stay in their order. They leave in slices, since
// any number may have come meanwhile.

void CatalogGate::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void CatalogGate::OnCovered(Position end) {
  covered_ = std::max(covered_, end);
  if (is_current()) Open();
}

void CatalogGate::Hold(uint64_t client, std::string_view message) {
  waiting_.push_back({client, std::string(message)});
  bytes_ += message.size();
  if (is_full()) {
    if (!is_current()) GiveUp();
    while (is_full()) AdmitFirst();
  }
  if (is_current() || uv_is_active(reinterpret_cast<uv_handle_t*>(&timer_))) return;
  uv_timer_start(
      &timer_,
      [](uv_timer_t* timer) {
        Log(LogLevel::kWarning, "the catalog changed but no executor brought it in time");
        static_cast<CatalogGate*>(timer->data)->GiveUp();
      },
      limits_.max_wait_ms, 0);
}

void CatalogGate::GiveUp() {
  given_up_ = changed_;
  Open();
}

void CatalogGate::Open() {
  uv_timer_stop(&timer_);
  if (!waiting_.empty()) sink_->OnOpen();
}

bool CatalogGate::Continue(WorkBudget* budget) {
  while (is_current() && !waiting_.empty()) {
    if (budget->is_spent()) return false;
    budget->SpendBytes(WorkBudget::kBytesPerUnit + waiting_.front().message.size());
    AdmitFirst();
  }
  return true;
}

void CatalogGate::AdmitFirst() {
  const Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  bytes_ -= first.message.size();
  sink_->OnAdmitted(first.client, first.message);
}

void CatalogGate::Clear() {
  waiting_.clear();
  waiting_.shrink_to_fit();
  bytes_ = 0;
}

}  // namespace fsubs
