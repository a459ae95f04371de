// A connection while it speaks HTTP: one request after the other, each answered before the next is
// read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/limits/token_bucket.hpp"
#include "worker/socket/connection.hpp"
#include "worker/socket/request_parser.hpp"
#include "worker/socket/session.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

class HttpSession final : public Session {
 public:
  explicit HttpSession(Connection* connection) : connection_(connection) {}

  // Session
  void OnBytes(std::span<unsigned char> bytes) override;
  void OnEnd() override;
  void OnWritable() override;
  void OnSoon() override;
  void OnLate() override;
  void OnFault() override;

  // HttpSocket
  std::optional<uint64_t> CountRequest(const LimitValue& rate, uint64_t now_us);
  void Reply(const HttpReply& reply);
  void StartStream(const HttpReply& reply);
  WriteResult Write(std::string_view bytes);
  size_t pending() const { return stage_ == Stage::kStreaming ? connection_->pending() : 0; }
  size_t unacknowledged() const { return connection_->unacknowledged(); }
  void EndStream();
  void Abort() { connection_->Abort(); }
  std::string Peer() const { return connection_->Peer(); }

 private:
  enum class Stage : uint8_t {
    kReading,    // a request
    kWaiting,    // for its owner's reply
    kReplied,    // the reply is written
    kStreaming,  // the reply has no end yet
    kFlushing,   // the peer has not read all of the reply
    kUpgrading,
  };

  // Read and answer requests for as long as there are any.
  void Proceed();
  // Reads what has come of a request. Returns false if more must come first.
  bool ReadRequest();
  void OnHead();
  void Hand();
  void Upgrade();
  // The reply is written: on to the next request, or to the end.
  void FinishReply();
  void Refuse(HttpReply reply);
  void WriteReply(const HttpReply& reply);

  Connection* const connection_;
  std::string input_;                      // what came and was not used up
  std::unique_ptr<RequestParser> parser_;  // of the request that is read
  std::unique_ptr<HttpPeer> peer_;
  std::unique_ptr<TokenBucket> requests_;  // null: none was counted
  size_t progress_ = 0;                    // of a body: bytes; of a reply: what is left of it
  Stage stage_ = Stage::kReading;
  bool head_only_ = false;   // the request is a HEAD
  bool keep_alive_ = false;  // another request may follow
  bool in_body_ = false;     // the head of the request has been dealt with
  bool ended_ = false;       // the peer sends nothing more
};

}  // namespace fsubs
