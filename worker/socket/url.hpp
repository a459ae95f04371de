// The target of an HTTP request: what it names and what it asks (RFC 3986; RFC 9112, section 3.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fsubs {

struct Target {
  std::string path;                     // decoded; "*" for the server as a whole
  std::string authority;                // of a target in absolute form, otherwise empty
  std::vector<std::string> parameters;  // of the query, decoded: "name=value"
};

// Nothing if `text` is no target of a request to a server that is not a proxy.
std::optional<Target> ReadTarget(std::string_view text);

}  // namespace fsubs
