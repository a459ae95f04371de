#pragma once
#include <string_view>
namespace fsubs {
inline std::string_view PlaygroundPage() {
  return "<!doctype html>";
}
}  // namespace fsubs
