// The page for trying subscriptions in a browser; worker/playground/ has its sources.
#pragma once

#include <span>
#include <string_view>
#include <utility>

namespace fsubs {

// Lives as long as the program.
struct PlaygroundPage {
  std::string_view content_type;
  // HTML that needs nothing but this server: styles and scripts are in it, its requests go to
  // /graphql and /readyz of its origin.
  std::string_view body;
  // Names in lower case and values; the page must not be served without them.
  std::span<const std::pair<std::string_view, std::string_view>> headers;
};

PlaygroundPage Playground();

}  // namespace fsubs
