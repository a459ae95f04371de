#include "worker/socket/request_parser.hpp"

#include <algorithm>
#include <utility>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>

#include "graphql/language/ascii.hpp"
#include "worker/socket/url.hpp"

namespace fsubs {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

using Fields = http::fields;

// Of a chunk's size with its extensions, and of what follows the last chunk: nobody needs either.
constexpr size_t kMaxChunkHead = 4 * 1024;

// The bytes of "0\r\n\r\n", the shortest last chunk: a body in chunks that is not complete lacks at
// least as many. An assertion of Boost.Beast ends the process when it is given fewer of them twice
// (https://github.com/boostorg/beast/pull/2861).
constexpr size_t kLastChunk = 5;

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

// All values of a list, in one.
std::string ListOf(const Fields& fields, http::field name) {
  std::string list;
  const auto [first, last] = fields.equal_range(name);
  for (auto field = first; field != last; ++field) {
    if (!list.empty()) list += ", ";
    list += View(field->value());
  }
  return list;
}

bool HasToken(const Fields& fields, http::field name, beast::string_view token) {
  return http::token_list(ListOf(fields, name)).exists(token);
}

std::string ValueOf(const Fields& fields, http::field name) {
  return std::string(View(fields[name]));
}

HttpHeaders HeadersOf(const Fields& fields) {
  HttpHeaders headers;
  for (const auto& field : fields) {
    headers.emplace_back(graphql::ToLower(View(field.name_string())), View(field.value()));
  }
  return headers;
}

HttpMethod MethodOf(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return HttpMethod::kGet;
    case http::verb::head:
      return HttpMethod::kHead;
    case http::verb::post:
      return HttpMethod::kPost;
    case http::verb::options:
      return HttpMethod::kOptions;
    default:
      return HttpMethod::kOther;
  }
}

// A header continued on the next line, which RFC 9112, section 5.2, lets servers refuse.
bool HasFoldedLine(std::string_view head) {
  return head.find("\r\n ") != std::string_view::npos ||
         head.find("\r\n\t") != std::string_view::npos;
}

// Whether a request line is right but for its version, which is that of another HTTP.
bool NamesOtherVersion(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find_first_of("\r\n"));
  const std::string_view version = line.substr(std::min(line.rfind(' ') + 1, line.size()));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::count(line.begin(), line.end(), ' ') == 2 && version.size() == 8 &&
         version.starts_with("HTTP/") && is_digit(version[5]) && version[6] == '.' &&
         is_digit(version[7]) && version != "HTTP/1.0" && version != "HTTP/1.1";
}

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// What a method's name is made of (RFC 9110, section 5.6.2).
bool IsTokenCharacter(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Bytes of a host and port (RFC 3986, section 3.2), without user information.
bool IsAuthority(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || IsLetter(c) ||
           std::string_view("-._~!$&'()*+;=:[]%").find(c) != std::string_view::npos;
  });
}

// Headers of which there is one at most, because two could be read differently by two readers.
constexpr http::field kSingleHeaders[] = {
    http::field::host,
    http::field::content_length,
    http::field::transfer_encoding,
    http::field::content_type,
    http::field::origin,
    http::field::authorization,
    http::field::expect,
    http::field::sec_websocket_key,
    http::field::sec_websocket_version,
};

