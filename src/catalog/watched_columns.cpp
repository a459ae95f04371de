#include "src/catalog/watched_columns.hpp"

namespace fsubs {
namespace {

constexpr char kQuery[] = R"sql(
WITH RECURSIVE
capture AS (
    SELECT function.oid
    FROM pg_catalog.pg_proc AS function
    JOIN pg_catalog.pg_depend AS member
        ON member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND member.objid = function.oid
        AND member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
        AND member.deptype = 'e'
    JOIN pg_catalog.pg_extension AS extension
        ON extension.oid = member.refobjid AND extension.extname = 'fraiseql_subs'
    WHERE function.proname = 'fraiseql_capture'),
-- The channel is the trigger's first argument; arguments end with a zero byte. Triggers that
-- PostgreSQL copied to partitions have a parent.
watched AS (
    SELECT DISTINCT trigger.tgrelid AS relid, argument.channel
    FROM pg_catalog.pg_trigger AS trigger,
        LATERAL (SELECT pg_catalog.convert_from(
                     substring(trigger.tgargs FOR position(pg_catalog.decode('00', 'hex') IN
                                                           trigger.tgargs) - 1),
                     pg_catalog.getdatabaseencoding()) COLLATE "C" AS channel) AS argument
    WHERE trigger.tgfoid = (SELECT oid FROM capture) AND trigger.tgparentid = 0
      AND trigger.tgnargs > 0
      AND argument.channel IN (SELECT channel FROM fraiseql_subs.subscription)),
domain AS (
    SELECT oid, typbasetype AS base FROM pg_catalog.pg_type WHERE typtype = 'd'
    UNION ALL
    SELECT domain.oid, type.typbasetype
    FROM domain JOIN pg_catalog.pg_type AS type ON type.oid = domain.base AND type.typtype = 'd'),
resolved AS (
    SELECT domain.oid, domain.base
    FROM domain JOIN pg_catalog.pg_type AS type ON type.oid = domain.base AND type.typtype <> 'd'),
columns AS (
    SELECT watched.channel, attribute.attname AS name,
           CASE WHEN element.typname IN ('text', 'varchar') THEN 'text'
                WHEN element.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
                     OR element.typname IN ('citext', 'hstore') AND EXISTS (
                         SELECT FROM pg_catalog.pg_depend AS member
                         JOIN pg_catalog.pg_extension AS extension ON extension.oid = member.refobjid
                         WHERE member.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
                           AND member.objid = element.oid
                           AND member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
                           AND extension.extname = element.typname)
                THEN element.typname || CASE WHEN type.typcategory = 'A' THEN '[]' ELSE '' END
                ELSE 'text' END AS type
    FROM watched
    JOIN pg_catalog.pg_attribute AS attribute
        ON attribute.attrelid = watched.relid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    LEFT JOIN resolved ON resolved.oid = attribute.atttypid
    JOIN pg_catalog.pg_type AS type ON type.oid = coalesce(resolved.base, attribute.atttypid)
    LEFT JOIN resolved AS resolved_element
        ON type.typcategory = 'A' AND resolved_element.oid = type.typelem
    JOIN pg_catalog.pg_type AS element
        ON element.oid = CASE WHEN type.typcategory = 'A'
                              THEN coalesce(resolved_element.base, type.typelem) ELSE type.oid END),
agreed AS (
    SELECT channel, name, CASE WHEN min(type) = max(type) THEN min(type) ELSE 'text' END AS type
    FROM columns GROUP BY channel, name),
channels AS (
    SELECT channel,
           pg_catalog.json_object_agg(name, type ORDER BY name COLLATE "C") AS types
    FROM agreed GROUP BY channel)
SELECT coalesce(pg_catalog.json_object_agg(channel, types ORDER BY channel), '{}') FROM channels
)sql";

// What was read last, in TopMemoryContext.
char* known = nullptr;
// Whether a relation has changed since.
bool changed = true;

void NoteChange(Datum, Oid) {
  changed = true;
}

}  // namespace

const char* ReadWatchedColumns(Freshness freshness) {
  static bool listening = false;
  if (!listening) CacheRegisterRelcacheCallback(NoteChange, 0);
  listening = true;
  if (known != nullptr && !changed && freshness == Freshness::kSoon) return known;

  // What changes while the query runs is read next time, as is everything if the query fails.
  if (known != nullptr) pfree(known);
  known = nullptr;
  changed = false;
  constexpr bool kReadOnly = true;
  const int result = SPI_execute(kQuery, kReadOnly, 1);
  if (result != SPI_OK_SELECT || SPI_processed != 1) {
    elog(ERROR, "fraiseql_subs: could not read the columns of watched tables: %s",
         SPI_result_code_string(result));
  }
  const char* const json = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
  const char* const utf8 = pg_server_to_any(json, static_cast<int>(strlen(json)), PG_UTF8);
  known = MemoryContextStrdup(TopMemoryContext, utf8);
  return known;
}

}  // namespace fsubs
