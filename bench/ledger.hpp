// Accounts for every message of a run: what was published, what arrived, when, and what went wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/report.hpp"
#include "bench/sequence_check.hpp"

namespace fsubs::bench {

class Ledger {
 public:
  // With `keys` subscription i is to get the events whose sequence number modulo `keys` is i, and
  // those from `keys` on none; without, each is to get all. REQUIRES: keys <= subscriptions.
  Ledger(size_t subscriptions, size_t keys) : copies_(keys > 0 ? 1 : subscriptions) {
    const size_t receivers = keys > 0 ? keys : subscriptions;
    for (size_t i = 0; i < receivers; ++i) {
      checks_.emplace_back(keys > 0 ? static_cast<int64_t>(i) : 0,
                           keys > 0 ? static_cast<int64_t>(keys) : 1);
    }
  }

  // Events `first`, `first + stride` and so on are on their way.
  void Publish(int64_t first, int64_t stride, int64_t count, int64_t now) {
    const auto last = static_cast<size_t>(first + stride * (count - 1));
    if (events_.size() <= last) events_.resize(last + 1);
    for (int64_t i = 0; i < count; ++i) {
      events_[static_cast<size_t>(first + stride * i)].sent_at = now;
    }
    if (in_flight_ == 0) progress_at_ = now;
    in_flight_ += count;
  }

  void Receive(size_t subscription, int64_t sequence, int64_t sent_at, int64_t now) {
    if (subscription >= checks_.size()) {
      return ReceiveUnexpected("event " + std::to_string(sequence) + ", which was for others");
    }
    if (sequence < 0 || static_cast<size_t>(sequence) >= events_.size() ||
        events_[static_cast<size_t>(sequence)].sent_at != sent_at) {
      return ReceiveUnexpected("event " + std::to_string(sequence) + ", which was not sent");
    }
    progress_at_ = now;
    switch (checks_[subscription].Receive(sequence)) {
      case SequenceCheck::Verdict::kInOrder:
        break;
      case SequenceCheck::Verdict::kReordered:
        ++reordered_;
        break;
      case SequenceCheck::Verdict::kDuplicated:
        ++duplicated_;
        return;
      case SequenceCheck::Verdict::kForeign:
        return ReceiveUnexpected("event " + std::to_string(sequence) + " of another subscriber");
    }
    ++messages_;
    if (timing_messages_) delays_.push_back(now - sent_at);
    Event& event = events_[static_cast<size_t>(sequence)];
    if (++event.copies < copies_) return;
    ++completed_;
    --in_flight_;
    if (timing_) completions_.push_back(now - sent_at);
  }

  void ReceiveUnexpected(std::string_view message) {
    if (unexpected_++ == 0) first_unexpected_ = message.substr(0, 300);
  }

  // Remember, from now on, how long events take to reach their last subscriber, and `messages` too.
  void StartTiming(bool messages) {
    timing_ = true;
    timing_messages_ = messages;
  }

  void StopTiming() { timing_ = timing_messages_ = false; }

  int64_t in_flight() const { return in_flight_; }      // events not yet with all subscribers
  int64_t progress_at() const { return progress_at_; }  // when something was last received
  uint64_t messages() const { return messages_; }       // received
  uint64_t completed() const { return completed_; }     // events with all subscribers

  void Describe(Report* report) const {
    if (!delays_.empty()) {
      report->Add("delay_p50_ms", Percentile(delays_, 0.5) / 1e6);
      report->Add("delay_p99_ms", Percentile(delays_, 0.99) / 1e6);
    }
    report->Add("to_last_p50_ms", Percentile(completions_, 0.5) / 1e6);
    report->Add("to_last_p99_ms", Percentile(completions_, 0.99) / 1e6);
    uint64_t lost = 0;
    for (const Event& event : events_) {
      if (event.sent_at != 0) lost += copies_ - event.copies;
    }
    report->Add("lost", lost);
    report->Add("duplicated", duplicated_);
    report->Add("reordered", reordered_);
    report->Add("unexpected", unexpected_);
    report->Add("first_unexpected", first_unexpected_);
  }

 private:
  struct Event {
    int64_t sent_at = 0;  // 0: not published
    size_t copies = 0;    // received
  };

  size_t copies_;                      // of each event that are to arrive
  std::vector<SequenceCheck> checks_;  // by subscription that is to get events
  std::vector<Event> events_;          // by sequence number
  bool timing_ = false;
  bool timing_messages_ = false;
  std::vector<int64_t> delays_;  // of messages, nanoseconds
  std::vector<int64_t> completions_;
  int64_t in_flight_ = 0;
  int64_t progress_at_ = 0;
  uint64_t messages_ = 0;
  uint64_t completed_ = 0;
  uint64_t duplicated_ = 0;
  uint64_t reordered_ = 0;
  uint64_t unexpected_ = 0;
  std::string first_unexpected_;
};

}  // namespace fsubs::bench
