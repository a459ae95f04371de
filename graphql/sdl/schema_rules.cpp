#include "graphql/sdl/schema_rules.hpp"

#include <algorithm>
#include <set>

namespace fsubs::graphql {
namespace {

std::vector<uint32_t> OffsetsOf(const Type& type) {
  std::vector<uint32_t> offsets;
  for (const TypeDefinition* node : type.nodes) offsets.push_back(node->offset);
  return offsets;
}

class SchemaRules {
 public:
  SchemaRules(const Schema& schema, const SchemaPart& part, SdlErrors* errors)
      : schema_(schema), part_(part), errors_(errors) {}

  void Check() {
    CheckRoot(OperationKind::kQuery, "Query");
    CheckRoot(OperationKind::kMutation, "Mutation");
    CheckRoot(OperationKind::kSubscription, "Subscription");
    for (const DirectiveType& directive : part_.directives) {
      if (directive.builtin) continue;
      const std::string name = "@" + std::string(directive.name);
      CheckName(directive.name, directive.node->offset);
      for (const InputValue& argument : directive.arguments) {
        CheckInput("argument", name + "(" + std::string(argument.name) + ":)", argument,
                   argument.node->offset);
      }
    }
    for (const auto& type : part_.types) {
      errors_->Pass();
      if (!type->builtin) CheckType(*type);
    }
    for (const Field& field : part_.fields) CheckField(*part_.extended, field);
  }

 private:
  void CheckRoot(OperationKind kind, const std::string& name) {
    const Type* const type = schema_.Root(kind);
    const bool optional = kind != OperationKind::kQuery;
    if (type == nullptr && !optional) {
      std::vector<uint32_t> offsets;
      for (const SchemaDefinition& node : errors_->document().schemas) {
        if (!node.extension) offsets.push_back(node.offset);
      }
      errors_->Report("Query root type must be provided.", offsets);
    }
    if (type == nullptr || type->kind == TypeKind::kObject) return;
    std::vector<uint32_t> offsets;
    for (const SchemaDefinition& node : errors_->document().schemas) {
      for (const RootOperationType& root : node.operation_types) {
        if (root.kind == kind) offsets = {root.type.offset};
      }
    }
    if (offsets.empty() && !type->nodes.empty()) offsets = {type->nodes.front()->offset};
    errors_->Report(name + " root type must be Object type" + (optional ? " if provided" : "") +
                        ", it cannot be " + std::string(type->name) + ".",
                    offsets);
  }

  void CheckName(std::string_view name, uint32_t offset) {
    if (!name.starts_with("__")) return;
    errors_->Report("Name " + Quoted(name) +
                        " must not begin with \"__\", which is reserved by GraphQL introspection.",
                    {offset});
  }

  // An argument or a field of an input object.
  void CheckInput(const char* what, const std::string& where, const InputValue& input,
                  uint32_t type_offset) {
    CheckName(input.name, input.node->offset);
    if (!input.type->type->is_input()) {
      errors_->Report(
          "The type of " + where + " must be Input Type but got: " + ToString(*input.type) + ".",
          {type_offset});
    }
    if (!input.required() || !input.deprecated) return;
    const auto& directives = input.node->directives;
    const auto deprecated =
        std::find_if(directives.begin(), directives.end(),
                     [](const Directive& node) { return node.name.text == "deprecated"; });
    errors_->Report("Required " + std::string(what) + " " + where + " cannot be deprecated.",
                    {deprecated->offset, input.node->type->offset});
  }

  void CheckType(const Type& type) {
    const std::string name(type.name);
    CheckName(type.name, type.nodes.front()->offset);
    const auto need = [&](bool given, const char* kind, const char* what) {
      if (given) return;
      errors_->Report(kind + name + " must define one or more " + what + ".", OffsetsOf(type));
    };
    switch (type.kind) {
      case TypeKind::kScalar:
        break;
      case TypeKind::kObject:
      case TypeKind::kInterface:
        need(!type.fields.empty(), "Type ", "fields");
        for (const Field& field : type.fields) CheckField(type, field);
        CheckImplementations(schema_, type, errors_);
        break;
      case TypeKind::kUnion:
        CheckMembers(type);
        break;
      case TypeKind::kEnum:
        need(!type.values.empty(), "Enum type ", "values");
        for (const EnumValue& value : type.values) CheckName(value.name, value.node->offset);
        break;
      case TypeKind::kInputObject:
        need(!type.input_fields.empty(), "Input Object type ", "fields");
        for (const InputValue& field : type.input_fields) {
          CheckInput("input field", name + "." + std::string(field.name), field,
                     field.node->type->offset);
        }
        break;
    }
  }

  void CheckField(const Type& type, const Field& field) {
    const std::string where = std::string(type.name) + "." + std::string(field.name);
    CheckName(field.name, field.node->offset);
    if (!field.type->type->is_output()) {
      errors_->Report(
          "The type of " + where + " must be Output Type but got: " + ToString(*field.type) + ".",
          {field.node->type->offset});
    }
    for (const InputValue& argument : field.arguments) {
      CheckInput("argument", where + "(" + std::string(argument.name) + ":)", argument,
                 argument.node->type->offset);
    }
  }

  void CheckMembers(const Type& type) {
    const std::string name = "Union type " + std::string(type.name);
    std::set<std::string_view> seen;
    for (const TypeDefinition* node : type.nodes) {
      for (const Name& member : node->members) {
        const auto offsets = [&] {
          return graphql::OffsetsOf(type, member.text,
                                    [](const TypeDefinition& node) { return node.members; });
        };
        if (!seen.insert(member.text).second) {
          errors_->Report(name + " can only include type " + std::string(member.text) + " once.",
                          offsets());
        } else if (schema_.FindType(member.text)->kind != TypeKind::kObject) {
          errors_->Report(name + " can only include Object types, it cannot include " +
                              std::string(member.text) + ".",
                          offsets());
        }
      }
    }
    if (seen.empty()) {
      errors_->Report(name + " must define one or more member types.", OffsetsOf(type));
    }
  }

  const Schema& schema_;
  const SchemaPart& part_;
  SdlErrors* const errors_;
};

}  // namespace

void CheckSchema(const Schema& schema, const SchemaPart& part, SdlErrors* errors) {
  SchemaRules(schema, part, errors).Check();
  CheckInputCycles(part, errors);
  if (errors->empty()) CheckLiterals(schema, part, errors);
}

}  // namespace fsubs::graphql
