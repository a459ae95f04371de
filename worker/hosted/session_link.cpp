#include "worker/hosted/session_link.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/hosted/hosted_session.hpp"
#include "worker/hosted/opening_reader.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {
namespace {

using session::CommandKind;
using session::Take;

// Frames are joined in pieces of about so many bytes.
constexpr size_t kPiece = 64 * 1024;

// What a command costs beside its bytes.
constexpr size_t kCommandCost = 4;

// What it costs to destroy a session.
constexpr size_t kBurialCost = 16;

}  // namespace

SessionLink::SessionLink(HostedHost* host) : host_(host) {}

SessionLink::~SessionLink() = default;

void SessionLink::Add(std::string commands) {
  if (!commands.empty()) commands_.push_back(std::move(commands));
}

void SessionLink::Add(Take take) {
  if (take == Take::kNothing) return;
  // Whoever asks again does not wait for the answer any more.
  std::fill(takes_.begin(), takes_.end(), Take::kAtOnce);
  takes_.push_back(take);
}

// What an owner throws ends its session alone.
template <typename Function>
void SessionLink::Guard(HostedSession* session, Function function) {
  try {
    function();
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "closing a hosted session: %s", error.what());
    session->End(kCloseInternalServerError, "Internal server error");
  }
}

bool SessionLink::Continue(WorkBudget* budget) {
  const size_t max_message_size = host_->max_message_size();
  for (const uint32_t number : std::exchange(continuing_, {})) {
    const auto found = sessions_.find(number);
    if (found == sessions_.end()) continue;
    HostedSession* const session = found->second.get();
    Guard(session, [&] { session->Continue(max_message_size); });
  }
  while (!commands_.empty() && report_.failure.empty() && !given_up_) {
    CommandReader reader(std::string_view(commands_.front()).substr(handled_in_first_));
    SessionCommand command;
    while (report_.failure.empty() && !budget->is_spent() && reader.Next(&command)) {
      budget->Spend(kCommandCost);
      budget->SpendBytes(command.payload.size());
      const size_t kept = kept_bytes_;
      Handle(command);
      const size_t handled = commands_.front().size() - handled_in_first_ - reader.rest();
      handled_in_first_ += handled;
      NoteHandled(handled - std::min(handled, kept_bytes_ - std::min(kept, kept_bytes_)));
    }
    if (budget->is_spent() && reader.rest() > 0) return false;
    commands_.pop_front();
    handled_in_first_ = 0;
  }
  return continuing_.empty();
}

void SessionLink::RemoveKept(size_t bytes) {
  kept_bytes_ -= bytes;
  NoteHandled(bytes);
}

void SessionLink::Fail(std::string problem) {
  report_.failure = std::move(problem);
}

void SessionLink::Handle(const SessionCommand& command) {
  if (command.kind == CommandKind::kOpen) {
    Open(command);
    return;
  }
  const auto found = sessions_.find(command.session);
  if (found != sessions_.end()) {
    HostedSession* const session = found->second.get();
    Guard(session, [&] { session->Handle(command, host_->max_message_size()); });
  } else if (command.session > highest_) {
    Fail("session " + std::to_string(command.session) + " was not opened");
  }
  // The worker may have closed it before the host could know.
}

void SessionLink::Open(const SessionCommand& command) {
  const uint32_t number = command.session;
  HostedOpening opening;
  // Much of it is the client's, who must not end the sessions of others.
  const std::string problem = command.payload.size() > session::kMaxOpening
                                  ? "it is too long"
                                  : ReadOpening(command.payload, &opening);
  Settle();
  const auto [at, is_new] = sessions_.try_emplace(number);
  if (!is_new) {
    Fail("session " + std::to_string(number) + " is open already");
    return;
  }
  highest_ = std::max(highest_, number);
  at->second = std::make_unique<HostedSession>(this, number, opening.peer);
  HostedSession* const session = at->second.get();
  if (!problem.empty()) {
    session->End(kCloseBadRequest, "Invalid opening: " + problem);
    return;
  }
  Guard(session, [&] {
    HostedAdmission admission;
    auto owner = host_->OnHostedOpen(session, std::move(opening), &admission);
    if (owner) {
      session->SetOwner(std::move(owner), std::move(admission.share));
    } else {
      session->End(admission.code, admission.reason);
    }
  });
}

void SessionLink::Append(std::string_view frames) {
  if (given_up_) return;
  if (!has_room()) beyond_room_ += frames.size();
  waiting_bytes_ += frames.size();
  while (!frames.empty()) {
    const size_t length = session::kLengthSize + session::Load<uint32_t>(frames.data());
    const std::string_view frame = frames.substr(0, length);
    if (frames_.empty() || frames_.back().size() + length > kPiece) {
      frames_.emplace_back(frame);
    } else {
      frames_.back() += frame;
    }
    frames.remove_prefix(length);
  }
  if (beyond_room_ > session::kMaxBeyondRoom) Fail("its frames are not taken");
}

void SessionLink::GiveUp() {
  given_up_ = true;
  waiting_bytes_ = beyond_room_ = 0;
  frames_.clear();
  commands_.clear();
}

bool SessionLink::Bury(WorkBudget* budget) {
  GiveUp();
  while (!sessions_.empty()) {
    if (budget->is_spent()) return false;
    budget->Spend(kBurialCost);
    sessions_.erase(sessions_.begin());
  }
  return true;
}

void SessionLink::Settle() {
  while (has_room() && !blocked_.empty()) {
    const uint32_t number = blocked_.front();
    blocked_.pop_front();
    const auto found = sessions_.find(number);
    if (found == sessions_.end()) continue;
    HostedSession* const session = found->second.get();
    Guard(session, [&] { session->OnRoom(); });
  }
  while (!over_.empty()) {
    for (const uint32_t number : std::exchange(over_, {})) sessions_.erase(number);
  }
}

LinkReport SessionLink::TakeReport() {
  while (!takes_.empty() && (takes_.front() == Take::kAtOnce || waiting_bytes_ > 0)) {
    takes_.pop_front();
    report_.frames.push_back(TakeFrames());
    Settle();
  }
  return std::exchange(report_, {});
}

std::string SessionLink::TakeFrames() {
  std::string taken;
  while (!frames_.empty() && taken.size() < session::kMaxTaken) {
    if (taken.empty()) {
      taken = std::move(frames_.front());
    } else {
      taken += frames_.front();
    }
    frames_.pop_front();
  }
  waiting_bytes_ -= taken.size();
  if (has_room()) beyond_room_ = 0;
  return taken;
}

}  // namespace fsubs
