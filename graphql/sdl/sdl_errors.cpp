#include "graphql/sdl/sdl_errors.hpp"

#include <algorithm>
#include <utility>

namespace fsubs::graphql {

void SdlErrors::Report(std::string message, std::vector<uint32_t> offsets) {
  if (found_.size() < kMaxErrors) found_.push_back({{std::move(message), {}}, std::move(offsets)});
}

void SdlErrors::Add(Error error) {
  if (found_.size() < kMaxErrors) found_.push_back({std::move(error), {}});
}

std::vector<Error> SdlErrors::Take() {
  if (found_.empty()) return {};
  LocationIndex locations(document_.source());
  std::vector<Error> errors;
  for (Found& found : found_) {
    for (uint32_t offset : found.offsets) found.error.locations.push_back(locations.At(offset));
    errors.push_back(std::move(found.error));
  }
  const auto first = [](const Error& error) {
    if (error.locations.empty()) return std::pair<uint32_t, uint32_t>();
    return std::pair(error.locations.front().line, error.locations.front().column);
  };
  std::stable_sort(errors.begin(), errors.end(),
                   [&](const Error& a, const Error& b) { return first(a) < first(b); });
  return errors;
}

}  // namespace fsubs::graphql
