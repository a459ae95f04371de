#include "worker/hosted/hosted_session.hpp"

#include "worker/hosted/session_link.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {
namespace {

using session::CommandKind;
using session::FrameKind;

std::string IdPart(std::string_view id) {
  std::string part;
  session::Append(static_cast<uint16_t>(id.size()), &part);
  return part.append(id);
}

// What stands in front of the operation's id. `rest`: bytes of the record from there on.
std::string FrameHead(FrameKind kind, uint32_t session, uint64_t position, size_t rest) {
  constexpr size_t kBefore = session::kFrameHeader - sizeof(uint16_t);
  std::string head;
  session::Append(static_cast<uint32_t>(kBefore + rest), &head);
  session::Append(static_cast<uint8_t>(kind), &head);
  session::Append(session, &head);
  session::Append(position, &head);
  return head;
}

std::string ClosedFrame(uint32_t session, uint16_t code, std::string_view reason) {
  std::string rest = IdPart({});
  session::Append(code, &rest);
  rest += reason;
  return FrameHead(FrameKind::kClosed, session, 0, rest.size()) + rest;
}

// Bytes of a record that is kept; no more than it has.
size_t CostOf(std::string_view payload) {
  return session::kLengthSize + session::kCommandHeader + payload.size();
}

}  // namespace

// The length of an operation's id has 16 bits.
std::string HostedSession::HeadOf(std::string_view id) const {
  return IdPart(id.substr(0, UINT16_MAX));
}

Outbox::Result HostedSession::Append(const WsMessage& message, size_t room_bytes, Outbox* outbox) {
  using Kind = WsMessage::Kind;
  const auto append = [&](FrameKind kind, std::string_view id_part) {
    const size_t rest =
        id_part.size() + message.head.size() + message.body.size() + message.tail.size();
    if (rest > session::kMaxFrame - session::kFrameHeader) {
      End(kCloseMessageTooBig, "A message is larger than what its link carries");
      return Outbox::Result::kAppended;
    }
    return outbox->AppendBytes({FrameHead(kind, number_, message.sequence, rest), id_part,
                                message.head, message.body, message.tail},
                               room_bytes);
  };
  switch (message.kind) {
    case Kind::kMessage:
      return append(FrameKind::kMessage, HeadOf({}));
    case Kind::kResponse:
      return append(FrameKind::kEvent, {});
    case Kind::kEnd:
      return append(FrameKind::kEnded, HeadOf(message.id));
    case Kind::kStarted:
      return append(FrameKind::kStarted, HeadOf(message.id));
    case Kind::kPing:
      // A host that never tells what it hears vouches for its clients' sockets.
      if (!host_hears_) owner_->OnHeard();
      return append(FrameKind::kPing, HeadOf({}));
    case Kind::kPong:
      return Outbox::Result::kAppended;
    case Kind::kClose:
      break;
  }
  framed_close_ = true;
  code_ = message.code;
  return outbox->AppendBytes(ClosedFrame(number_, message.code, message.body), room_bytes);
}

WriteResult HostedSession::Write(std::string_view frames) {
  if (is_over_) return WriteResult::kBroken;
  const bool is_last = framed_close_ && !told_close_;
  told_close_ = framed_close_;
  if (!link_->has_room() && !(is_last && drops_)) {
    pending_ = frames;
    link_->Block(number_);
    return WriteResult::kPending;
  }
  link_->Append(frames);
  if (told_close_) BeOver();
  return WriteResult::kSent;
}

void HostedSession::OnRoom() {
  if (pending_.empty() || is_over_) return;
  link_->Append(pending_);
  std::string().swap(pending_);
  if (told_close_) {
    BeOver();
  } else {
    owner_->OnWritable();
  }
}

void HostedSession::ExpectClose() {
  if (told_close_) return;
  // What waits was given up, and the host hears of the end although it takes nothing.
  std::string().swap(pending_);
  drops_ = true;
}

void HostedSession::Abort() {
  End(framed_close_ ? code_ : kCloseGoingAway, {});
}

void HostedSession::End(uint16_t code, std::string_view reason) {
  if (is_over_) return;
  std::string().swap(pending_);
  link_->Append(ClosedFrame(number_, code, reason));
  BeOver();
}

void HostedSession::BeOver() {
  is_over_ = true;
  for (const Kept& kept : kept_) link_->RemoveKept(CostOf(kept.payload));
  kept_.clear();
  link_->NoteOver(number_);
}

void HostedSession::SetReading(bool reading) {
  reading_ = reading;
  if (reading && !kept_.empty()) link_->ContinueLater(number_);
}

void HostedSession::Handle(const SessionCommand& command, size_t max_message_size) {
  if (is_over_) return;
  if (command.kind == CommandKind::kHeard || (reading_ && kept_.empty())) {
    Dispatch(command, max_message_size);
    return;
  }
  kept_.push_back({command, std::string(command.payload)});
  link_->AddKept(CostOf(command.payload));
}

void HostedSession::Continue(size_t max_message_size) {
  while (reading_ && !kept_.empty() && !is_over_) {
    const Kept kept = std::move(kept_.front());
    kept_.pop_front();
    link_->RemoveKept(CostOf(kept.payload));
    SessionCommand command = kept.command;
    command.payload = kept.payload;
    Dispatch(command, max_message_size);
  }
}

void HostedSession::Dispatch(const SessionCommand& command, size_t max_message_size) {
  owner_->OnHeard();
  if (command.payload.size() > max_message_size) {
    owner_->OnTooBig();
    return;
  }
  switch (command.kind) {
    case CommandKind::kOpen:
      return;
    case CommandKind::kText:
      owner_->OnText(command.payload);
      return;
    case CommandKind::kResume:
      owner_->OnResume(command.position, command.payload);
      return;
    case CommandKind::kClose:
      owner_->OnClose(command.code, command.payload);
      return;
    case CommandKind::kHeard:
      host_hears_ = true;
      return;
    case CommandKind::kBinary:
      owner_->OnBinary();
      return;
    case CommandKind::kTooBig:
      owner_->OnTooBig();
      return;
  }
}

}  // namespace fsubs
