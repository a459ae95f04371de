#include "worker/playground.hpp"

namespace fsubs {
namespace {

constexpr std::string_view kPage =
#include "worker/playground_page.inc"
    ;

}  // namespace

std::string_view PlaygroundPage() {
  return kPage;
}

}  // namespace fsubs
