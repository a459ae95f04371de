// What the validation rules share: the schema, the document and the errors found so far.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "graphql/ast.hpp"
#include "graphql/error.hpp"
#include "graphql/schema.hpp"
#include "graphql/validate.hpp"

namespace fsubs::graphql {

struct ValidationContext {
  const Schema& schema;
  const Document& document;
  const ValidationLimits& limits;
  std::vector<Error> errors;

  bool full() const { return errors.size() >= limits.max_errors; }

  void Report(std::string message, std::initializer_list<uint32_t> offsets) {
    if (full()) return;
    Error error{std::move(message), {}};
    for (uint32_t offset : offsets) error.locations.push_back(document.LocationOf(offset));
    errors.push_back(std::move(error));
  }
};

inline std::string Quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// Section 5.2 to 5.8, one function a rule or a family of rules that share a walk.
void ValidateOperations(ValidationContext* context);  // 5.2
void ValidateFragments(ValidationContext* context);   // 5.5.1, 5.5.2.2
void ValidateVariables(ValidationContext* context);   // 5.8
void ValidateSelections(ValidationContext* context);  // 5.3, 5.4, 5.5.2, 5.6, 5.7
void ValidateMerging(ValidationContext* context);     // 5.3.2

// Values of correct type (5.6) for one literal; variables inside are checked by ValidateVariables.
void ValidateLiteral(ValidationContext* context, const WrappedType& type, const Value& value);

}  // namespace fsubs::graphql
