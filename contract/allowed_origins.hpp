// The value of `allowed_origins`: "*" for every web page, or the origins of pages, separated by
// commas.
//
// An origin stands there as browsers send it (RFC 6454, section 6.2), since that is what it is
// compared with. "https://*.example.com" stands for every name below example.com, not for itself.
#pragma once

#include <optional>
#include <string_view>

namespace fsubs {

// Why an entry would match no page. The texts are constant and views of the list, so that nothing
// needs a destructor.
struct OriginProblem {
  std::string_view entry;
  const char* detail;  // goes on behind the entry
  const char* hint;
};

// The first entry that is wrong.
std::optional<OriginProblem> FindOriginProblem(std::string_view allowed);

// Whether the list has "*".
bool AllowsEveryPage(std::string_view allowed);

// Whether an entry matches `origin`, which is in lower case.
bool ListsOrigin(std::string_view allowed, std::string_view origin);

// Whether the origin in an entry is of that host, which is in lower case and has no port.
bool ListsHost(std::string_view allowed, std::string_view host);

}  // namespace fsubs
