// A document that was validated against what an audience sees of a catalog. Immutable; shared by
// its plans, and so by no client that sees less or more.
#pragma once

#include <memory>

#include "graphql/language/ast.hpp"
#include "worker/operation/catalog.hpp"

namespace fsubs {

struct PreparedDocument {
  std::shared_ptr<const Catalog> catalog;
  std::shared_ptr<const Audience> audience;
  std::shared_ptr<const graphql::Document> document;
};

}  // namespace fsubs
