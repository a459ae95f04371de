#include "worker/bus/private_ring.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "contract/ring_writer.hpp"
#include "worker/base/clock.hpp"

namespace fsubs {
namespace {

// Part of the ring that is published at once, at most: shards read it while the rest is written.
constexpr uint64_t kMaxBatchShare = 4;

void* MapMemory(size_t bytes) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

std::unique_ptr<PrivateRing> PrivateRing::Make(uint64_t capacity, size_t shards,
                                               std::string* error) {
  const auto fail = [&](const char* what) {
    *error = std::string(what) + ": " + std::strerror(errno);
    return nullptr;
  };
  std::unique_ptr<PrivateRing> made(new PrivateRing);
  made->ring_bytes_ = kRingHeaderSize + capacity;
  made->ring_ = static_cast<RingHeader*>(MapMemory(made->ring_bytes_));
  if (made->ring_ == nullptr) return fail("no memory for an event ring of that size");
  InitRing(made->ring_, capacity, static_cast<uint64_t>(NowUs()));
  void* const page = MapMemory(sizeof(ReaderPage));
  if (page == nullptr) return fail("no memory");
  made->page_ = new (page) ReaderPage{};
  for (size_t i = 0; i < shards; ++i) {
    WakeQueue queue;
    if (!OpenWakeQueue(&queue)) {
      return fail(
          "could not make a message queue for each shard (fs.mqueue.queues_max and \"ulimit -q\" "
          "limit them)");
    }
    made->wake_queues_.push_back(queue);
    made->wake_fds_.push_back(queue.receive_fd);
  }
  return made;
}

PrivateRing::~PrivateRing() {
  for (WakeQueue& queue : wake_queues_) CloseWakeQueue(&queue);
  if (page_ != nullptr) munmap(page_, sizeof(ReaderPage));
  if (ring_ != nullptr) munmap(ring_, ring_bytes_);
}

// Records that become readable together, unless they are too many for the ring.
class PrivateRing::Batch {
 public:
  explicit Batch(PrivateRing* ring) : ring_(ring), appender_(ring->ring_) {}

  // REQUIRES: ring->Fits(record).
  void Add(const EventRecord& record) {
    const size_t bytes = EncodedSize(record);
    if (bytes_ + bytes > ring_->ring_->capacity / kMaxBatchShare) Publish();
    ring_->encoded_.resize(bytes / 8);
    Encode(record, ring_->encoded_.data());
    appender_.Append(ring_->encoded_.data());
    bytes_ += bytes;
  }

  // For the subscribers of all channels: which ones the events were of is not known.
  void AddLoss(uint64_t count) {
    char digits[kLossCountLength + 1];
    std::snprintf(digits, sizeof(digits), "%*llu", static_cast<int>(kLossCountLength),
                  static_cast<unsigned long long>(count));
    EventRecord record;
    record.kind = RecordKind::kEventsLost;
    record.commit_time_us = NowUs();
    record.data = digits;
    Add(record);
  }

  void Publish() {
    if (bytes_ == 0) return;
    appender_.Publish();
    ring_->Wake();
    bytes_ = 0;
  }

 private:
  PrivateRing* const ring_;
  RingAppender appender_;
  uint64_t bytes_ = 0;  // not published yet
};

void PrivateRing::Append(std::span<const BusEvent> events) {
  Batch batch(this);
  uint64_t lost = 0;
  for (const BusEvent& event : events) {
    lost += event.lost;
    if (!Fits(event.record)) {
      ++lost;
      continue;
    }
    if (lost > 0) batch.AddLoss(lost);
    lost = 0;
    batch.Add(event.record);
  }
  if (lost > 0) batch.AddLoss(lost);
  batch.Publish();
}

bool PrivateRing::Fits(const EventRecord& record) const {
  return EncodedSize(record) <= LargestRecord() &&
         std::max({record.event_type.size(), record.channel.size(), record.correlation_id.size(),
                   record.subgraph.size()}) <= kMaxNameLength;
}

uint64_t PrivateRing::UnreadRoom() const {
  return fsubs::UnreadRoom(ring_, page_, wake_queues_.size());
}

void PrivateRing::Wake() {
  ring_->transactions.fetch_add(1, std::memory_order_relaxed);
  uint64_t woken = TakeSleepingShards(ring_, page_, wake_queues_.size());
  for (; woken != 0; woken &= woken - 1) SendWake(wake_queues_[__builtin_ctzll(woken)]);
}

}  // namespace fsubs
