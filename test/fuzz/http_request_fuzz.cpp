// Requests of a connection, without the connection: in whatever pieces the same bytes come, they
// are the same requests, or are refused for the same reason.
//
// Input: a byte for the size of the pieces, then what the client sends.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "worker/socket/request_parser.hpp"

using namespace fsubs;

namespace {

constexpr size_t kMaxBody = 1024;

void Require(bool holds) {
  if (!holds) __builtin_trap();
}

std::string Summary(const HttpRequest& request) {
  std::string text = std::to_string(static_cast<int>(request.method)) + request.path;
  for (const std::string_view part : {request.accept, request.content_type, request.origin,
                                      request.host, request.authorization, request.body}) {
    text.append("\n").append(part);
  }
  for (const std::string& parameter : request.parameters) text.append("\n?").append(parameter);
  return text;
}

// What is read of `bytes`, which come up to `piece` at a time, and each time are asked about twice.
std::string Read(std::string_view bytes, size_t piece) {
  std::string read;
  std::string input;
  RequestParser parser(kMaxBody, true);
  const auto feed = [&] {
    for (RequestParser::State before = RequestParser::State::kHead;;) {
      const size_t used = parser.Feed(input);
      Require(used <= input.size());
      input.erase(0, used);
      Require(parser.body_bytes() <= kMaxBody);
      if (parser.state() != RequestParser::State::kBody || before == parser.state()) return;
      before = parser.state();
    }
  };
  while (!bytes.empty()) {
    input.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (int times = 0; times < 2; ++times) {
      feed();
      if (parser.state() == RequestParser::State::kRefused) {
        const HttpReply& refusal = parser.refusal();
        Require(refusal.status >= 400 && !refusal.body.empty());
        return read + std::to_string(refusal.status) + " " + refusal.body;
      }
      if (parser.state() == RequestParser::State::kComplete) {
        return read + Summary(parser.Take()) + "\n" + std::to_string(parser.framing().keep_alive);
      }
    }
  }
  return read + "more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes =
      std::string(reinterpret_cast<const char*>(data) + 1, size - 1) + "\r\n\r\n";
  const std::string whole = Read(bytes, bytes.size());
  Require(Read(bytes, 1) == whole);
  Require(Read(bytes, data[0] % 32 + 2) == whole);
  return 0;
}
