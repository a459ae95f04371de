#include "worker/client/ws_client.hpp"

#include "worker/base/heap_size.hpp"
#include "worker/client/renewal.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/operation/renewal.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {
namespace {

// What keeping a message takes beside its bytes.
constexpr size_t kHeldOverhead = 64;

}  // namespace

WsClient::WsClient(ClientHost* host, WsTransport* transport, uint64_t id,
                   std::string_view subprotocol, HttpRequest handshake,
                   std::optional<std::string> claims)
    : Client(host, id),
      transport_(transport),
      introduction_(
          std::make_unique<Introduction>(Introduction{std::move(handshake), std::move(claims)})),
      protocol_(MakeWsProtocol(subprotocol, this)) {
  host_->counters()->connections.Add();
  host_->counters()->connections_accepted.Add();
  if (subprotocol.empty()) {
    protocol_->Close(kCloseSubprotocolNotAcceptable, "Subprotocol not acceptable");
  }
}

WsClient::~WsClient() {
  host_->counters()->connections.Subtract();
}

void WsClient::OnText(std::string_view message) {
  // What came in one piece with the message that was too much.
  if (closing_) return;
  host_->counters()->messages_received.Add();
  if (!TakeMessage()) {
    OnLimited(LimitKey::kMessagesPerConnection);
    return;
  }
  Take(message);
}

void WsClient::OnResume(uint64_t sequence, std::string_view message) {
  if (closing_) return;
  if (!resume_) {
    resume_ = std::make_unique<Resume>();
    resume_->taken = held_messages_;
  }
  resume_->waiting.emplace_back(resume_->taken + 1, sequence);
  Take(message);
}

void WsClient::Take(std::string_view message) {
  // A subscription that a client asks for after it was registered must be known, so what was
  // committed before this message came is read first.
  if (resume_) ++resume_->taken;
  ++held_messages_;
  held_bytes_ += message.size() + kHeldOverhead;
  if (host_->AdmitOrHold(this, message)) {
    Handle(message);
  } else if (held_messages_ > 0 && memory() > host_->options().max_connection_memory) {
    SetReading(false);
  }
}

void WsClient::Handle(std::string_view message) {
  --held_messages_;
  held_bytes_ -= message.size() + kHeldOverhead;
  if (held_messages_ == 0) SetReading(true);
  // WebSocket++ overlooks a character that the last of several fragments leaves unfinished.
  if (!IsUtf8(message)) {
    protocol_->Close(kCloseInvalidPayload, "Message is not UTF-8");
    return;
  }
  if (resume_) {
    ++resume_->handled;
    resume_->current.reset();
    if (!resume_->waiting.empty() && resume_->waiting.front().first == resume_->handled) {
      resume_->current = resume_->waiting.front().second;
      resume_->waiting.pop_front();
    }
  }
  protocol_->OnText(message, host_->scratch());
}

void WsClient::OnBinary() {
  protocol_->OnBinary();
}

void WsClient::OnTooBig() {
  protocol_->Close(
      kCloseMessageTooBig,
      "Message is larger than " + std::to_string(host_->options().max_message_size) + " bytes");
}

void WsClient::OnPing(std::string_view payload) {
  if (closing_) return;
  if (TakeMessage()) {
    Append({.kind = WsMessage::Kind::kPong, .body = payload}, ClientHost::Flush::kWithAnswers);
  } else {
    OnLimited(LimitKey::kMessagesPerConnection);
  }
}

void WsClient::OnLimited(LimitKey limit) {
  protocol_->Close(kCloseTryAgainLater, KindOf(limit).key);
}

void WsClient::OnClose(uint16_t code, std::string_view reason) {
  protocol_->Close(code, reason);
}

void WsClient::OnInitTimeout() {
  host_->counters()->init_timeouts.Add();
  protocol_->OnInitTimeout();
}

void WsClient::OnKeepalive() {
  if (closing_) return;
  if (!reading_ || queued_bytes() > 0) {
    // A ping would stand behind what waits, whose progress CheckProgress sees to.
    pinged_ = false;
    return;
  }
  protocol_->OnKeepalive();
  if (pinged_ && !heard_) {
    host_->counters()->keepalive_timeouts.Add();
    protocol_->Close(kCloseGoingAway, "No answer to a ping");
    return;
  }
  pinged_ = true;
  heard_ = false;
  Append({.kind = WsMessage::Kind::kPing, .sequence = handed_over()},
         ClientHost::Flush::kWithAnswers);
}

