// Directives (specification, section 5.7).
#include <algorithm>

#include "graphql/language/print.hpp"
#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {
namespace {

// A directive as the schema knows it or, before that, as the document defines it.
class KnownDirective {
 public:
  KnownDirective(const ValidationContext& context, std::string_view name)
      : type_(context.schema.FindDirective(name)) {
    for (const DirectiveDefinition& definition : context.document.directives) {
      if (definition.name.text == name) definition_ = &definition;
    }
  }

  explicit operator bool() const { return type_ != nullptr || definition_ != nullptr; }
  bool repeatable() const {
    return definition_ != nullptr ? definition_->repeatable : type_->repeatable;
  }
  bool AllowedAt(std::string_view location) const {
    if (definition_ == nullptr) return type_->AllowedAt(location);
    return std::any_of(definition_->locations.begin(), definition_->locations.end(),
                       [&](const Name& name) { return name.text == location; });
  }
  // Calls `visit` with each argument's name, whether it must be given, and a function that prints
  // its type.
  template <typename Visitor>
  void ForEachArgument(const Visitor& visit) const {
    if (definition_ == nullptr) {
      for (const InputValue& input : type_->arguments) {
        visit(input.name, input.required(), [&] { return ToString(*input.type); });
      }
      return;
    }
    for (const InputValueDefinition& input : definition_->arguments) {
      visit(input.name.text,
            input.type->kind == TypeRefKind::kNonNull && input.default_value == nullptr,
            [&] { return Print(*input.type); });
    }
  }

  // Those of `names`, of its arguments, that may be suggested.
  std::vector<std::string_view> ShownArguments(const ValidationContext& context,
                                               const std::vector<std::string_view>& names) const {
    return definition_ != nullptr ? names : context.NamesOf(type_->arguments);
  }

 private:
  const DirectiveType* type_;
  const DirectiveDefinition* definition_ = nullptr;
};

void KnownDirectiveArgumentNames(ValidationContext* context, const Directive& directive,
                                 const KnownDirective& known) {
  std::vector<std::string_view> names;
  known.ForEachArgument([&](std::string_view name, bool, auto) { names.push_back(name); });
  const std::vector<std::string_view> shown = known.ShownArguments(*context, names);
  for (const Argument& argument : directive.arguments) {
    if (std::find(names.begin(), names.end(), argument.name.text) != names.end()) continue;
    context->Report("Unknown argument " + Quoted(argument.name.text) + " on directive \"@" +
                        std::string(directive.name.text) + "\"." +
                        context->Hint(argument.name.text, shown),
                    {argument.name.offset});
  }
}

void ProvidedRequiredDirectiveArguments(ValidationContext* context, const Directive& directive,
                                        const KnownDirective& known) {
  known.ForEachArgument([&](std::string_view name, bool required, const auto& type) {
    if (!required) return;
    const bool given =
        std::any_of(directive.arguments.begin(), directive.arguments.end(),
                    [&](const Argument& argument) { return argument.name.text == name; });
    if (given) return;
    context->Report("Directive \"@" + std::string(directive.name.text) + "\" argument " +
                        Quoted(name) + " of type " + Quoted(type()) +
                        " is required, but it was not provided.",
                    {directive.offset});
  });
}

void VisitDirective(ValidationContext* context, const Directive& directive,
                    std::string_view location, const Field* field) {
  const KnownDirective known(*context, directive.name.text);
  const std::string name = "\"@" + std::string(directive.name.text) + "\"";
  if (!known) {
    context->Report("Unknown directive " + name + ".", {directive.offset});
  } else {
    if (!known.AllowedAt(location)) {
      context->Report("Directive " + name + " may not be used on " + std::string(location) + ".",
                      {directive.offset});
    }
    KnownDirectiveArgumentNames(context, directive, known);
  }
  UniqueArgumentNames(context, directive.arguments);
  const DirectiveType* const type = context->schema.FindDirective(directive.name.text);
  for (const Argument& argument : directive.arguments) {
    const InputValue* input = nullptr;
    if (type != nullptr) {
      input = type->FindArgument(argument.name.text);
    } else if (field != nullptr) {
      input = field->FindArgument(argument.name.text);
    }
    VisitValue(context, *argument.value, input != nullptr ? input->type : nullptr);
  }
  if (known) ProvidedRequiredDirectiveArguments(context, directive, known);
}

}  // namespace

void UniqueDirectivesPerLocation(ValidationContext* context,
                                 std::span<const Directive> directives) {
  if (directives.size() < 2) return;
  FirstUses seen(context->arena());
  UniqueDirectivesPerLocation(context, directives, &seen);
}

void UniqueDirectivesPerLocation(ValidationContext* context, std::span<const Directive> directives,
                                 FirstUses* seen) {
  for (const Directive& directive : directives) {
    const KnownDirective known(*context, directive.name.text);
    if (!known || known.repeatable()) continue;
    if (const auto first = seen->Add(directive.name.text, directive.offset)) {
      context->Report("The directive \"@" + std::string(directive.name.text) +
                          "\" can only be used once at this location.",
                      {*first, directive.offset});
    }
  }
}

void VisitDirectives(ValidationContext* context, std::span<const Directive> directives,
                     std::string_view location, const Field* field) {
  for (const Directive& directive : directives) {
    VisitDirective(context, directive, location, field);
  }
}

}  // namespace fsubs::graphql
