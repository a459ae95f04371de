#include "graphql/sdl/growing_schema.hpp"

#include "graphql/language/parser.hpp"
#include "graphql/schema/filter_types.hpp"

namespace fsubs::graphql {
namespace {

constexpr char kCheckAll[] = "all of the schema has to be checked with it";

}  // namespace

// Whether `added` may change what the schema makes of definitions that it already has.
bool GrowingSchema::ConcernsOthers(const Document& added) const {
  if (added.definitions.size() != added.types.size()) return true;
  size_t extensions = 0;
  for (const TypeDefinition& type : added.types) {
    if (type.extension) {
      if (type.name.text != "Subscription" || ++extensions > 1) return true;
      continue;
    }
    // A filter of that name may be one on lists of a shorter name.
    const std::string name(type.name.text);
    for (const char* suffix : {"Filter", "ListFilter"}) {
      if (schema().FindType(name + suffix) != nullptr) return true;
    }
  }
  return false;
}

std::string GrowingSchema::Add(std::string_view definitions,
                               std::span<const std::string_view> fields) {
  std::string sdl(definitions);
  if (!fields.empty()) {
    const bool first = schema().Root(OperationKind::kSubscription) == nullptr;
    sdl += first ? "\n\ntype Subscription {\n" : "\n\nextend type Subscription {\n";
    for (std::string_view field : fields) sdl.append("  ").append(field) += '\n';
    sdl += "}\n";
  }
  const ParseResult parsed = ParseDocument(sdl, SdlLimits(checkpoint_));
  if (!parsed.document) return parsed.error->message;
  if (ConcernsOthers(*parsed.document)) return kCheckAll;
  const std::string filters = GenerateFilterTypes(*parsed.document, &schema(), checkpoint_);
  sdl.append("\n").append(filters);
  const std::vector<Error> errors = builder_.Extend(sdl);
  if (!errors.empty()) return errors.front().message;
  size_ += sdl.size();
  return {};
}

}  // namespace fsubs::graphql
