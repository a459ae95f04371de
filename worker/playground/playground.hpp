// The page for trying subscriptions in a browser; worker/playground/ has its sources.
#pragma once

#include <string_view>

namespace fsubs {

// HTML that needs nothing but this server: styles and scripts are in it, its requests go to
// /graphql and /healthz of its origin. Lives as long as the program.
std::string_view PlaygroundPage();

}  // namespace fsubs
