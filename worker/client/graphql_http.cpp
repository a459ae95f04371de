#include "worker/client/graphql_http.hpp"

#include <algorithm>
#include <charconv>

#include "graphql/language/ascii.hpp"
#include "worker/client/operation_request.hpp"
#include "worker/client/text_list.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

constexpr char kJsonType[] = "application/json; charset=utf-8";
constexpr char kGraphqlResponseType[] = "application/graphql-response+json; charset=utf-8";

using graphql::ToLower;

// A media type's parameter; empty if it has none of that name.
std::string ParameterOf(std::string_view parameters, std::string_view name) {
  while (!parameters.empty()) {
    std::string_view value = TakeItem(&parameters, ';');
    if (ToLower(TakeItem(&value, '=')) != name) continue;
    if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
    return ToLower(value);
  }
  return {};
}

// RFC 9110, section 12.4.2; what is not a number counts as 1.
double QualityOf(std::string_view parameters) {
  const std::string text = ParameterOf(parameters, "q");
  double quality = 1;
  std::from_chars(text.data(), text.data() + text.size(), quality);
  return quality;
}

std::optional<ResponseType> ResponseTypeOf(const std::string& range) {
  if (range == "application/json" || range == "application/*" || range == "*/*") {
    return ResponseType::kJson;
  }
  if (range == "application/graphql-response+json") return ResponseType::kGraphqlResponse;
  if (range == "text/event-stream") return ResponseType::kEventStream;
  return std::nullopt;
}

}  // namespace

std::optional<ResponseType> NegotiateResponseType(std::string_view accept) {
  if (Trim(accept).empty()) return ResponseType::kJson;
  std::optional<ResponseType> best;
  double best_quality = 0;
  while (!accept.empty()) {
    std::string_view parameters = TakeItem(&accept, ',');
    const auto type = ResponseTypeOf(ToLower(TakeItem(&parameters, ';')));
    const double quality = QualityOf(parameters);
    if (!type || quality <= best_quality) continue;
    best = type;
    best_quality = quality;
  }
  return best;
}

std::optional<HttpReply> HttpOperation::Read(HttpRequest request) {
  request_ = std::move(request);
  switch (request_.method) {
    case HttpMethod::kGet:
    case HttpMethod::kHead:
      return ReadParameters();
    case HttpMethod::kPost:
      return ReadBody();
    default:
      break;
  }
  HttpReply reply = ReplyWithProblem(kHttpMethodNotAllowed, "GraphQL is served by GET and POST.",
                                     kErrorMethodNotAllowed);
  reply.headers.emplace_back("allow", "GET, POST, OPTIONS");
  return reply;
}

std::optional<HttpReply> HttpOperation::ReadParameters() {
  const auto bad = [](const char* message) {
    return ReplyWithProblem(kHttpBadRequest, message, kErrorBadRequest);
  };
  const auto query = request_.Parameter("query");
  if (!query) return bad("The URL has no parameter \"query\".");
  if (!IsUtf8(*query)) return bad("The parameter \"query\" is not UTF-8.");
  operation_.query = *query;
  const auto name = request_.Parameter("operationName");
  if (name && !name->empty()) operation_.operation_name = *name;
  const auto variables = request_.Parameter("variables");
  if (variables && !variables->empty()) {
    if (!json_.ParseCopy(*variables) || !(IsObject(json_.root()) || json_.root().is_null())) {
      return bad("The parameter \"variables\" is not a JSON object.");
    }
    if (!json_.root().is_null()) operation_.variables = json_.root();
  }
  const auto extensions = request_.Parameter("extensions");
  if (extensions && !extensions->empty() &&
      !(extensions_.ParseCopy(*extensions) && IsObject(extensions_.root()))) {
    return bad("The parameter \"extensions\" is not a JSON object.");
  }
  operation_.timing = extensions && !extensions->empty() && WantsTiming(extensions_.root());
  return std::nullopt;
}

std::optional<HttpReply> HttpOperation::ReadBody() {
  std::string_view parameters(request_.content_type);
  const std::string type = ToLower(TakeItem(&parameters, ';'));
  const std::string charset = ParameterOf(parameters, "charset");
  // A page of another origin can send other types without asking first (CORS).
  if (type != "application/json" || !(charset.empty() || charset == "utf-8")) {
    return ReplyWithProblem(kHttpUnsupportedMediaType,
                            "The request's Content-Type must be application/json in UTF-8.",
                            kErrorUnsupportedMediaType);
  }
  if (!IsUtf8(request_.body) || !json_.ParseCopy(request_.body)) {
    return ReplyWithProblem(kHttpBadRequest, "The request is not JSON.", kErrorBadRequest);
  }
  const std::string problem = IsObject(json_.root())
                                  ? ReadOperationRequest(json_.root(), &operation_)
                                  : "is not an object but " + TypeOf(json_.root());
  if (!problem.empty()) {
    return ReplyWithProblem(kHttpBadRequest, "The request " + problem, kErrorBadRequest);
  }
  return std::nullopt;
}

HttpReply ReplyWithResponse(ResponseType type, std::string response) {
  HttpReply reply;
  reply.content_type = type == ResponseType::kGraphqlResponse ? kGraphqlResponseType : kJsonType;
  reply.body = std::move(response);
  // Who asks decides what the answer is, and a cache would not know who asks.
  reply.headers.emplace_back("cache-control", "no-store");
  return reply;
}

HttpReply ReplyWithErrors(ResponseType type, const std::vector<Error>& errors) {
  HttpReply reply = ReplyWithResponse(type, ResponseWithoutData(errors));
  if (type == ResponseType::kGraphqlResponse) reply.status = kHttpBadRequest;
  return reply;
}

HttpReply ReplyWithProblem(unsigned status, std::string_view message, std::string_view code) {
  HttpReply reply = ReplyWithErrors(ResponseType::kJson, {{std::string(message), code}});
  reply.status = status;
  return reply;
}

HttpReply ReplyUnauthenticated(bool refused_token, std::string_view reason) {
  std::string message = "Unauthenticated";
  if (!reason.empty()) message.append(": ").append(reason);
  HttpReply reply = ReplyWithProblem(kHttpUnauthorized, message, kErrorUnauthenticated);
  reply.headers.emplace_back("www-authenticate",
                             refused_token ? R"(Bearer error="invalid_token")" : "Bearer");
  return reply;
}

HttpReply ReplyOfStandby() {
  return ReplyWithProblem(kHttpServiceUnavailable,
                          "This server is a standby: events are delivered by the primary.",
                          kErrorStandby);
}

std::string NextEvent(std::string_view response) {
  std::string event = "event: next\ndata: ";
  event += response;
  // Line breaks of JSON stand between its tokens only, but here they would end the data.
  std::replace_if(
      event.end() - static_cast<ptrdiff_t>(response.size()), event.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return event += "\n\n";
}

}  // namespace fsubs
