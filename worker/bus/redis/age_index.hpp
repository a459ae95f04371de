// How old the entries of a stream are, about: their ids are no times.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

namespace fsubs {

class AgeIndex {
 public:
  // Entries are old after `age_ms`.
  explicit AgeIndex(uint64_t age_ms)
      : age_ms_(age_ms), step_ms_(std::max(age_ms / kSteps, kLeastStepMs)) {}

  // Everything up to `sequence` had been appended at `now_ms`. Call now and then, about once a
  // second.
  void Note(uint64_t now_ms, uint64_t sequence) {
    if (now_ms - noted_ms_ < step_ms_) return;
    noted_ms_ = now_ms;
    if (!marks_.empty() && marks_.back().sequence >= sequence) return;
    marks_.push_back({now_ms, sequence});
  }

  // The last sequence that is old, if there is one that was not told before.
  std::optional<uint64_t> TakeOld(uint64_t now_ms) {
    std::optional<uint64_t> last;
    while (!marks_.empty() && now_ms - marks_.front().time_ms > age_ms_) {
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
  // How finely ages are told apart.
  static constexpr uint64_t kSteps = 1000;
  static constexpr uint64_t kLeastStepMs = 1000;

  const uint64_t age_ms_;
  const uint64_t step_ms_;
  uint64_t noted_ms_ = 0;  // when it was last told
  std::deque<Mark> marks_;
};

}  // namespace fsubs
