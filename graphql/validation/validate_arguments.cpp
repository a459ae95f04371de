// Arguments of fields (specification, section 5.4).
#include <algorithm>

#include "graphql/validation/validation_rules.hpp"

namespace fsubs::graphql {

void KnownArgumentNames(ValidationContext* context, const Argument& argument, const Type* parent,
                        const Field* definition) {
  if (definition == nullptr || definition->FindArgument(argument.name.text) != nullptr) return;
  context->Report("Unknown argument " + Quoted(argument.name.text) + " on field " +
                      Quoted(std::string(parent->name) + "." + std::string(definition->name)) +
                      "." +
                      context->Hint(argument.name.text, context->NamesOf(definition->arguments)),
                  {argument.name.offset});
}

void UniqueArgumentNames(ValidationContext* context, std::span<const Argument> arguments) {
  ReportRepeated(context, arguments, "argument named \"",
                 [](const Argument& argument) { return argument.name; });
}

void ProvidedRequiredArguments(ValidationContext* context, const Selection& field,
                               const Field& definition) {
  for (const InputValue& wanted : definition.arguments) {
    if (!wanted.required()) continue;
    const bool given =
        std::any_of(field.arguments.begin(), field.arguments.end(),
                    [&](const Argument& argument) { return argument.name.text == wanted.name; });
    if (given) continue;
    context->Report("Field " + Quoted(definition.name) + " argument " + Quoted(wanted.name) +
                        " of type " + Quoted(ToString(*wanted.type)) +
                        " is required, but it was not provided.",
                    {field.offset});
  }
}

}  // namespace fsubs::graphql
