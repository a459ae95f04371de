// The two shared regions, mapped into this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "contract/ring_layout.hpp"
#include "worker/event_ring.hpp"

namespace fsubs {

class MappedRing final : public EventRing {
 public:
  // Map what the launcher passed. Returns null, and says why in `*error`, if that is not a ring of
  // this layout.
  static std::unique_ptr<MappedRing> Map(int ring_fd, int reader_page_fd, std::vector<int> wake_fds,
                                         std::string* error);

  ~MappedRing() override;
  MappedRing(const MappedRing&) = delete;
  MappedRing& operator=(const MappedRing&) = delete;

  const RingHeader* ring() const override { return ring_; }
  ReaderPage* reader_page() const override { return page_; }
  const std::vector<int>& wake_fds() const override { return wake_fds_; }

 private:
  MappedRing() = default;

  const RingHeader* ring_ = nullptr;
  size_t ring_bytes_ = 0;
  ReaderPage* page_ = nullptr;
  std::vector<int> wake_fds_;
};

}  // namespace fsubs