void WsClient::OnOptionsChanged() {
  if (is_anonymous() && !host_->options().allow_anonymous) {
    protocol_->Close(kCloseForbidden, "Forbidden");
  }
}

void WsClient::Drain() {
  // No `complete`: clients take it for the end of a subscription, and would not start it again when
  // they have connected anew.
  protocol_->Close(kCloseGoingAway, "Going away");
}

void WsClient::Send(About about, std::string_view id, std::string_view message) {
  using Kind = WsMessage::Kind;
  const auto when = ClientHost::Flush::kWithAnswers;
  switch (about) {
    case About::kConnection:
      Append({.kind = Kind::kMessage, .body = message}, when);
      return;
    case About::kResponse:
      Append({.kind = Kind::kResponse, .head = transport_->HeadOf(id), .body = message}, when);
      return;
    case About::kEnd:
      Append({.kind = Kind::kEnd, .body = message, .id = id}, when);
      return;
  }
}

void WsClient::SendResponse(std::string_view head, std::string_view response, uint64_t sequence) {
  Append({.kind = WsMessage::Kind::kResponse,
          .head = head,
          .body = response,
          .tail = "}",
          .sequence = sequence},
         ClientHost::Flush::kWithEvents);
}

void WsClient::OnStarted(std::string_view id, Position from, std::optional<uint64_t> behind) {
  if (!transport_->is_hosted()) return;
  Append({.kind = WsMessage::Kind::kStarted,
          .id = id,
          .sequence = behind ? *behind : host_->SequenceBefore(from)},
         ClientHost::Flush::kWithAnswers);
}

void WsClient::SetReading(bool reading) {
  if (reading == reading_) return;
  reading_ = reading;
  transport_->SetReading(reading);
}

void WsClient::Append(const WsMessage& message, ClientHost::Flush when) {
  using Kind = WsMessage::Kind;
  // There is always room to say goodbye.
  const size_t room = message.kind == Kind::kClose              ? SIZE_MAX
                      : when == ClientHost::Flush::kWithAnswers ? RoomForAnswers()
                                                                : Room();
  const bool queued = Queue(transport_->Append(message, room, outbox()), when);
  const bool has_text = message.kind == Kind::kMessage || message.kind == Kind::kResponse ||
                        message.kind == Kind::kEnd;
  if (queued && has_text) CountMessage();
}

void WsClient::CloseSlow() {
  CloseAtOnce(kCloseSlowConsumer, "Slow consumer");
}

bool WsClient::Disconnect(uint16_t code, std::string_view reason) {
  if (closing_) return false;
  outbox()->Clear();
  CloseAtOnce(code, reason);
  return true;
}

void WsClient::CloseAtOnce(uint16_t code, std::string_view reason) {
  protocol_->Close(code, reason);
  // The close frame may never be read, and the socket must not stay until it is.
  transport_->ExpectClose();
}

void WsClient::OnFlushed(WriteResult result) {
  if (closing_ && result != WriteResult::kBroken) transport_->ExpectClose();
}

void WsClient::Close(uint16_t code, std::string_view reason) {
  Append({.kind = WsMessage::Kind::kClose, .body = reason, .code = code},
         ClientHost::Flush::kWithAnswers);
  closing_ = true;
  SetReading(true);  // up to the answer
}

void WsClient::Authorize(const std::optional<JsonValue>& payload) {
  const Options& options = host_->options();
  const bool asks_function = !options.authenticate.empty();
  Credentials credentials;
  const std::unique_ptr<Introduction> introduction = std::move(introduction_);
  if (introduction->claims) {
    is_vouched_ = true;
    // Whatever else is there is not looked at.
    (void)ReadCredentials(introduction->handshake, payload, {}, &credentials);
    host_->Vouch(this, *introduction->claims, credentials.requested_role);
    return;
  }
  const std::string problem = ReadCredentials(
      introduction->handshake, payload,
      {.token_in_url = options.token_in_url, .for_function = asks_function}, &credentials);
  if (!problem.empty()) {
    NoteRefusal(LoginRefusal::kMalformed, problem);
    protocol_->Refuse(problem);
    return;
  }
  // What a renewal decides by, beside its own token.
  if (!credentials.token.empty() && (asks_function || !credentials.requested_role.empty())) {
    renewal_ = std::make_unique<Renewal>();
    renewal_->credentials = credentials;
    RemoveToken(&renewal_->credentials);
  }
  host_->Authenticate(this, std::move(credentials));
}

