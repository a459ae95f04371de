// The two shared regions, mapped into this process.
#pragma once

#include <memory>
#include <string>

#include "contract/ring_layout.hpp"

namespace fsubs {

class MappedRing {
 public:
  // Map what the launcher passed. Returns null, and says why in `*error`, if that is not a ring of
  // this layout.
  static std::unique_ptr<MappedRing> Map(int ring_fd, int reader_page_fd, std::string* error);

  ~MappedRing();
  MappedRing(const MappedRing&) = delete;
  MappedRing& operator=(const MappedRing&) = delete;

  const RingHeader* ring() const { return ring_; }
  ReaderPage* reader_page() const { return page_; }

 private:
  MappedRing() = default;

  const RingHeader* ring_ = nullptr;
  size_t ring_bytes_ = 0;
  ReaderPage* page_ = nullptr;
};

}  // namespace fsubs
