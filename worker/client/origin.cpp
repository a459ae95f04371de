#include "worker/client/origin.hpp"

#include <string>

#include "graphql/language/ascii.hpp"
#include "worker/client/text_list.hpp"

namespace fsubs {

bool OriginAllowed(std::string_view allowed, std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  const std::string page = graphql::ToLower(origin);
  const size_t authority = page.find("://");
  if (authority != std::string::npos && !host.empty() &&
      page.substr(authority + 3) == graphql::ToLower(host)) {
    return true;
  }
  while (!allowed.empty()) {
    const std::string_view one = TakeItem(&allowed, ',');
    if (one == "*" || graphql::ToLower(one) == page) return true;
  }
  return false;
}

}  // namespace fsubs
