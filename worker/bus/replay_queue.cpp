#include "worker/bus/replay_queue.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/log.hpp"

namespace fsubs {

void ReplayQueue::Add(std::span<const BusEvent> events) {
  for (const BusEvent& event : events) {
    const uint64_t epoch = event.record.origin.epoch;
    if (runs_.empty() || runs_.back().epoch != epoch) runs_.push_back({.epoch = epoch});
    Item item;
    item.bytes.resize(EncodedSize(event.record) / 8);
    Encode(event.record, item.bytes.data());
    // It cannot fail, since it was encoded here.
    (void)Decode({reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size() * 8},
                 &item.event.record);
    item.event.lost = event.lost;
    // Nothing has to be replayed before a loss can be told.
    if (event.record.kind == RecordKind::kEvent) item.lsn = event.record.commit_lsn;
    Run& run = runs_.back();
    ++run.items;
    if (item.lsn != 0) run.least_lsn = std::min(run.least_lsn, item.lsn);
    bytes_ += item.bytes.size() * 8;
    ++events_;
    items_.push_back(std::move(item));
  }
}

void ReplayQueue::AddCatalog(std::string snapshot_json) {
  if (runs_.empty()) runs_.push_back({.epoch = 0});
  ++runs_.back().items;
  Item item;
  item.catalog = std::move(snapshot_json);
  items_.push_back(std::move(item));
}

void ReplayQueue::Release(uint64_t replayed_lsn, const Sink& sink) {
  std::vector<BusEvent> ready;
  std::vector<std::vector<uint64_t>> bytes;  // that they point to
  const auto hand_out = [&] {
    if (!ready.empty()) sink.on_events(ready);
    ready.clear();
    bytes.clear();
  };
  uint64_t abandoned = 0;
  while (!items_.empty()) {
    Item& item = items_.front();
    if (item.catalog) {
      hand_out();
      sink.on_catalog(std::move(*item.catalog));
    } else if (item.lsn <= replayed_lsn) {
      item.event.lost += std::exchange(lost_, 0);
      ready.push_back(item.event);
      bytes_ -= item.bytes.size() * 8;
      bytes.push_back(std::move(item.bytes));
    } else if (IsAbandoned(replayed_lsn)) {
      lost_ += item.event.lost + 1;
      bytes_ -= item.bytes.size() * 8;
      ++abandoned;
    } else {
      break;
    }
    DropFront();
  }
  hand_out();
  if (abandoned > 0) {
    Log(LogLevel::kWarning,
        "%llu events of the server that published before will not be replayed here: its last "
        "commits are lost",
        static_cast<unsigned long long>(abandoned));
  }
}

// Whether the first item waits for WAL that was never to be.
bool ReplayQueue::IsAbandoned(uint64_t replayed_lsn) const {
  return std::any_of(runs_.begin() + 1, runs_.end(),
                     [&](const Run& run) { return run.least_lsn <= replayed_lsn; });
}

void ReplayQueue::DropFront() {
  if (!items_.front().catalog) --events_;
  items_.pop_front();
  if (--runs_.front().items == 0) runs_.pop_front();
}

void ReplayQueue::Clear() {
  items_.clear();
  runs_.clear();
  events_ = 0;
  bytes_ = 0;
}

}  // namespace fsubs
