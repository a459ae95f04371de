// fraiseql_subs.check_catalog(): whether what the tables hold is a valid schema.
//
// The tables are locked and read with the newest snapshot, whatever the transaction's own. So this
// is what will be there once the transaction has committed: also in REPEATABLE READ, whose snapshot
// may lack what others have registered since.
#include "src/base/pg_compat.hpp"

#include "src/base/catalog_changes.hpp"
#include "src/base/pg_boundary.hpp"
#include "src/base/sql_text.hpp"
#include "src/catalog/known_catalog.hpp"

namespace fsubs {
namespace {

// Rows of one table, in palloc'ed memory.
struct RowList {
  CatalogRow* rows;
  size_t count;
  size_t capacity;
  size_t known;  // rows that were left out because they were known

  std::span<const CatalogRow> span() const { return {rows, count}; }
};

struct CatalogRows {
  RowList types;
  RowList fields;

  Registration registration() const { return {types.span(), fields.span()}; }
};

// What this session knows; made at its first registration.
KnownCatalog* session_catalog;

// Whether the tables were locked when they were last found valid, and are since. Then nobody else
// has changed them.
bool locked_since_check;

// INSERT ... ON CONFLICT DO UPDATE, by which all is registered, runs the triggers of both.
constexpr uint64_t kChangesOfRegistration = 2;

// What this session had done to them by then.
uint64_t changes_by_check;

void ForgetAtEnd(XactEvent event, void*) {
  if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE) locked_since_check = false;
}

// What is rolled back takes its changes with it, and perhaps the lock.
void ForgetAtRollback(SubXactEvent event, SubTransactionId, SubTransactionId, void*) {
  if (event == SUBXACT_EVENT_ABORT_SUB) locked_since_check = false;
}

void MakeSessionCatalog() {
  RunGuarded([] { session_catalog = new KnownCatalog(); });
  RegisterXactCallback(ForgetAtEnd, nullptr);
  RegisterSubXactCallback(ForgetAtRollback, nullptr);
}

// Whether the tables hold what was found valid and what the last statement wrote, and nothing else.
bool OnlyLastStatementIsNew() {
  return locked_since_check && catalog_changes == changes_by_check + kChangesOfRegistration;
}

void NoteValid() {
  locked_since_check = true;
  changes_by_check = catalog_changes;
}

std::string_view Copy(std::string_view text) {
  char* const copy = static_cast<char*>(palloc(text.size() + 1));
  memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

void Append(RowList* list, const CatalogRow& row) {
  if (list->count == list->capacity) {
    list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
    const size_t bytes = mul_size(list->capacity, sizeof(CatalogRow));
    list->rows = static_cast<CatalogRow*>(list->rows == nullptr
                                              ? MemoryContextAllocHuge(CurrentMemoryContext, bytes)
                                              : repalloc_huge(list->rows, bytes));
  }
  list->rows[list->count++] = {Copy(row.name), Copy(row.sdl)};
}

// Read the columns `name` and `sdl` of a table, without the rows that are known.
RowList ReadTable(const char* table, const char* sdl, const KnownCatalog* known, CatalogTable kind,
                  Snapshot snapshot) {
  const Oid oid = get_relname_relid(table, get_namespace_oid("fraiseql_subs", false));
  const Relation relation = table_open(oid, ShareRowExclusiveLock);
  const int name_column = SPI_fnumber(RelationGetDescr(relation), "name");
  const int sdl_column = SPI_fnumber(RelationGetDescr(relation), sdl);
  TupleTableSlot* const slot = table_slot_create(relation, nullptr);
  const TableScanDesc scan = table_beginscan(relation, snapshot, 0, nullptr);
  const MemoryContext context = CurrentMemoryContext;
  const MemoryContext row_context =
      AllocSetContextCreate(context, "fraiseql_subs catalog row", ALLOCSET_DEFAULT_SIZES);
  RowList list{};
  while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
    CHECK_FOR_INTERRUPTS();
    MemoryContextReset(row_context);
    MemoryContextSwitchTo(row_context);
    bool null;
    const Datum name = slot_getattr(slot, name_column, &null);
    const Datum definition = slot_getattr(slot, sdl_column, &null);
    const CatalogRow row = {Utf8Of(DatumGetTextPP(name)), Utf8Of(DatumGetTextPP(definition))};
    MemoryContextSwitchTo(context);
    if (known != nullptr && known->Has(kind, row)) {
      ++list.known;
    } else {
      Append(&list, row);
    }
  }
  MemoryContextDelete(row_context);
  table_endscan(scan);
  ExecDropSingleTupleTableSlot(slot);
  table_close(relation, NoLock);
  return list;
}

CatalogRows ReadCatalog(const KnownCatalog* known) {
  const Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
  const CatalogRows rows = {
      ReadTable("type", "definition", known, CatalogTable::kType, snapshot),
      ReadTable("subscription", "field", known, CatalogTable::kSubscription, snapshot)};
  UnregisterSnapshot(snapshot);
  return rows;
}

bool AllKnownAreThere(const CatalogRows& rows) {
  return rows.types.known == session_catalog->size(CatalogTable::kType) &&
         rows.fields.known == session_catalog->size(CatalogTable::kSubscription);
}

// Of several errors the same one is reported, however the rows lie in the table.
void SortByName(const RowList& list) {
  std::sort(list.rows, list.rows + list.count,
            [](const CatalogRow& a, const CatalogRow& b) { return a.name < b.name; });
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_check_catalog) {
  using namespace fsubs;
  const std::string_view types = Utf8Argument(fcinfo, 0);
  const std::string_view field = Utf8Argument(fcinfo, 1);
  const Occasion occasion = {field.data() == nullptr ? types : field, Utf8Argument(fcinfo, 2),
                             TextsArgument(fcinfo, 3)};
  if (session_catalog == nullptr) MakeSessionCatalog();
  if (OnlyLastStatementIsNew() && occasion.removed.empty()) {
    bool valid = false;
    RunGuarded([&] {
      valid = session_catalog->TryWritten(types, field) && session_catalog->TryScope(occasion);
    });
    if (valid) {
      NoteValid();
      PG_RETURN_VOID();
    }
  }
  locked_since_check = false;
  CatalogRows rows = ReadCatalog(session_catalog);
  if (AllKnownAreThere(rows)) {
    bool valid = false;
    RunGuarded([&] {
      valid = session_catalog->TryAdd(rows.registration()) && session_catalog->TryScope(occasion);
    });
    if (valid) {
      NoteValid();
      PG_RETURN_VOID();
    }
  }
  if (rows.types.known + rows.fields.known > 0) rows = ReadCatalog(nullptr);
  SortByName(rows.types);
  SortByName(rows.fields);
  RunGuarded([&] { session_catalog->Check(rows.registration(), occasion); });
  NoteValid();
  PG_RETURN_VOID();
}