// What is wrong with a head whose syntax is right. Empty: nothing.
std::string_view ProblemOf(const http::request_header<>& head) {
  for (const http::field name : kSingleHeaders) {
    if (head.count(name) > 1) return "a header stands twice of which there is one";
  }
  const bool is_1_0 = head.version() == 10;
  if (!is_1_0 && head.count(http::field::host) == 0) return "there is no Host";
  if (!IsAuthority(View(head[http::field::host]))) return "Host is not a host";
  const bool has_length = head.count(http::field::content_length) > 0;
  const bool has_encoding = head.count(http::field::transfer_encoding) > 0;
  if (has_length && !IsNumber(View(head[http::field::content_length]))) {
    return "Content-Length is not a number";
  }
  if (has_encoding) {
    if (has_length) return "there are both Content-Length and Transfer-Encoding";
    if (is_1_0) return "there is a Transfer-Encoding in HTTP/1.0";
    if (!EqualsIgnoringCase(View(head[http::field::transfer_encoding]), "chunked")) {
      return "Transfer-Encoding is not chunked";
    }
  }
  const bool has_body = has_encoding || (has_length && head[http::field::content_length] != "0");
  const HttpMethod method = MethodOf(head.method());
  if (has_body && method != HttpMethod::kPost && method != HttpMethod::kOther) {
    return "a request of this method has no body";
  }
  return {};
}

}  // namespace

struct RequestParser::Library {
  http::request_parser<http::string_body> parser;
};

RequestParser::RequestParser(size_t max_body, bool keeps_headers)
    : library_(std::make_unique<Library>()), max_body_(max_body), keeps_headers_(keeps_headers) {
  library_->parser.header_limit(kMaxRequestHead);
  library_->parser.body_limit(max_body);
}

RequestParser::~RequestParser() = default;

size_t RequestParser::body_bytes() const {
  return library_->parser.get().body().size();
}

size_t RequestParser::Feed(std::string_view bytes) {
  return state_ == State::kHead ? FeedHead(bytes) : FeedBody(bytes);
}

size_t RequestParser::FeedHead(std::string_view bytes) {
  size_t used = 0;
  if (untouched_) {
    // Some clients send a line break behind a body (RFC 9112, section 2.2).
    while (bytes.substr(used).starts_with("\r\n")) used += 2;
    if (used == bytes.size() || bytes.substr(used) == "\r") return used;
    untouched_ = false;
  }
  const std::string_view unread = bytes.substr(used);
  // What a request line is refused with must not depend on how much of it has come.
  if (head_bytes_ == 0 && IsTokenCharacter(unread.front()) && unread.size() <= kMaxRequestHead &&
      unread.find('\n') == std::string_view::npos) {
    return used;
  }
  beast::error_code error;
  const size_t read =
      library_->parser.put(boost::asio::const_buffer(unread.data(), unread.size()), error);
  used += read;
  head_bytes_ += read;
  const bool past_request_line = head_bytes_ > 0;
  const size_t waiting = unread.size() - read;
  if (HasFoldedLine(unread.substr(0, read))) {
    Refuse(kHttpBadRequest, "a header is continued on the next line");
  } else if (error == http::error::header_limit ||
             (error == http::error::need_more && head_bytes_ + waiting > kMaxRequestHead) ||
             (!error && head_bytes_ > kMaxRequestHead)) {
    if (past_request_line) {
      Refuse(kHttpHeadersTooLarge, "the headers are too large");
    } else if (unread.substr(0, kMaxRequestHead).find("\r\n") == std::string_view::npos) {
      Refuse(kHttpUriTooLong, "the request line is too long");
    } else {
      Refuse(kHttpHeadersTooLarge, "the headers are too large");
    }
  } else if (error == http::error::body_limit) {
    Refuse(kHttpContentTooLarge,
           "the request is larger than " + std::to_string(max_body_) + " bytes");
  } else if (error == http::error::bad_version && !past_request_line && NamesOtherVersion(unread)) {
    Refuse(kHttpVersionNotSupported, "HTTP/1.1 is served here");
  } else if (error && error != http::error::need_more) {
    Refuse(kHttpBadRequest, "this is not HTTP/1.1: " + error.message());
  } else if (library_->parser.is_header_done()) {
    OnHead();
  }
  return used;
}

