#include "graphql/language/error.hpp"

#include <algorithm>

namespace fsubs::graphql {

namespace {

// The location of byte `end`, given that of byte `start`.
SourceLocation Advance(std::string_view source, size_t start, size_t end, SourceLocation location) {
  for (size_t i = start; i < end; ++i) {
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

}  // namespace

SourceLocation LocationAt(std::string_view source, uint32_t offset) {
  return Advance(source, 0, std::min<size_t>(offset, source.size()), {1, 1});
}

LocationIndex::LocationIndex(std::string_view source) : source_(source) {
  SourceLocation location{1, 1};
  for (size_t at = 0; at <= source.size(); at += kStep) {
    steps_.push_back(location);
    location = Advance(source, at, std::min<size_t>(at + kStep, source.size()), location);
  }
}

SourceLocation LocationIndex::At(uint32_t offset) {
  const size_t end = std::min<size_t>(offset, source_.size());
  const size_t step = end - end % kStep;
  const bool from_last = last_offset_ >= step && last_offset_ <= end;
  last_ = from_last ? Advance(source_, last_offset_, end, last_)
                    : Advance(source_, step, end, steps_[end / kStep]);
  last_offset_ = end;
  return last_;
}

}  // namespace fsubs::graphql
