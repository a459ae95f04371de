// Parses GraphQL documents: the whole grammar, executable and type system.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

#include "graphql/language/ast.hpp"
#include "graphql/language/checkpoint.hpp"
#include "graphql/language/error.hpp"

namespace fsubs::graphql {

struct ParseLimits {
  size_t max_tokens = 100000;
  // Nested selection sets, values and list types together; bounds the parser's own recursion.
  size_t max_depth = 200;
  Checkpoint checkpoint = GoOn;
};

// Limits for SDL. It comes from the database's own catalog, so they only keep mistakes from using
// up the stack and the memory.
constexpr ParseLimits SdlLimits(Checkpoint checkpoint = GoOn) {
  return {.max_tokens = 20000000, .max_depth = 200, .checkpoint = checkpoint};
}

struct ParseResult {
  std::shared_ptr<const Document> document;  // null if there is an error
  std::optional<Error> error;
};

// Parse a document of operations, fragments and type definitions in any mixture. Messages and
// locations are graphql-js's. Any bytes may be given. REQUIRES: source is shorter than 4 GiB.
ParseResult ParseDocument(std::string_view source, const ParseLimits& limits = {});

// Parse the definition of one field as it stands in an object type, such as
// `orderUpdated(id: ID, where: OrderFilter): Order`. The document owns `*field`.
struct FieldParseResult {
  std::shared_ptr<const Document> document;  // null if there is an error
  const FieldDefinition* field = nullptr;
  std::optional<Error> error;
};
FieldParseResult ParseFieldDefinition(std::string_view source, const ParseLimits& limits = {});

}  // namespace fsubs::graphql
