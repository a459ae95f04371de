#include "worker/client/http_client.hpp"

#include "worker/client/origin.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/playground/playground.hpp"
#include "worker/shard/shard.hpp"

namespace fsubs {
namespace {

constexpr std::string_view kGraphqlPath = "/graphql";

// The one operation of an event stream.
constexpr std::string_view kOperationId = "1";

// The page is one file and talks to its own server only.
constexpr char kPlaygroundPolicy[] =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

bool AcceptsHtml(std::string_view accept) {
  return accept.find("text/html") != std::string_view::npos;
}

HttpReply Playground() {
  HttpReply reply;
  reply.content_type = "text/html; charset=utf-8";
  reply.body = PlaygroundPage();
  reply.headers = {
      {"content-security-policy", kPlaygroundPolicy},
      {"cache-control", "no-cache"},
      {"referrer-policy", "no-referrer"},
  };
  return reply;
}

}  // namespace

HttpClient::HttpClient(Shard* shard, HttpSocket socket, uint64_t id)
    : Client(shard, id), socket_(socket), outbox_(shard->buffers(), kWriteHeadroom) {}

HttpClient::~HttpClient() {
  if (type_ == ResponseType::kEventStream) shard_->counters()->connections.Subtract();
}

void HttpClient::OnRequest(HttpRequest request) {
  if (request.path == "/" || request.path == kGraphqlPath) {
    const bool reads = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
    if (reads && shard_->options().playground && AcceptsHtml(request.accept)) {
      Reply(Playground());
    } else if (request.path == "/" && reads && request.parameters.empty()) {
      Reply({kHttpNotFound,
             "text/plain; charset=utf-8",
             "not found; fraiseql_subs.playground would show a page here; there are /graphql, "
             "/healthz and /metrics\n",
             {}});
    } else {
      OnGraphqlRequest(std::move(request));
    }
    return;
  }
  Reply(shard_->OnGet(request));
}

void HttpClient::OnGraphqlRequest(HttpRequest request) {
  if (!OriginAllowed(shard_->options().allowed_origins, request.origin, request.host)) {
    Reply(ReplyWithProblem(kHttpForbidden, "Origin is not in fraiseql_subs.allowed_origins.",
                           "FORBIDDEN"));
    return;
  }
  origin_ = request.origin;
  if (request.method == HttpMethod::kOptions) {
    Reply({kHttpOk,
           "text/plain; charset=utf-8",
           {},
           {{"access-control-allow-methods", "GET, POST, OPTIONS"},
            {"access-control-allow-headers", "authorization, content-type, x-requested-with"},
            {"access-control-max-age", "600"}}});
    return;
  }
  const auto type = NegotiateResponseType(request.accept);
  if (!type) {
    Reply(ReplyWithProblem(kHttpNotAcceptable,
                           "Accept must allow application/graphql-response+json, application/json "
                           "or text/event-stream.",
                           "NOT_ACCEPTABLE"));
    return;
  }
  if (!shard_->can_serve()) {
    shard_->counters()->connections_refused.Add();
    Reply(ReplyWithProblem(kHttpServiceUnavailable,
                           "The server has no catalog, is draining or has too many clients.",
                           "SERVICE_UNAVAILABLE"));
    return;
  }
  if (!shard_->options().allow_anonymous) {
    Reply(ReplyWithProblem(kHttpForbidden, "Forbidden", "FORBIDDEN"));
    return;
  }
  if (auto refused = operation_.Read(std::move(request))) {
    Reply(std::move(*refused));
    return;
  }
  type_ = *type;
  if (type_ == ResponseType::kEventStream) {
    shard_->counters()->connections.Add();
    shard_->counters()->connections_accepted.Add();
  }
  // As for messages by WebSocket: what was registered before the request came must be known.
  if (shard_->CatchUp()) {
    Execute();
    return;
  }
  stage_ = Stage::kDeferred;
  shard_->Defer(this, {});
}

void HttpClient::Handle(std::string_view) {
  if (stage_ == Stage::kDeferred) Execute();
}

void HttpClient::Execute() {
  const StartResult result = Start(kOperationId, operation_.operation());
  if (type_ == ResponseType::kEventStream) {
    Stream(result);
    return;
  }
  switch (result.kind) {
    case StartResult::Kind::kSubscribed: {
      Stop(kOperationId);
      std::string errors;
      AppendErrors({{"Subscriptions are served by WebSocket (graphql-transport-ws), or by HTTP to "
                     "clients that accept text/event-stream.",
                     {}}},
                   "OPERATION_NOT_SUPPORTED", &errors);
      Reply(ReplyWithErrors(type_, errors));
      break;
    }
    case StartResult::Kind::kExecuted:
      Reply(ReplyWithResponse(type_, result.json));
      break;
    case StartResult::Kind::kRefused:
      Reply(ReplyWithErrors(type_, result.json));
      break;
  }
}

void HttpClient::Stream(const StartResult& result) {
  stage_ = Stage::kStreaming;
  HttpReply reply;
  reply.content_type = "text/event-stream; charset=utf-8";
  reply.headers = {{"cache-control", "no-cache"}, {"x-accel-buffering", "no"}};
  AllowOrigin(&reply);
  socket_.StartStream(std::move(reply));
  // Some browsers report the stream as open only when its first bytes have come.
  Append(kCommentEvent);
  switch (result.kind) {
    case StartResult::Kind::kSubscribed:
      break;
    case StartResult::Kind::kExecuted:
      SendResponse({}, result.json);
      Complete();
      break;
    case StartResult::Kind::kRefused:
      SendErrors({}, result.json);
      break;
  }
}

void HttpClient::SendResponse(std::string_view, std::string_view response) {
  Append(NextEvent(response));
}

void HttpClient::SendErrors(std::string_view, std::string_view errors_json) {
  SendResponse({}, "{\"errors\":" + std::string(errors_json) + "}");
  Complete();
}

void HttpClient::OnKeepalive() {
  if (stage_ == Stage::kStreaming) Append(kCommentEvent);
}

void HttpClient::Drain() {
  if (stage_ == Stage::kDeferred) {
    Reply(ReplyWithProblem(kHttpServiceUnavailable, "The server is draining.",
                           "SERVICE_UNAVAILABLE"));
  } else if (stage_ == Stage::kStreaming) {
    StopAny();
    Complete();
  }
}

void HttpClient::Complete() {
  if (completed_) return;
  Append(kCompleteEvent);
  completed_ = true;
}

void HttpClient::Append(std::string_view bytes) {
  if (completed_ || stage_ != Stage::kStreaming) return;
  if (outbox_.AppendBytes(bytes, shard_->options().outbox_size) == Outbox::Result::kFull) {
    // The format has no way to say why.
    shard_->counters()->slow_consumers.Add();
    outbox_.Clear();
    stage_ = Stage::kEnded;
    socket_.Abort();
    return;
  }
  ++sent_messages_;
  if (!dirty_) {
    dirty_ = true;
    shard_->MarkDirty(this);
  }
}

void HttpClient::Flush() {
  dirty_ = false;
  if (stage_ != Stage::kStreaming || socket_.pending()) return;
  if (!outbox_.empty()) {
    const size_t size = outbox_.size();
    const WriteResult result = socket_.Write(outbox_.bytes(), size);
    sent_bytes_ += size;
    shard_->counters()->bytes_sent.Add(size);
    outbox_.Written(result == WriteResult::kPending ? size : 0);
    if (result == WriteResult::kBroken) {
      stage_ = Stage::kEnded;
      return;
    }
  }
  if (completed_) {
    stage_ = Stage::kEnded;
    socket_.EndStream();
  }
}

void HttpClient::Reply(HttpReply reply) {
  stage_ = Stage::kEnded;
  AllowOrigin(&reply);
  socket_.Reply(std::move(reply));
}

void HttpClient::AllowOrigin(HttpReply* reply) const {
  if (origin_.empty()) return;
  reply->headers.emplace_back("access-control-allow-origin", origin_);
  reply->headers.emplace_back("vary", "origin");
}

Client::Status HttpClient::Describe() const {
  if (type_ != ResponseType::kEventStream) return {};
  return {"graphql-sse",  stage_ == Stage::kStreaming ? "acknowledged" : "closing",
          socket_.Peer(), outbox_.queued_bytes(),
          sent_messages_, sent_bytes_};
}

}  // namespace fsubs
