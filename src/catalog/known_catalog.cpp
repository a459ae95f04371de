#include "src/base/pg_compat.hpp"

#include "src/catalog/known_catalog.hpp"

namespace fsubs {
namespace {

// A session keeps no more text than this in memory; a larger catalog is checked whole each time.
constexpr size_t kMaxKeptText = 16 * 1024 * 1024;

size_t SizeOf(const Registration& registration) {
  size_t size = 0;
  for (const auto& rows : {registration.types, registration.fields}) {
    for (const CatalogRow& row : rows) size += row.sdl.size();
  }
  return size;
}

}  // namespace

bool KnownCatalog::Has(CatalogTable table, const CatalogRow& row) const noexcept {
  const Rows& rows = RowsOf(table);
  const auto found = rows.find(row.name);
  return found != rows.end() && found->second == row.sdl;
}

bool KnownCatalog::TryAdd(const Registration& added) {
  if (schema_ == nullptr) return false;
  if (added.types.empty() && added.fields.empty()) return true;
  // Nothing is known until the end, should it not be reached.
  std::unique_ptr<CheckedSchema> schema = std::move(schema_);
  if (schema->size() + SizeOf(added) > kMaxKeptText || !schema->TryAdd(added)) {
    Forget();
    return false;
  }
  Know(std::move(schema), added);
  return true;
}

bool KnownCatalog::TryWritten(std::string_view types, std::string_view field) {
  std::vector<graphql::NamedDefinition> definitions;
  std::vector<CatalogRow> rows;
  CatalogTable table = CatalogTable::kType;
  if (field.data() == nullptr) {
    definitions = SplitTypes(types);
    for (const graphql::NamedDefinition& type : definitions) rows.push_back({type.name, type.text});
  } else {
    table = CatalogTable::kSubscription;
    definitions.push_back({FieldName(field), {}});
    rows.push_back({definitions.front().name, field});
  }
  std::erase_if(rows, [&](const CatalogRow& row) { return Has(table, row); });
  for (const CatalogRow& row : rows) {
    if (HasName(table, row.name)) return false;
  }
  return table == CatalogTable::kType ? TryAdd({rows, {}}) : TryAdd({{}, rows});
}

void KnownCatalog::Check(const Registration& all, const Occasion& occasion) {
  Forget();
  auto schema = std::make_unique<CheckedSchema>(all, occasion);
  if (!occasion.scope.empty()) schema->CheckScope(FieldName(occasion.source), occasion.scope);
  Know(std::move(schema), all);
}

bool KnownCatalog::TryScope(const Occasion& occasion) const {
  if (occasion.scope.empty()) return true;
  if (schema_ == nullptr) return false;
  schema_->CheckScope(FieldName(occasion.source), occasion.scope);
  return true;
}

void KnownCatalog::Know(std::unique_ptr<CheckedSchema> schema, const Registration& added) {
  if (schema->size() > kMaxKeptText) {
    Forget();
    return;
  }
  for (const CatalogRow& row : added.types) types_.emplace(row.name, row.sdl);
  for (const CatalogRow& row : added.fields) fields_.emplace(row.name, row.sdl);
  schema_ = std::move(schema);
}

void KnownCatalog::Forget() {
  schema_.reset();
  types_ = {};
  fields_ = {};
}

}  // namespace fsubs
