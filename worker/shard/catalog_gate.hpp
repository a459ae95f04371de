// Holds clients' messages back while a catalog change that was committed before them is not in
// force yet: what a client asks for after it was registered must be known.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "contract/ring_layout.hpp"

namespace fsubs {

class CatalogGate {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // A message that waited may be handled. Its client may have left.
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

  // The record at `position` says that the catalog changed.
  void OnChanged(Position position) { changed_ = position; }

  // A catalog is in force that contains every change up to `position`.
  void OnCovered(Position position);

  // Whether a message that comes now may be handled now: the catalog is current and no message
  // waits that came before.
  bool is_open() const { return is_current() && waiting_.empty(); }

  // Hand `message` to the sink when the gate opens, in the order of the calls.
  void Hold(uint64_t client, std::string_view message);

  // Drop what waits.
  void Clear();

 private:
  struct Waiting {
    uint64_t client;
    std::string message;
  };

  bool is_current() const { return covered_ >= changed_; }
  void GiveUp();
  void Admit();

  const Limits limits_;
  Sink* const sink_;
  uv_timer_t timer_{};
  Position changed_ = 0;
  Position covered_ = 0;
  std::vector<Waiting> waiting_;
  size_t bytes_ = 0;  // of them
};

}  // namespace fsubs
