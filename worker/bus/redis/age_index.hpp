// How old the entries of a stream are, about: their ids are no times.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace fsubs {

class AgeIndex {
 public:
  // Everything up to `sequence` had been appended at `now_ms`. Call now and then, about once a
  // second.
  void Note(uint64_t now_ms, uint64_t sequence) {
    if (!marks_.empty() && marks_.back().sequence >= sequence) return;
    marks_.push_back({now_ms, sequence});
  }

  // The last sequence that is older than `age_ms`, if there is one that was not told before.
  std::optional<uint64_t> TakeOlder(uint64_t now_ms, uint64_t age_ms) {
    std::optional<uint64_t> last;
    while (!marks_.empty() && now_ms - marks_.front().time_ms > age_ms) {
      last = marks_.front().sequence;
      marks_.pop_front();
    }
    return last;
  }

 private:
  struct Mark {
    uint64_t time_ms;
    uint64_t sequence;
  };

  std::deque<Mark> marks_;
};

}  // namespace fsubs
