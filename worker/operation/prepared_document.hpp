// A document that was validated against a catalog. Immutable; shared by its plans.
#pragma once

#include <memory>

#include "graphql/language/ast.hpp"
#include "worker/operation/catalog.hpp"

namespace fsubs {

struct PreparedDocument {
  std::shared_ptr<const Catalog> catalog;
  std::shared_ptr<const graphql::Document> document;
};

}  // namespace fsubs
