#include "src/catalog/snapshot.hpp"

namespace fsubs {
namespace {

constexpr char kWithoutExtension[] = R"sql(
SELECT pg_catalog.json_build_object(
    'extension_version', NULL,
    'server_version', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
    'types', '',
    'subscriptions', '[]'::pg_catalog.json), false
)sql";

constexpr char kWithExtension[] = R"sql(
SELECT pg_catalog.json_build_object(
    'extension_version', (SELECT extversion FROM pg_catalog.pg_extension
                          WHERE extname = 'fraiseql_subs'),
    'server_version', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
    'types', (SELECT coalesce(pg_catalog.string_agg(definition, E'\n\n' ORDER BY name COLLATE "C"), '')
              FROM fraiseql_subs.type),
    'subscriptions', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                                 'name', name,
                                 'field', field,
                                 'channel', channel,
                                 'event_types', event_types,
                                 'row_filter', row_filter,
                                 'tenant_field', tenant_field,
                                 'shared', shared,
                                 'subgraph', subgraph,
                                 'scope', scope,
                                 'roles', roles,
                                 'scopes', scopes,
                                 'rate_limit', rate_limit) ORDER BY name COLLATE "C"), '[]')
                      FROM fraiseql_subs.subscription),
    'resolvers', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                             'field', field,
                             'function', function,
                             'per', per,
                             'timeout_ms', timeout_ms,
                             'retries', retries,
                             'idempotent', idempotent,
                             'on_error', on_error,
                             'concurrency', concurrency) ORDER BY field COLLATE "C"), '[]')
                  FROM fraiseql_subs.resolver),
    'tenant_field', pg_catalog.current_setting('fraiseql_subs.tenant_field'),
    'anonymous_claims', pg_catalog.current_setting('fraiseql_subs.anonymous_claims')::pg_catalog.json,
    'limits', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                          'role', role, 'limits', limits) ORDER BY role COLLATE "C"), '[]')
               FROM fraiseql_subs.role_limit),
    'issuers', (SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                           'name', name,
                           'issuer', issuer,
                           'secret', secret,
                           'public_key', public_key,
                           'jwks', jwks,
                           'jwks_file_content', fraiseql_subs.key_file_content(jwks_file),
                           'jwks_url', jwks_url,
                           'previous_secret', previous_secret,
                           'previous_until', (EXTRACT(epoch FROM previous_until) * 1000000)::bigint,
                           'audiences', audiences,
                           'algorithms', algorithms,
                           'leeway', (EXTRACT(epoch FROM leeway) * 1000000)::bigint,
                           'require_exp', require_exp,
                           'claims', claims,
                           'preset', preset) ORDER BY name COLLATE "C"), '[]')
                FROM fraiseql_subs.issuer)),
    EXISTS (SELECT FROM fraiseql_subs.resolver WHERE function IS NOT NULL)
)sql";

}  // namespace

char* ReadCatalogSnapshot(Freshness freshness, bool* has_resolvers) {
  const MemoryContext context = CurrentMemoryContext;
  PushActiveSnapshot(GetTransactionSnapshot());
  SPI_connect();
  // Without the extension, anybody who may create schemas could have put a view that calls their
  // functions where its tables would be.
  const bool created = OidIsValid(get_extension_oid("fraiseql_subs", true));
  const char* const query = created ? kWithExtension : kWithoutExtension;
  constexpr bool kReadOnly = true;
  const int result = SPI_execute(query, kReadOnly, 1);
  if (result != SPI_OK_SELECT || SPI_processed != 1) {
    elog(ERROR, "fraiseql_subs: could not read the catalog: %s", SPI_result_code_string(result));
  }
  const char* const json = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
  *has_resolvers = strcmp(SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2), "t") == 0;
  const char* const utf8 = pg_server_to_any(json, static_cast<int>(strlen(json)), PG_UTF8);
  const char* const columns = created ? ReadWatchedColumns(freshness) : "{}";
  MemoryContextSwitchTo(context);
  // The object without its closing brace, and one more member.
  char* const copy =
      psprintf("%.*s, \"columns\": %s}", static_cast<int>(strlen(utf8)) - 1, utf8, columns);
  SPI_finish();
  PopActiveSnapshot();
  return copy;
}

}  // namespace fsubs