void WsClient::OnAuthenticated(std::shared_ptr<const Identity> identity,
                               const std::string& reason) {
  if (closing_) return;
  if (protocol_->state() == WsProtocol::State::kAcknowledged) {
    EndRenewal(std::move(identity), reason);
    return;
  }
  if (!identity) {
    protocol_->Refuse(reason);
    return;
  }
  std::string payload;
  JsonWriter json(&payload);
  json.BeginObject();
  json.Key("connectionId");
  json.String(std::to_string(id()));
  json.Key("expiresAt");
  json.Raw(ExpiryJson(identity->expires_at_us));
  json.EndObject();
  SetIdentity(std::move(identity));
  protocol_->Accept(payload);
}

void WsClient::RenewByPing(std::string_view authorization) {
  BeginRenewal(authorization, BearerScheme::kRequired, {});
}

void WsClient::Renew(std::string_view id, RenewalRequest request) {
  BeginRenewal(request.token, BearerScheme::kOptional,
               {.id = std::string(id), .plan = std::move(request.plan)});
}

void WsClient::BeginRenewal(std::string_view text, BearerScheme scheme, Asker asker) {
  if (renewal_ && renewal_->asker) {
    Answer(asker, "another renewal is under way");
    return;
  }
  if (is_anonymous()) {
    Answer(asker, "a client without a token has none to renew");
    return;
  }
  if (!renewal_) renewal_ = std::make_unique<Renewal>();
  Credentials credentials = renewal_->credentials;
  const std::string problem = ReadToken(text, scheme, &credentials.token);
  if (!problem.empty()) {
    NoteRefusal(LoginRefusal::kMalformed, problem);
    Answer(asker, problem);
    return;
  }
  renewal_->asker = std::move(asker);
  host_->Authenticate(this, std::move(credentials));
}

void WsClient::EndRenewal(std::shared_ptr<const Identity> next, const std::string& reason) {
  if (!renewal_ || !renewal_->asker) return;
  const Asker asker = *std::exchange(renewal_->asker, std::nullopt);
  if (!next) {
    Answer(asker, reason.empty() ? "it is refused" : reason);
    return;
  }
  const std::string problem = ProblemOfRenewal(*identity(), *next);
  if (problem.empty()) {
    SetIdentity(std::move(next));
  } else {
    NoteRefusal(LoginRefusal::kOtherIdentity, problem);
  }
  Answer(asker, problem);
}

void WsClient::Answer(const Asker& asker, const std::string& problem) {
  if (asker.has_left) return;
  if (asker.plan) {
    protocol_->Answer(asker.id, problem.empty()
                                    ? RenewalResponse(*asker.plan, identity()->expires_at_us)
                                    : RefusedRenewalResponse(*asker.plan, problem));
    return;
  }
  std::string payload;
  JsonWriter json(&payload);
  json.BeginObject();
  if (problem.empty()) {
    json.Key("expiresAt");
    json.Raw(ExpiryJson(identity()->expires_at_us));
  } else {
    json.Key("error");
    json.String(problem);
  }
  json.EndObject();
  protocol_->Pong(payload);
}

void WsClient::StopSubscription(std::string_view id) {
  if (Renews(id)) {
    renewal_->asker->has_left = true;
    renewal_->asker->id.clear();
  } else {
    Stop(id);
  }
}

size_t WsClient::memory() const {
  size_t bytes = Client::memory() + held_bytes_;
  if (renewal_) {
    bytes += sizeof(Renewal) + HeapSize(renewal_->credentials.init_payload) +
             HeapSize(renewal_->credentials.headers);
  }
  return bytes;
}

Client::Status WsClient::Describe() const {
  const bool acknowledged = protocol_->state() == WsProtocol::State::kAcknowledged;
  return {protocol_->name(), closing_ ? "closing" : acknowledged ? "acknowledged" : "connected"};
}

}  // namespace fsubs
