// A composed schema (compose.hpp) to which types and subscription fields are added one after the
// other, for checking each against all that were there before.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/language/checkpoint.hpp"
#include "graphql/sdl/schema_builder.hpp"

namespace fsubs::graphql {

class GrowingSchema {
 public:
  explicit GrowingSchema(Checkpoint checkpoint = GoOn)
      : checkpoint_(checkpoint), builder_(checkpoint) {}

  // Begin with what ComposeSchema returned. Returns its errors; after errors, and after anything
  // thrown by the checkpoint, the object can only be destroyed.
  std::vector<Error> Build(std::string_view sdl) {
    size_ = sdl.size();
    return builder_.Build(sdl);
  }

  // Add definitions and fields, with the filter inputs that they need. Takes as long as these need,
  // however large the schema is. Returns an empty string, or why they were not added. They may be
  // valid all the same if what was there would have to be checked anew, as it has to if directives
  // are defined. REQUIRES: Build has succeeded.
  std::string Add(std::string_view definitions, std::span<const std::string_view> fields);

  const Schema& schema() const { return builder_.schema(); }
  // Bytes of all its text.
  size_t size() const { return size_; }

 private:
  bool ConcernsOthers(const Document& added) const;

  const Checkpoint checkpoint_;
  SchemaBuilder builder_;
  size_t size_ = 0;
};

}  // namespace fsubs::graphql
