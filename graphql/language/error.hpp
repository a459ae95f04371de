// What is wrong with a document, and where.
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
};

// A name or a type as messages show it.
inline std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// The location of byte `offset` of `source`.
SourceLocation LocationAt(std::string_view source, uint32_t offset);

// Finds many locations in one source. The time for each does not depend on its offset.
class LocationIndex {
 public:
  // `source` outlives the index.
  explicit LocationIndex(std::string_view source);
  // Fastest if offsets come in ascending order.
  SourceLocation At(uint32_t offset);

 private:
  static constexpr uint32_t kStep = 256;
  const std::string_view source_;
  std::vector<SourceLocation> steps_;  // of every kStep-th byte
  size_t last_offset_ = 0;
  SourceLocation last_{1, 1};
};

}  // namespace fsubs::graphql
