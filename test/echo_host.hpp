// A host of hosted sessions whose clients say back what they hear.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "worker/hosted/session_link.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {

// "boom" has it throw, "open" and "shut" say whether it reads, "ping" and "abort" what it does; a
// number that many bytes to say.
class EchoPeer final : public HostedPeer {
 public:
  EchoPeer(WsTransport* transport, BufferPool* pool, std::vector<std::string>* told)
      : transport_(transport), outbox_(pool), told_(told) {}
  ~EchoPeer() override { told_->push_back("gone"); }

  void OnText(std::string_view message) override {
    if (message == "boom") throw std::runtime_error("boom");
    if (message == "ping") {
      Send({.kind = WsMessage::Kind::kPing, .sequence = 7});
    } else if (message == "abort") {
      transport_->Abort();
    } else if (message == "shut") {
      transport_->SetReading(false);
    } else if (!message.empty() && message.find_first_not_of("0123456789") == message.npos &&
               message.size() < 9) {
      const std::string many(std::stoul(std::string(message)), 'x');
      Send({.kind = WsMessage::Kind::kResponse,
            .head = transport_->HeadOf("id"),
            .body = many,
            .sequence = 5});
    } else {
      Send({.kind = WsMessage::Kind::kMessage, .body = message});
    }
  }
  void OnResume(uint64_t sequence, std::string_view message) override {
    Send({.kind = WsMessage::Kind::kStarted, .id = message, .sequence = sequence});
  }
  void OnBinary() override { Close(kCloseBadRequest, "binary"); }
  void OnTooBig() override { Close(kCloseMessageTooBig, "too big"); }
  void OnPing(std::string_view) override { throw std::logic_error("no host hands pings in"); }
  void OnClose(uint16_t code, std::string_view reason) override { Close(code, reason); }
  void OnHeard() override { ++heard; }
  void OnWritable() override {
    told_->push_back("writable");
    Flush();
  }

  void Send(const WsMessage& message) {
    if (closing_) return;
    if (transport_->Append(message, SIZE_MAX, &outbox_) != Outbox::Result::kAppended) {
      throw std::logic_error("there is always room");
    }
    Flush();
  }
  void Close(uint16_t code, std::string_view reason) {
    Send({.kind = WsMessage::Kind::kClose, .body = reason, .code = code});
    closing_ = true;
    transport_->ExpectClose();
    Flush();
  }
  void Open() { transport_->SetReading(true); }

  size_t unsent() const { return outbox_.size() + transport_->pending(); }

  size_t heard = 0;

 private:
  void Flush() {
    if (outbox_.empty() || transport_->pending() > 0) return;
    (void)transport_->Write(outbox_.bytes());
    outbox_.Clear();
  }

  WsTransport* const transport_;
  Outbox outbox_;
  std::vector<std::string>* const told_;
  bool closing_ = false;
};

class EchoHost final : public HostedHost {
 public:
  std::unique_ptr<HostedPeer> OnHostedOpen(WsTransport* transport, HostedOpening opening,
                                           HostedAdmission* admission) override {
    if (opening.peer == "boom") throw std::runtime_error("boom");
    if (opening.peer == "refused") {
      admission->code = kCloseForbidden;
      admission->reason = refusal;
      return nullptr;
    }
    auto peer = std::make_unique<EchoPeer>(transport, &pool_, &told);
    peers.push_back(peer.get());
    openings.push_back(std::move(opening));
    return peer;
  }
  size_t max_message_size() const override { return 1000; }

  std::string refusal = "Forbidden";  // what it says to those that it refuses
  std::vector<EchoPeer*> peers;       // in the order of their openings; some may be gone
  std::vector<HostedOpening> openings;
  std::vector<std::string> told;  // by those that are gone, or may write again

 private:
  BufferPool pool_;
};

// A command, and what is in front of it.
inline std::string MakeCommand(session::CommandKind kind, uint32_t number,
                               std::string_view payload = {}) {
  std::string bytes;
  session::Append(static_cast<uint32_t>(session::kCommandHeader + payload.size()), &bytes);
  session::Append(static_cast<uint8_t>(kind), &bytes);
  session::Append(number, &bytes);
  return bytes.append(payload);
}

// A frame as its host reads it.
struct ReadFrame {
  session::FrameKind kind;
  uint32_t session;
  uint64_t position;
  std::string id;
  std::string payload;
};

// Takes frames apart; throws std::logic_error if they are none.
inline std::vector<ReadFrame> ReadFrames(std::string_view bytes) {
  const auto require = [](bool holds) {
    if (!holds) throw std::logic_error("these are no frames");
  };
  std::vector<ReadFrame> frames;
  while (!bytes.empty()) {
    require(bytes.size() >= session::kLengthSize);
    const auto length = session::Load<uint32_t>(bytes.data());
    bytes.remove_prefix(session::kLengthSize);
    require(length >= session::kFrameHeader && length <= bytes.size());
    ReadFrame frame{.kind = static_cast<session::FrameKind>(bytes[0]),
                    .session = session::Load<uint32_t>(bytes.data() + 1),
                    .position = session::Load<uint64_t>(bytes.data() + 5)};
    const auto id_length = session::Load<uint16_t>(bytes.data() + 13);
    require(session::kFrameHeader + id_length <= length);
    frame.id = bytes.substr(session::kFrameHeader, id_length);
    frame.payload =
        bytes.substr(session::kFrameHeader + id_length, length - session::kFrameHeader - id_length);
    require(frame.kind >= session::FrameKind::kMessage &&
            frame.kind <= session::FrameKind::kStarted);
    frames.push_back(std::move(frame));
    bytes.remove_prefix(length);
  }
  return frames;
}

}  // namespace fsubs
