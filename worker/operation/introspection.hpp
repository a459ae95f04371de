// The schema as data (October 2021 specification, section 4.2): what the fields of the
// introspection types hold.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "graphql/schema/schema.hpp"
#include "graphql/schema/visibility.hpp"

namespace fsubs {

// An object of the introspection types. Wrapped types and named ones are both `__Type`.
using IntrospectionObject =
    std::variant<const graphql::Schema*, const graphql::WrappedType*, const graphql::Type*,
                 const graphql::Field*, const graphql::InputValue*, const graphql::EnumValue*,
                 const graphql::DirectiveType*>;

// What a field holds: null, a leaf, or objects. Strings are values of String and of enums.
using IntrospectionValue = std::variant<std::monostate, bool, std::string, std::vector<std::string>,
                                        IntrospectionObject, std::vector<IntrospectionObject>>;

// The value of one field. `include_deprecated` is the field's argument of that name. What is not
// visible is not listed.
IntrospectionValue Introspect(const IntrospectionObject& object, std::string_view field,
                              bool include_deprecated, const graphql::Visibility& visibility);

}  // namespace fsubs
