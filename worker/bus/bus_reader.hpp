// What brings a node its events and its catalog, where PostgreSQL's backends do not write them into
// its ring themselves.
#pragma once

#include <uv.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "worker/bus/private_ring.hpp"

namespace fsubs {

// How a bus is doing, for /readyz, metrics and the log.
struct BusState {
  bool is_connected = false;
  std::string trouble;  // why events may not arrive, on one line; empty: they do
  uint64_t behind = 0;  // events that are known to wait in the bus
};

// What a bus still needs of the system when the sandbox is closed.
struct BusNeeds {
  bool connects = false;              // by TCP
  bool connects_locally = false;      // by Unix sockets, too
  std::vector<std::string> readable;  // files and directories
};

class BusReader {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // Events in their order: those of a transaction, or of a read. What the bus gives as data was
    // checked to be valid UTF-8; shards check that it is JSON.
    virtual void OnEvents(std::span<const BusEvent> events) = 0;
    // A snapshot of the catalog (docs/side-door.md). Events that follow are served by it. A reader
    // hands no records of the kind kCatalogChanged to OnEvents: it calls this.
    virtual void OnCatalog(std::string snapshot_json) = 0;
    virtual void OnState(const BusState& state) = 0;
    // The bus has ended, and brings no more.
    virtual void OnEnd() = 0;
    // Bytes of the largest record that the ring takes. What is larger becomes a loss.
    virtual uint64_t LargestRecord() const = 0;
    // Bytes of records (EncodedSize) that shards have room for. A reader whose bus keeps what is
    // not read waits until there is some, and so loses nothing; it looks again by a timer.
    virtual uint64_t Room() const = 0;
  };

  virtual ~BusReader() = default;

  // Open what needs rights that the sandbox takes away. Called on the control thread, before
  // Attach. Returns an empty string, or why the bus cannot be read.
  virtual std::string Open() = 0;
  // Known once Open has succeeded.
  virtual BusNeeds needs() const { return {}; }
  // Read on `loop`, whose thread is the bus's own. The reader and `sink` live as long as the loop.
  virtual void Attach(uv_loop_t* loop, Sink* sink) = 0;
  // Hand on no more. Called on the loop's thread.
  virtual void Stop() = 0;
};

}  // namespace fsubs
