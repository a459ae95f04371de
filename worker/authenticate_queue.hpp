// Log-ins that wait for the function which the setting `authenticate` names.
//
// The process that runs it works on one at a time, so a few are sent to it and the others wait
// here, each until its own time has run out or nobody waits for it any more. Those with a verified
// token go first and have room of their own: anybody can ask without one. Whatever goes wrong, the
// answer is a refusal.
//
// Control thread only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "worker/shard/shard.hpp"

namespace fsubs {

class AuthenticateQueue {
 public:
  using Call = ShardHost::AuthenticateCall;
  using Answer = ShardHost::AuthenticateAnswer;
  using Reply = std::function<void(Answer)>;
  // Returns false if there is no process to send it to.
  using Send = std::function<bool(uint64_t number, const Call& call)>;

  static constexpr size_t kMaxSent = 4;
  // Of those with a token, and of those without.
  static constexpr size_t kMaxWaiting = 10'000;
  static constexpr size_t kMaxWaitingBytes = 64u << 20;
  static constexpr size_t kMaxCallBytes = 1u << 20;

  explicit AuthenticateQueue(Send send) : send_(std::move(send)) {}

  // `reply` is called once, perhaps before this returns. Times are milliseconds of one clock.
  void Add(Call call, uint64_t deadline_ms, Reply reply);

  // A process is there, or another one.
  void OnProcess() { SendSome(); }
  // What is sent to it gets no answer any more.
  void OnProcessGone();
  // Numbers that are not known are ignored.
  void OnAnswer(uint64_t number, Answer answer);
  // Refuse those whose time has run out, or who are gone.
  void Expire(uint64_t now_ms);

  // Whether none waits for its time to run out.
  bool empty() const {
    return waiting_[0].entries.empty() && waiting_[1].entries.empty() && sent_.empty();
  }

 private:
  struct Entry {
    Call call;
    uint64_t deadline_ms;
    Reply reply;  // null: it was refused, and the process still works on it
  };

  struct Line {
    std::deque<Entry> entries;
    size_t bytes = 0;
  };

  Line& LineOf(const Call& call) { return waiting_[call.claims.empty() ? 1 : 0]; }
  // Whose turn it is; null: nobody waits.
  Line* NextLine();
  void SendSome();

  const Send send_;
  std::array<Line, 2> waiting_;     // with a token, and without
  std::map<uint64_t, Entry> sent_;  // by number
  uint64_t last_number_ = 0;
};

}  // namespace fsubs
