// One HTTP/1.1 request out of the bytes of a connection. Boost.Beast reads the syntax; what RFC
// 9112 asks of a server beyond it, lest a proxy in front reads the same bytes differently, is here.
//
// No sockets, no clocks.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "worker/socket/http.hpp"

namespace fsubs {

// Bytes of a request line, and of the head as a whole: a GraphQL document may stand in the URL.
inline constexpr size_t kMaxRequestHead = 16 * 1024;

// What a request says about itself besides what is in HttpRequest.
struct RequestFraming {
  bool keep_alive = false;      // another request may follow
  bool wants_continue = false;  // the client waits for a 100 before it sends the body
};

// The headers of a request to become a WebSocket (RFC 6455, section 4.1).
struct WebSocketOffer {
  std::string version;
  std::string key;
  std::string subprotocols;  // a list, separated by commas
};

class RequestParser {
 public:
  enum class State : uint8_t {
    kHead,      // wants more of the head
    kBody,      // the head is there; wants more of the body
    kComplete,  // the request is there
    kRefused,   // what comes cannot be understood: see refusal()
  };

  // `keeps_headers`: the request has all its headers.
  RequestParser(size_t max_body, bool keeps_headers);
  ~RequestParser();

  // Read from the front of `bytes`, up to the end of the head or of the request. Returns how many
  // were used up; the others come again, with more behind them, unless the state tells of an end.
  // REQUIRES: state() is kHead or kBody.
  size_t Feed(std::string_view bytes);

  State state() const { return state_; }
  // Nothing came yet but line breaks, which may stand in front of a request.
  bool untouched() const { return untouched_; }
  size_t body_bytes() const;

  // REQUIRES: kRefused. The connection is not to be used any further.
  const HttpReply& refusal() const { return refusal_; }
  // REQUIRES: kBody or kComplete.
  const RequestFraming& framing() const { return framing_; }
  const std::optional<WebSocketOffer>& offer() const { return offer_; }
  HttpMethod method() const { return request_.method; }
  const HttpRequest& head() const { return request_; }
  // REQUIRES: kComplete. Once.
  HttpRequest Take();
  // REQUIRES: offer() is there. Once.
  HttpRequest TakeHead() { return std::move(request_); }

 private:
  struct Library;

  size_t FeedHead(std::string_view bytes);
  size_t FeedBody(std::string_view bytes);
  void OnHead();
  void Refuse(unsigned status, std::string_view problem);

  const std::unique_ptr<Library> library_;
  HttpRequest request_;
  RequestFraming framing_;
  std::optional<WebSocketOffer> offer_;
  HttpReply refusal_;
  size_t head_bytes_ = 0;
  const size_t max_body_;
  const bool keeps_headers_;
  State state_ = State::kHead;
  bool untouched_ = true;
};

}  // namespace fsubs
