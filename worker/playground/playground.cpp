#include "worker/playground/playground.hpp"

namespace fsubs {
namespace {

constexpr std::string_view kPage =
#include "playground_page.inc"
    ;

constexpr std::pair<std::string_view, std::string_view> kHeaders[] = {
    // The page is one file and talks to its own server only.
    {"content-security-policy",
     "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
     "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"cache-control", "no-cache"},
    {"referrer-policy", "no-referrer"},
};

}  // namespace

PlaygroundPage Playground() {
  return {"text/html; charset=utf-8", kPage, kHeaders};
}

}  // namespace fsubs
