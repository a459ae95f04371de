// The catalog as this session last found it valid. Pure C++.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/catalog/schema_check.hpp"

namespace fsubs {

enum class CatalogTable { kType, kSubscription };

class KnownCatalog {
 public:
  // Whether the row is among those that were found valid.
  bool Has(CatalogTable table, const CatalogRow& row) const noexcept;
  // Whether a row of that name is, perhaps with another definition.
  bool HasName(CatalogTable table, std::string_view name) const noexcept {
    return RowsOf(table).contains(name);
  }
  // How many rows are.
  size_t size(CatalogTable table) const noexcept { return RowsOf(table).size(); }

  // Whether the catalog is known to stay valid with rows that were added to it. If not, nothing is
  // known any more. Throws nothing but what ThrowIfInterrupted throws and std::bad_alloc.
  bool TryAdd(const Registration& added);

  // The same for the types or, if it is not null, the field that a registration wrote. They may be
  // known already.
  bool TryWritten(std::string_view types, std::string_view field);

  // Check the whole catalog and the occasion's scope, and know the catalog from now on. Throws
  // UserError if they are not valid.
  void Check(const Registration& all, const Occasion& occasion);

  // As CheckedSchema::CheckScope, by what is known. Returns whether enough is.
  bool TryScope(const Occasion& occasion) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using Rows = std::unordered_map<std::string, std::string, Hash, std::equal_to<>>;

  const Rows& RowsOf(CatalogTable table) const noexcept {
    return table == CatalogTable::kType ? types_ : fields_;
  }
  void Know(std::unique_ptr<CheckedSchema> schema, const Registration& added);
  void Forget();

  std::unique_ptr<CheckedSchema> schema_;  // null: nothing is known
  Rows types_;
  Rows fields_;
};

}  // namespace fsubs
