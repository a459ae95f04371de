// Code that may fail without failing the transaction.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// Run `body` in a subtransaction. Returns false if it raised an error, which undid what it did. The
// request to cancel the statement is raised again.
[[nodiscard]] bool TryInSubtransaction(void (*body)(void*), void* argument);

// REQUIRES: `body` may be left by a jump.
template <typename Body>
[[nodiscard]] bool TryInSubtransaction(Body body) {
  static_assert(std::is_trivially_destructible_v<Body>);
  return TryInSubtransaction([](void* argument) { (*static_cast<Body*>(argument))(); }, &body);
}

}  // namespace fsubs
