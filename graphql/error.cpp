#include "graphql/error.hpp"

#include <algorithm>

namespace fsubs::graphql {

SourceLocation LocationAt(std::string_view source, uint32_t offset) {
  SourceLocation location{1, 1};
  const size_t end = std::min<size_t>(offset, source.size());
  for (size_t i = 0; i < end; ++i) {
    const auto byte = static_cast<unsigned char>(source[i]);
    if (byte == '\n' || (byte == '\r' && (i + 1 == source.size() || source[i + 1] != '\n'))) {
      ++location.line;
      location.column = 1;
    } else if ((byte & 0xC0) != 0x80) {
      // Code points beyond the basic plane, four bytes in UTF-8, are two UTF-16 units.
      location.column += byte >= 0xF0 ? 2 : 1;
    }
  }
  return location;
}

}  // namespace fsubs::graphql
