// The ring that the shards read, wherever it comes from.
#pragma once

#include <vector>

#include "contract/ring_layout.hpp"

namespace fsubs {

class EventRing {
 public:
  virtual ~EventRing() = default;

  virtual const RingHeader* ring() const = 0;
  virtual ReaderPage* reader_page() const = 0;
  // What wakes each shard: as many message queues as there are shards.
  virtual const std::vector<int>& wake_fds() const = 0;
};

}  // namespace fsubs