void RequestParser::OnHead() {
  const http::request_header<>& head = library_->parser.get().base();
  request_.method = MethodOf(head.method());
  const std::string_view problem = ProblemOf(head);
  if (!problem.empty()) {
    Refuse(kHttpBadRequest, problem);
    return;
  }
  if (head.method() == http::verb::unknown || head.method() == http::verb::connect) {
    Refuse(kHttpNotImplemented, "this method is not served");
    return;
  }
  if (head.method() == http::verb::post && head.count(http::field::content_length) == 0 &&
      !library_->parser.chunked()) {
    Refuse(kHttpLengthRequired, "a POST needs a Content-Length, or comes in chunks");
    return;
  }
  auto target = ReadTarget(View(head.target()));
  if (!target) {
    Refuse(kHttpBadRequest, "the URL is malformed");
    return;
  }
  request_.path = std::move(target->path);
  request_.parameters = std::move(target->parameters);
  request_.accept = ListOf(head, http::field::accept);
  request_.content_type = ValueOf(head, http::field::content_type);
  request_.origin = ValueOf(head, http::field::origin);
  const auto fetch_site = head.find("Sec-Fetch-Site");
  if (fetch_site != head.end()) request_.fetch_site = View(fetch_site->value());
  request_.preflight_method = ValueOf(head, http::field::access_control_request_method);
  request_.authorization = ValueOf(head, http::field::authorization);
  const auto hasura_role = head.find("X-Hasura-Role");
  if (hasura_role != head.end()) request_.hasura_role = View(hasura_role->value());
  if (keeps_headers_) request_.headers = HeadersOf(head);
  request_.preflight_headers = ListOf(head, http::field::access_control_request_headers);
  // RFC 9112, section 3.2.2: an absolute target overrides Host.
  request_.host = target->authority.empty() ? ValueOf(head, http::field::host) : target->authority;
  framing_.keep_alive = head.version() == 11 && library_->parser.keep_alive();
  if (head.count(http::field::expect) > 0 && head.version() == 11) {
    if (!EqualsIgnoringCase(View(head[http::field::expect]), "100-continue")) {
      Refuse(kHttpExpectationFailed, "this expectation cannot be met");
      return;
    }
    framing_.wants_continue = !library_->parser.is_done();
  }
  if (HasToken(head, http::field::upgrade, "websocket") &&
      HasToken(head, http::field::connection, "upgrade")) {
    if (head.method() != http::verb::get || head.version() != 11) {
      Refuse(kHttpBadRequest, "a WebSocket begins with GET and HTTP/1.1");
      return;
    }
    offer_ = {ValueOf(head, http::field::sec_websocket_version),
              ValueOf(head, http::field::sec_websocket_key),
              ListOf(head, http::field::sec_websocket_protocol)};
  }
  state_ = library_->parser.is_done() ? State::kComplete : State::kBody;
}

size_t RequestParser::FeedBody(std::string_view bytes) {
  auto& parser = library_->parser;
  const size_t least = parser.chunked() ? kLastChunk : 1;
  size_t used = 0;
  beast::error_code error;
  bool endless = false;
  while (!parser.is_done() && bytes.size() - used >= least && !error) {
    const std::string_view window = bytes.substr(used, kMaxChunkHead);
    used += parser.put(boost::asio::const_buffer(window.data(), window.size()), error);
    endless = error == http::error::need_more && window.size() == kMaxChunkHead;
  }
  if (error == http::error::body_limit) {
    Refuse(kHttpContentTooLarge,
           "the request is larger than " + std::to_string(max_body_) + " bytes");
  } else if (endless) {
    Refuse(kHttpBadRequest, "a chunk's head is too long");
  } else if (error && error != http::error::need_more) {
    Refuse(kHttpBadRequest, "the body is malformed: " + error.message());
  } else if (parser.is_done()) {
    state_ = State::kComplete;
  }
  return used;
}

void RequestParser::Refuse(unsigned status, std::string_view problem) {
  state_ = State::kRefused;
  refusal_.status = status;
  refusal_.body = std::string(problem) + "\n";
}

HttpRequest RequestParser::Take() {
  request_.body = std::move(library_->parser.get().body());
  return std::move(request_);
}

}  // namespace fsubs
