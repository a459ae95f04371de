#include "worker/client/origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "contract/allowed_origins.hpp"
#include "graphql/language/ascii.hpp"

namespace fsubs {
namespace {

bool IsAddress(std::string host) {
  in6_addr address;
  if (!host.starts_with('[')) return inet_pton(AF_INET, host.c_str(), &address) == 1;
  return host.ends_with(']') &&
         inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) == 1;
}

// Whether nobody else can have pages by that host, which is in lower case and may have a port.
bool IsOurs(std::string_view allowed, std::string_view host) {
  const size_t address = host.starts_with('[') ? std::min(host.find(']'), host.size()) : 0;
  host = host.substr(0, host.find(':', address));
  return IsAddress(std::string(host)) || host == "localhost" || host.ends_with(".localhost") ||
         ListsHost(allowed, host);
}

bool IsPageOf(std::string_view host, std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme) && origin.substr(scheme.size()) == host) return true;
  }
  return false;
}

}  // namespace

bool OriginAllowed(std::string_view allowed, std::string_view origin, std::string_view host) {
  if (origin.empty() || AllowsEveryPage(allowed)) return true;
  const std::string page = graphql::ToLower(origin);
  if (ListsOrigin(allowed, page)) return true;
  const std::string asked = graphql::ToLower(host);
  return IsPageOf(asked, page) && IsOurs(allowed, asked);
}

bool MayHideItsPage(std::string_view allowed, const HttpRequest& request) {
  if (!request.origin.empty() || AllowsEveryPage(allowed)) return false;
  // Sent to https and to loopback addresses only, so that its absence says nothing.
  if (request.fetch_site == "cross-site" || request.fetch_site == "same-site") return true;
  const bool reads = request.method == HttpMethod::kGet || request.method == HttpMethod::kHead;
  // HTTP/1.0 has no Host, and no browser.
  return reads && !request.host.empty() && !IsOurs(allowed, graphql::ToLower(request.host));
}

}  // namespace fsubs
