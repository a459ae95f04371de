// HTTP requests of any method, headers and body: fields are separated by zero bytes.
#include <algorithm>
#include <string_view>

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
  (void)OriginAllowed("https://a.example,https://b.example", request.origin, request.host);
  HttpOperation operation;
  const auto refused = operation.Read(std::move(request));
  JsonTree tree;
  if (refused && !(refused->status >= 400 && tree.ParseCopy(refused->body))) __builtin_trap();
  if (!refused && !IsUtf8(operation.operation().query)) __builtin_trap();
  return 0;
}
