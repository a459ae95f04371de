// GraphQL over HTTP (the specification of that name), without sockets: what a request asks for and
// what a reply looks like.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/json/json_tree.hpp"
#include "worker/operation/operation.hpp"
#include "worker/socket/http.hpp"

namespace fsubs {

enum class ResponseType : uint8_t {
  kJson,             // application/json, also for clients that do not care
  kGraphqlResponse,  // application/graphql-response+json
  kEventStream,      // text/event-stream: GraphQL over server-sent events, distinct connections
};

// What a client with that Accept header gets; nothing if it accepts none of them.
std::optional<ResponseType> NegotiateResponseType(std::string_view accept);

// An operation that came in an HTTP request, with everything it views.
class HttpOperation {
 public:
  // Returns the reply to refuse with if the request holds no operation (4xx), otherwise nothing.
  std::optional<HttpReply> Read(HttpRequest request);

  // REQUIRES: Read returned nothing.
  const OperationRequest& operation() const { return operation_; }

 private:
  std::optional<HttpReply> ReadParameters();
  std::optional<HttpReply> ReadBody();

  HttpRequest request_;
  JsonTree json_;
  JsonTree extensions_;
  OperationRequest operation_;
};

// The reply with the response to an operation that was executed.
HttpReply ReplyWithResponse(ResponseType type, std::string response);

// The reply to an operation that was not executed. As application/json the status is 200, since old
// clients read errors only then.
HttpReply ReplyWithErrors(ResponseType type, const std::vector<Error>& errors);

// A reply with one GraphQL error about the HTTP request itself, not its document.
HttpReply ReplyWithProblem(unsigned status, std::string_view message, std::string_view code);

// The reply to a client that is not let in. With `refused_token` it presented one (RFC 6750,
// section 3.1).
HttpReply ReplyUnauthenticated(bool refused_token, std::string_view reason);

// The reply to whoever would wait for events on a standby.
HttpReply ReplyOfStandby();

// `event: next` with a response, on one line as the format wants it.
std::string NextEvent(std::string_view response);
inline constexpr std::string_view kCompleteEvent = "event: complete\ndata:\n\n";
inline constexpr std::string_view kCommentEvent = ":\n\n";

}  // namespace fsubs
