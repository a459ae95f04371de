#include "worker/client/preflight.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "graphql/language/ascii.hpp"
#include "worker/client/text_list.hpp"

namespace fsubs {
namespace {

// Bytes of the names of all headers that a page asks for.
constexpr size_t kMaxNames = 4096;

// RFC 9110, section 5.6.2.
bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const char lower = graphql::ToLower(c);
    return graphql::IsDigit(c) || (lower >= 'a' && lower <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

// The names as a list again; nothing if one of them is none, or there are too many.
std::optional<std::string> HeaderNames(std::string_view asked) {
  if (asked.size() > kMaxNames) return std::nullopt;
  std::string names;
  while (!asked.empty()) {
    const std::string_view name = TakeItem(&asked, ',');
    if (!IsToken(name)) return std::nullopt;
    names.append(names.empty() ? "" : ", ").append(name);
  }
  return names;
}

}  // namespace

HttpReply ReplyToOptions(const HttpRequest& request) {
  HttpReply reply;
  reply.headers = {{"allow", "GET, HEAD, POST, OPTIONS"}};
  if (request.origin.empty() || request.preflight_method.empty()) return reply;
  reply.headers.emplace_back("access-control-allow-methods", "GET, POST");
  const auto names = HeaderNames(request.preflight_headers);
  if (names && !names->empty()) {
    reply.headers.emplace_back("access-control-allow-headers", *names);
  }
  reply.headers.emplace_back("access-control-max-age", "600");
  return reply;
}

}  // namespace fsubs
