// Holds clients' messages back while a catalog change that was committed before them is not in
// force yet: what a client asks for after it was registered must be known.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "contract/ring_layout.hpp"
#include "worker/base/work_budget.hpp"

namespace fsubs {

class CatalogGate {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // Messages that waited may be handled: call Continue.
    virtual void OnOpen() = 0;
    // A message that waited. Its client may have left.
    virtual void OnAdmitted(uint64_t client, std::string_view message) = 0;
  };

  // Past any, messages are handled with the catalog that is there.
  struct Limits {
    uint64_t max_wait_ms = 2000;
    size_t max_waiting = 10000;  // messages
    size_t max_bytes = 64 * 1024 * 1024;
  };

  CatalogGate(Limits limits, Sink* sink) : limits_(limits), sink_(sink) {}
  CatalogGate(const CatalogGate&) = delete;
  CatalogGate& operator=(const CatalogGate&) = delete;

  // Keep time on `loop`, which the gate does not outlive.
  void Attach(uv_loop_t* loop);

  // A record that starts at `position` or contains it says that the catalog changed.
  void OnChanged(Position position) { changed_ = std::max(changed_, position + 1); }

  // A catalog is in force that contains every change before `end`.
  void OnCovered(Position end);

  // Whether a message that comes now may be handled now: the catalog is current and no message
  // waits that came before.
  bool is_open() const { return is_current() && waiting_.empty(); }

  // Whether the catalog in force contains every change that is known of. If not, rules may have
  // become stricter, and none is to be delivered what they forbid.
  bool is_covered() const { return covered_ >= changed_; }

  // Hand `message` to the sink when the gate opens, in the order of the calls.
  void Hold(uint64_t client, std::string_view message);

  // Hand messages to the sink if they may be handled, until the budget is spent. Returns whether
  // there is nothing left to do.
  bool Continue(WorkBudget* budget);

  // Drop what waits.
  void Clear();

 private:
  struct Waiting {
    uint64_t client;
    std::string message;
  };

  bool is_current() const { return std::max(covered_, given_up_) >= changed_; }
  bool is_full() const {
    return waiting_.size() > limits_.max_waiting || bytes_ > limits_.max_bytes;
  }
  void Open();
  void GiveUp();
  void AdmitFirst();

  const Limits limits_;
  Sink* const sink_;
  uv_timer_t timer_{};
  // Each is where it ends: the record that starts there is not among them.
  Position changed_ = 0;
  Position covered_ = 0;
  Position given_up_ = 0;
  std::deque<Waiting> waiting_;
  size_t bytes_ = 0;  // of them
};

}  // namespace fsubs
