#include "worker/socket/http_session.hpp"

#include <utility>

#include "worker/socket/http_reply.hpp"
#include "worker/socket/ws_handshake.hpp"
#include "worker/socket/ws_session.hpp"

namespace fsubs {
namespace {

// Requests answered before other connections get their turn.
constexpr size_t kRequestsPerTurn = 2;

// How much of a reply a peer reads at least in the time for that.
constexpr size_t kReplyProgress = 16 * 1024;

// What may come behind a request that is not answered yet.
constexpr size_t kMaxPipelined = 64 * 1024;

}  // namespace

void HttpSession::OnBytes(std::span<unsigned char> bytes) {
  // Nothing follows a stream.
  if (stage_ == Stage::kStreaming) return;
  input_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Proceed();
}

void HttpSession::OnEnd() {
  ended_ = true;
  if (stage_ == Stage::kStreaming) {
    // Nobody ends only its side of a stream.
    Abort();
    return;
  }
  Proceed();
}

void HttpSession::OnWritable() {
  if (stage_ == Stage::kFlushing) {
    stage_ = Stage::kReplied;
    Proceed();
  } else if (stage_ == Stage::kStreaming && peer_) {
    peer_->OnWritable();
  }
}

void HttpSession::OnSoon() {
  Proceed();
}

void HttpSession::Proceed() {
  for (size_t requests = 0; requests < kRequestsPerTurn; ++requests) {
    if (stage_ == Stage::kReading && !ReadRequest()) return;
    if (stage_ == Stage::kReplied) FinishReply();
    if (stage_ != Stage::kReading) break;
  }
  // A client may send requests ahead, but not without end.
  connection_->SetReading(input_.size() <= kMaxPipelined);
  if (stage_ == Stage::kReading) connection_->Soon();
}

bool HttpSession::ReadRequest() {
  if (!parser_) {
    const SocketServerHost& host = *connection_->host();
    parser_ = std::make_unique<RequestParser>(host.max_message_size(), host.wants_headers());
  }
  for (;;) {
    const bool was_untouched = parser_->untouched();
    input_.erase(0, parser_->Feed(input_));
    switch (parser_->state()) {
      case RequestParser::State::kHead:
        if (ended_) {
          connection_->Linger();
        } else if (was_untouched && !parser_->untouched()) {
          connection_->Expect(DeadlineKind::kHead);
        }
        return false;
      case RequestParser::State::kBody:
        if (!in_body_) {
          OnHead();
          continue;
        }
        if (ended_) {
          connection_->Linger();
        } else if (parser_->body_bytes() >= progress_ + kBodyProgress) {
          progress_ = parser_->body_bytes();
          connection_->Expect(DeadlineKind::kBody);
        }
        return false;
      case RequestParser::State::kComplete:
        if (const auto& refusal = connection_->refusal()) {
          Refuse(
              connection_->host()->OnPeerLimited(parser_->head(), connection_->Peer(), *refusal));
        } else if (parser_->offer()) {
          Upgrade();
        } else {
          Hand();
        }
        return true;
      case RequestParser::State::kRefused:
        Refuse(parser_->refusal());
        return true;
    }
  }
}

// A body is to follow.
void HttpSession::OnHead() {
  in_body_ = true;
  progress_ = 0;
  connection_->Expect(DeadlineKind::kBody);
  if (parser_->framing().wants_continue && input_.empty()) {
    (void)connection_->Write("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void HttpSession::Hand() {
  connection_->AskedFor();
  connection_->ExpectNothing();
  stage_ = Stage::kWaiting;
  head_only_ = parser_->method() == HttpMethod::kHead;
  keep_alive_ = parser_->framing().keep_alive;
  HttpRequest request = parser_->Take();
  parser_.reset();
  in_body_ = false;
  if (input_.empty()) std::string().swap(input_);
  peer_ = connection_->host()->OnHttp(HttpSocket(this));
  peer_->OnRequest(std::move(request));
}

void HttpSession::Upgrade() {
  const WebSocketOffer& offer = *parser_->offer();
  if (auto refused = RefuseOffer(offer)) {
    Refuse(std::move(*refused));
    return;
  }
  if (auto refused = connection_->host()->OnUpgrade(parser_->head())) {
    Refuse(std::move(*refused));
    return;
  }
  connection_->AskedFor();
  connection_->ExpectNothing();
  stage_ = Stage::kUpgrading;
  const std::string_view agreed = AgreeOnSubprotocol(offer, connection_->subprotocols());
  (void)connection_->Write(AcceptOffer(offer, agreed));
  connection_->Continue(std::make_unique<WsSession>(connection_, agreed, parser_->TakeHead()),
                        std::move(input_));
}

void HttpSession::FinishReply() {
  peer_.reset();
  if (connection_->pending() > 0) {
    stage_ = Stage::kFlushing;
    progress_ = connection_->pending();
    connection_->Expect(DeadlineKind::kReply);
    return;
  }
  if (!keep_alive_) {
    connection_->Linger();
    return;
  }
  stage_ = Stage::kReading;
  connection_->SetReading(true);
  connection_->Expect(input_.empty() ? DeadlineKind::kIdle : DeadlineKind::kHead);
}

void HttpSession::OnLate() {
  if (stage_ == Stage::kFlushing && connection_->pending() + kReplyProgress <= progress_) {
    progress_ = connection_->pending();
    connection_->Expect(DeadlineKind::kReply);
  } else if (stage_ == Stage::kReading && parser_ && !parser_->untouched()) {
    HttpReply reply;
    reply.status = kHttpRequestTimeout;
    reply.body = "the request took too long to come\n";
    Refuse(std::move(reply));
    Proceed();
  } else {
    connection_->Abort();
  }
}

void HttpSession::OnFault() {
  if (stage_ != Stage::kReading && stage_ != Stage::kWaiting) {
    connection_->Abort();
    return;
  }
  HttpReply reply;
  reply.status = kHttpInternalServerError;
  reply.body = std::string(ReasonOf(reply.status)) + "\n";
  Refuse(std::move(reply));
  Proceed();
}

void HttpSession::Refuse(HttpReply reply) {
  keep_alive_ = false;
  std::string().swap(input_);
  // Whoever sends a body unasked for learns no more than that.
  if (parser_) head_only_ = parser_->method() == HttpMethod::kHead;
  parser_.reset();
  WriteReply(reply);
}

void HttpSession::WriteReply(const HttpReply& reply) {
  stage_ = Stage::kReplied;
  (void)connection_->Write(
      FormatReply(reply, head_only_ ? ReplyBody::kOmitted : ReplyBody::kWhole, keep_alive_));
}

std::optional<uint64_t> HttpSession::CountRequest(const LimitValue& rate, uint64_t now_us) {
  if (requests_) {
    requests_->SetRate(rate, now_us);
  } else {
    requests_ = std::make_unique<TokenBucket>(rate, now_us);
  }
  if (requests_->Take(now_us)) return std::nullopt;
  return requests_->RetryAfterS(now_us);
}

void HttpSession::Reply(const HttpReply& reply) {
  WriteReply(reply);
  connection_->Soon();
}

void HttpSession::StartStream(const HttpReply& reply) {
  keep_alive_ = false;
  input_ = {};
  (void)connection_->Write(FormatReply(reply, ReplyBody::kStreamed, keep_alive_));
  if (head_only_) {
    stage_ = Stage::kReplied;
    connection_->Soon();
  } else {
    stage_ = Stage::kStreaming;
  }
}

WriteResult HttpSession::Write(std::string_view bytes) {
  // The reply to a HEAD ends with its head.
  return stage_ == Stage::kStreaming ? connection_->Write(bytes) : WriteResult::kSent;
}

void HttpSession::EndStream() {
  stage_ = Stage::kReplied;
  connection_->Soon();
}

std::optional<uint64_t> HttpSocket::CountRequest(const LimitValue& rate, uint64_t now_us) {
  return session_->CountRequest(rate, now_us);
}

void HttpSocket::Reply(HttpReply reply) {
  session_->Reply(reply);
}

void HttpSocket::StartStream(HttpReply reply) {
  session_->StartStream(reply);
}

WriteResult HttpSocket::Write(std::string_view bytes) {
  return session_->Write(bytes);
}

size_t HttpSocket::pending() const {
  return session_->pending();
}

size_t HttpSocket::unacknowledged() const {
  return session_->unacknowledged();
}

void HttpSocket::EndStream() {
  session_->EndStream();
}

void HttpSocket::Abort() {
  session_->Abort();
}

std::string HttpSocket::Peer() const {
  return session_->Peer();
}

}  // namespace fsubs
