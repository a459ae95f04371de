#include "worker/client/http_client.hpp"

#include "worker/client/credentials_reader.hpp"
#include "worker/client/limit_error.hpp"
#include "worker/client/origin.hpp"
#include "worker/client/preflight.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/playground/playground.hpp"
#include "worker/socket/peer_limits.hpp"

namespace fsubs {
namespace {

constexpr std::string_view kGraphqlPath = "/graphql";

// The one operation of an event stream.
constexpr std::string_view kOperationId = "1";

bool AcceptsHtml(std::string_view accept) {
  return accept.find("text/html") != std::string_view::npos;
}

std::vector<Error> NothingToRenew() {
  return {{"There is nothing to renew by HTTP: each request has a token of its own.",
           kErrorOperationNotSupported}};
}

HttpReply PlaygroundReply() {
  const PlaygroundPage page = Playground();
  return {kHttpOk,
          std::string(page.content_type),
          std::string(page.body),
          {page.headers.begin(), page.headers.end()}};
}

}  // namespace

HttpClient::HttpClient(ClientHost* host, HttpSocket socket, uint64_t id)
    : Client(host, id), socket_(socket) {}

HttpClient::~HttpClient() {
  if (type_ == ResponseType::kEventStream) host_->counters()->connections.Subtract();
}

void HttpClient::OnRequest(HttpRequest request) {
  if (request.path == "/" || request.path == kGraphqlPath) {
    const bool reads = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
    if (reads && host_->options().playground && AcceptsHtml(request.accept)) {
      Reply(PlaygroundReply());
    } else if (request.path == "/" && reads && request.parameters.empty()) {
      Reply({kHttpNotFound,
             "text/plain; charset=utf-8",
             "not found; fraiseql_subs.playground would show a page here; there are /graphql, "
             "/readyz, /livez and /metrics\n",
             {}});
    } else {
      OnGraphqlRequest(std::move(request));
    }
    return;
  }
  Reply(host_->OnGet(request));
}

void HttpClient::OnGraphqlRequest(HttpRequest request) {
  vary_ = request.method == HttpMethod::kOptions ? kPreflightVary : "origin";
  if (!OriginAllowed(host_->options().allowed_origins, request.origin, request.host)) {
    host_->counters()->connections_refused.Add();
    Reply(ReplyWithProblem(kHttpForbidden, "Origin is not in fraiseql_subs.allowed_origins.",
                           kErrorForbidden));
    return;
  }
  if (MayHideItsPage(host_->options().allowed_origins, request)) {
    host_->counters()->connections_refused.Add();
    Reply(
        ReplyWithProblem(kHttpForbidden,
                         "This may come from a web page that names no origin: use POST, ask by an "
                         "IP address, or name the host in fraiseql_subs.allowed_origins.",
                         kErrorForbidden));
    return;
  }
  origin_ = request.origin;
  if (request.method == HttpMethod::kOptions) {
    Reply(ReplyToOptions(request));
    return;
  }
  if (!TakeRequest()) return;
  const auto type = NegotiateResponseType(request.accept);
  if (!type) {
    Reply(ReplyWithProblem(kHttpNotAcceptable,
                           "Accept must allow application/graphql-response+json, application/json "
                           "or text/event-stream.",
                           kErrorNotAcceptable));
    return;
  }
  if (host_->is_standby()) {
    // Unlike the other states in which nobody is served, this one may last: who asks for a stream
    // is to look for another server.
    host_->counters()->connections_refused.Add();
    Reply(ReplyOfStandby());
    return;
  }
  if (!host_->can_serve()) {
    RefuseAsUnavailable(*type);
    return;
  }
  const Options& options = host_->options();
  credentials_ = std::make_unique<Credentials>();
  const std::string problem = ReadCredentials(
      request, std::nullopt,
      {.token_in_url = options.token_in_url, .for_function = !options.authenticate.empty()},
      credentials_.get());
  operation_ = std::make_unique<HttpOperation>();
  if (auto refused = operation_->Read(std::move(request))) {
    Reply(std::move(*refused));
    return;
  }
  type_ = *type;
  if (type_ == ResponseType::kEventStream) {
    host_->counters()->connections.Add();
    host_->counters()->connections_accepted.Add();
  }
  if (!problem.empty()) {
    NoteRefusal(LoginRefusal::kMalformed, problem);
    Reply(ReplyUnauthenticated(false, problem));
    return;
  }
  // As for messages by WebSocket: what was registered before the request came must be known.
  stage_ = Stage::kHeld;
  if (host_->AdmitOrHold(this, {})) Authenticate();
}

// Replies if the connection has sent too many.
bool HttpClient::TakeRequest() {
  constexpr LimitKey kLimit = LimitKey::kMessagesPerConnection;
  // It is not known yet who asks.
  const auto rate = host_->LimitsOf(nullptr)->of(kLimit);
  if (!rate) return true;
  const auto retry_after_s = socket_.CountRequest(*rate, host_->now_us());
  if (!retry_after_s) return true;
  host_->counters()->CountLimited(kLimit);
  Reply(ReplyWithLimit(kLimit, *retry_after_s));
  return false;
}

void HttpClient::OnLimited(LimitKey limit) {
  if (stage_ == Stage::kAuthenticating) Reply(ReplyWithLimit(limit, kRetryAfterS));
}

void HttpClient::Handle(std::string_view) {
  if (stage_ == Stage::kHeld) Authenticate();
}

void HttpClient::Authenticate() {
  stage_ = Stage::kAuthenticating;
  has_token_ = !credentials_->token.empty();
  const auto credentials = std::move(credentials_);
  host_->Authenticate(this, std::move(*credentials));
}

void HttpClient::OnAuthenticated(std::shared_ptr<const Identity> identity,
                                 const std::string& reason) {
  if (stage_ != Stage::kAuthenticating) return;
  // The catalog that it was held for may be gone.
  if (!host_->can_serve()) {
    RefuseAsUnavailable(type_);
    return;
  }
  if (!identity) {
    Reply(ReplyUnauthenticated(has_token_, reason));
    return;
  }
  SetIdentity(std::move(identity));
  Execute();
}

void HttpClient::OnUndecided(const std::string& reason) {
  if (stage_ != Stage::kAuthenticating) return;
  // A client that takes its token for refused would ask its user for another.
  Reply(ReplyWithProblem(kHttpServiceUnavailable, "Unauthenticated: " + reason + ".",
                         kErrorServiceUnavailable));
}

void HttpClient::Execute() {
  const StartResult result = Start(kOperationId, operation_->operation());
  operation_.reset();
  if (type_ == ResponseType::kEventStream) {
    Stream(result);
    return;
  }
  switch (result.kind) {
    case StartResult::Kind::kSubscribed:
      Stop(kOperationId);
      Reply(ReplyWithErrors(
          type_, {{"Subscriptions are served by WebSocket (graphql-transport-ws), or by HTTP to "
                   "clients that accept text/event-stream.",
                   kErrorOperationNotSupported}}));
      break;
    case StartResult::Kind::kExecuted:
      Reply(ReplyWithResponse(type_, result.response));
      break;
    case StartResult::Kind::kRenews:
      Reply(ReplyWithErrors(type_, NothingToRenew()));
      break;
    case StartResult::Kind::kRefused:
      Reply(ReplyWithErrors(type_, result.errors));
      break;
  }
}

// Nobody is served now, or no more clients are.
void HttpClient::RefuseAsUnavailable(ResponseType type) {
  host_->counters()->connections_refused.Add();
  if (type == ResponseType::kEventStream && !host_->is_serving()) {
    // A browser's EventSource comes back when a stream has ended, and never after another status.
    StartStream();
    End();
    return;
  }
  Reply(ReplyWithProblem(kHttpServiceUnavailable,
                         "The server has no catalog, is draining or has too many clients.",
                         kErrorServiceUnavailable));
}

void HttpClient::StartStream() {
  stage_ = Stage::kStreaming;
  HttpReply reply;
  reply.content_type = "text/event-stream; charset=utf-8";
  reply.headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  AddOriginHeaders(&reply);
  socket_.StartStream(std::move(reply));
  // Some browsers report the stream as open only when its first bytes have come.
  Append(kCommentEvent);
}

void HttpClient::Stream(const StartResult& result) {
  StartStream();
  switch (result.kind) {
    case StartResult::Kind::kSubscribed:
      break;
    case StartResult::Kind::kExecuted:
      SendResponse({}, result.response, 0);
      Complete();
      break;
    case StartResult::Kind::kRenews:
      SendErrors({}, NothingToRenew());
      break;
    case StartResult::Kind::kRefused:
      SendErrors({}, result.errors);
      break;
  }
}

void HttpClient::SendResponse(std::string_view, std::string_view response, uint64_t) {
  Append(NextEvent(response));
}

void HttpClient::SendErrors(std::string_view, const std::vector<Error>& errors) {
  SendResponse({}, ResponseWithoutData(errors), 0);
  Complete();
}

void HttpClient::OnKeepalive() {
  if (stage_ == Stage::kStreaming && queued_bytes() == 0) Append(kCommentEvent);
}

void HttpClient::OnOptionsChanged() {
  if (stage_ == Stage::kStreaming && is_anonymous() && !host_->options().allow_anonymous) End();
}

void HttpClient::Drain() {
  if (stage_ == Stage::kAuthenticating || stage_ == Stage::kHeld) {
    RefuseAsUnavailable(type_);
  } else if (stage_ == Stage::kStreaming) {
    // Without `complete`, which clients take for the end of the subscription.
    End();
  }
}

bool HttpClient::Disconnect(uint16_t, std::string_view reason) {
  if (stage_ == Stage::kAuthenticating || stage_ == Stage::kHeld) {
    Reply(ReplyWithProblem(kHttpForbidden, reason, kErrorForbidden));
    return true;
  }
  if (stage_ != Stage::kStreaming || ending_) return false;
  outbox()->Clear();
  // Without `complete`, so that the client comes back.
  End();
  return true;
}

void HttpClient::Complete() {
  Append(kCompleteEvent);
  End();
}

// What waits is still sent.
void HttpClient::End() {
  if (ending_) return;
  ending_ = true;
  if (outbox()->empty()) OnFlushed(WriteResult::kSent);
}

void HttpClient::Append(std::string_view bytes) {
  if (ending_ || stage_ != Stage::kStreaming) return;
  const Outbox::Result appended = outbox()->AppendBytes(bytes, Room());
  if (Queue(appended, ClientHost::Flush::kWithEvents)) CountMessage();
}

void HttpClient::CloseSlow() {
  // The format has no way to say why.
  stage_ = Stage::kEnded;
  socket_.Abort();
}

void HttpClient::OnFlushed(WriteResult result) {
  if (result == WriteResult::kBroken) {
    stage_ = Stage::kEnded;
  } else if (ending_) {
    stage_ = Stage::kEnded;
    socket_.EndStream();
  }
}

void HttpClient::Reply(HttpReply reply) {
  stage_ = Stage::kEnded;
  AddOriginHeaders(&reply);
  socket_.Reply(std::move(reply));
}

void HttpClient::AddOriginHeaders(HttpReply* reply) const {
  if (!vary_.empty()) reply->headers.emplace_back("vary", vary_);
  if (!origin_.empty()) reply->headers.emplace_back("access-control-allow-origin", origin_);
}

Client::Status HttpClient::Describe() const {
  if (type_ != ResponseType::kEventStream) return {};
  return {"graphql-sse", stage_ == Stage::kStreaming ? "acknowledged" : "closing"};
}

}  // namespace fsubs
