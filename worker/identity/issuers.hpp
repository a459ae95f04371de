// Who may issue tokens, as registered. Immutable; part of a catalog.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/json/json_tree.hpp"

namespace fsubs {

class Issuers {
 public:
  // From the member `issuers` of a snapshot (docs/side-door.md). An issuer that cannot be used is
  // left out, and `*left_out` says why.
  static std::shared_ptr<const Issuers> FromSnapshot(const JsonValue& rows,
                                                     std::vector<std::string>* left_out);
};

}  // namespace fsubs
