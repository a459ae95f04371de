#include "worker/socket/http_reply.hpp"

#include <array>
#include <ctime>
#include <ostream>  // Boost 1.74 forgets it

#include <boost/beast/http/status.hpp>

namespace fsubs {
namespace {

std::string Date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 32> text;
  // The worker never leaves the C locale.
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

}  // namespace

std::string_view ReasonOf(unsigned status) {
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
  return {reason.data(), reason.size()};
}

std::string FormatReply(const HttpReply& reply, ReplyBody body, bool keep_alive) {
  std::string bytes = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  bytes += ReasonOf(reply.status);
  const auto add = [&](std::string_view name, std::string_view value) {
    bytes.append("\r\n").append(name).append(": ").append(value);
  };
  add("date", Date());
  add("content-type", reply.content_type);
  if (body != ReplyBody::kStreamed) add("content-length", std::to_string(reply.body.size()));
  if (!keep_alive) add("connection", "close");
  add("x-content-type-options", "nosniff");
  for (const auto& [name, value] : reply.headers) add(name, value);
  bytes += "\r\n\r\n";
  if (body == ReplyBody::kWhole) bytes += reply.body;
  return bytes;
}

}  // namespace fsubs
