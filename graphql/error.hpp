// Errors as GraphQL responses tell them (October 2021 specification, section 7.1.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fsubs::graphql {

// Both count from 1; columns count UTF-16 code units, as graphql-js does.
struct SourceLocation {
  uint32_t line;
  uint32_t column;
  bool operator==(const SourceLocation&) const = default;
};

struct Error {
  std::string message;
  std::vector<SourceLocation> locations;
  std::vector<std::string> path = {};  // response names, of an error in a field's execution
};

// The location of byte `offset` of `source`.
SourceLocation LocationAt(std::string_view source, uint32_t offset);

}  // namespace fsubs::graphql
