// HTTP requests of any method, headers and body: fields are separated by zero bytes.
#include <algorithm>
#include <string_view>

#include "contract/allowed_origins.hpp"
#include "worker/client/graphql_http.hpp"
#include "worker/client/origin.hpp"

using namespace fsubs;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&] {
    const std::string_view field = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(field.size() + 1, rest.size()));
    return std::string(field);
  };
  HttpRequest request;
  request.accept = next();
  request.content_type = next();
  request.origin = next();
  request.host = next();
  if (next() == "GET") {
    while (!rest.empty()) request.parameters.push_back(next());
  } else {
    request.method = HttpMethod::kPost;
    request.body = rest;
  }
  (void)NegotiateResponseType(request.accept);
  constexpr std::string_view kAllowed = "https://a.example,https://*.b.example:8443";
  (void)OriginAllowed(kAllowed, request.origin, request.host);
  (void)MayHideItsPage(kAllowed, request);
  // One origin without a problem allows itself.
  const std::string& list = request.host;
  const bool is_one = !list.empty() && list.find_first_of("*, ") == std::string::npos;
  if (is_one && !FindOriginProblem(list) && !OriginAllowed(list, list, {})) __builtin_trap();
  HttpOperation operation;
  const auto refused = operation.Read(std::move(request));
  JsonTree tree;
  if (refused && !(refused->status >= 400 && tree.ParseCopy(refused->body))) __builtin_trap();
  if (!refused && !IsUtf8(operation.operation().query)) __builtin_trap();
  return 0;
}
