#include "worker/authenticate_queue.hpp"

#include <utility>

#include "worker/json/json_tree.hpp"

namespace fsubs {
namespace {

constexpr char kGivenUp[] = "the client has gone";

size_t SizeOf(const AuthenticateQueue::Call& call) {
  return call.claims.size() + call.init_payload.size() + call.headers.size();
}

bool IsGivenUp(const AuthenticateQueue::Call& call) {
  return call.asker && call.asker->expired();
}

bool HasUtf8Only(const AuthenticateQueue::Call& call) {
  return IsUtf8(call.claims) && IsUtf8(call.init_payload) && IsUtf8(call.headers);
}

}  // namespace

void AuthenticateQueue::Add(Call call, uint64_t deadline_ms, Reply reply) {
  const size_t size = SizeOf(call);
  if (size > kMaxCallBytes || !HasUtf8Only(call)) {
    reply({.error = "what the client presents itself with is too long, or not UTF-8"});
    return;
  }
  Line& line = LineOf(call);
  if (line.entries.size() >= kMaxWaiting || line.bytes + size > kMaxWaitingBytes) {
    reply({.error = "too many log-ins wait for the function"});
    return;
  }
  line.bytes += size;
  line.entries.push_back({std::move(call), deadline_ms, std::move(reply)});
  SendSome();
}

AuthenticateQueue::Line* AuthenticateQueue::NextLine() {
  for (Line& line : waiting_) {
    if (!line.entries.empty()) return &line;
  }
  return nullptr;
}

void AuthenticateQueue::SendSome() {
  while (sent_.size() < kMaxSent) {
    Line* const line = NextLine();
    if (line == nullptr) return;
    const Call& next = line->entries.front().call;
    const bool is_given_up = IsGivenUp(next);
    if (!is_given_up && !send_(last_number_ + 1, next)) return;
    Entry entry = std::move(line->entries.front());
    line->entries.pop_front();
    line->bytes -= SizeOf(entry.call);
    entry.call = {};
    if (is_given_up) {
      entry.reply({.error = kGivenUp});
    } else {
      sent_.emplace(++last_number_, std::move(entry));
    }
  }
}

void AuthenticateQueue::OnProcessGone() {
  for (auto& [number, entry] : std::exchange(sent_, {})) {
    if (entry.reply) entry.reply({.error = "the process that runs the function has ended"});
  }
  SendSome();
}

void AuthenticateQueue::OnAnswer(uint64_t number, Answer answer) {
  const auto found = sent_.find(number);
  if (found == sent_.end()) return;
  const Reply reply = std::move(found->second.reply);
  sent_.erase(found);
  SendSome();
  if (reply) reply(std::move(answer));
}

void AuthenticateQueue::Expire(uint64_t now_ms) {
  const Answer late{.error = "the function did not answer in time"};
  for (auto& [number, entry] : sent_) {
    if (!entry.reply || entry.deadline_ms > now_ms) continue;
    std::exchange(entry.reply, nullptr)(late);
  }
  for (Line& line : waiting_) {
    std::erase_if(line.entries, [&](Entry& entry) {
      const bool is_late = entry.deadline_ms <= now_ms;
      if (!is_late && !IsGivenUp(entry.call)) return false;
      line.bytes -= SizeOf(entry.call);
      entry.reply(is_late ? late : Answer{.error = kGivenUp});
      return true;
    });
  }
}

}  // namespace fsubs
