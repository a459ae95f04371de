#include "worker/playground/playground.hpp"

namespace fsubs {
namespace {

constexpr std::string_view kPage =
#include "playground_page.inc"
    ;

}  // namespace

std::string_view PlaygroundPage() {
  return kPage;
}

}  // namespace fsubs
