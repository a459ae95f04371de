-- Nodes -------------------------------------------------------------------------------------------

-- The types of the columns of watched tables by channel and name.
CREATE OR REPLACE FUNCTION fraiseql_subs.watched_columns() RETURNS json
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
-- @sql src/catalog/watched_columns.cpp kQuery
-- @replace SELECT function.oid FROM pg_catalog.pg_proc AS function JOIN pg_catalog.pg_depend AS member ON member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND member.objid = function.oid AND member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND member.deptype = 'e' JOIN pg_catalog.pg_extension AS extension ON extension.oid = member.refobjid AND extension.extname = 'fraiseql_subs' WHERE function.proname = 'fraiseql_capture' => SELECT fraiseql_subs.capture_function() AS oid
$$;

-- The extension's worker reads the same; each node has settings of its own beside it.
CREATE OR REPLACE FUNCTION fraiseql_subs.catalog_snapshot() RETURNS json
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (left(catalog.snapshot::text, -1) || ', "columns": ' || fraiseql_subs.watched_columns()::text || '}')::json
    FROM (
-- @sql src/catalog/snapshot.cpp kWithExtension
-- @replace (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'fraiseql_subs') => 'sql-only ' || (SELECT version FROM fraiseql_subs.installation())
-- @replace pg_catalog.current_setting('fraiseql_subs.tenant_field') => coalesce(nullif(pg_catalog.current_setting('fraiseql_subs.tenant_field', true), ''), (SELECT s.tenant_field FROM fraiseql_subs.catalog_setting AS s), '')
-- @replace pg_catalog.current_setting('fraiseql_subs.anonymous_claims')::pg_catalog.json => coalesce(nullif(pg_catalog.current_setting('fraiseql_subs.anonymous_claims', true), '')::pg_catalog.json, (SELECT s.anonymous_claims FROM fraiseql_subs.catalog_setting AS s), '{}')
-- @replace fraiseql_subs.key_file_content(jwks_file) => NULL
    ) AS catalog (snapshot);
$$;
COMMENT ON FUNCTION fraiseql_subs.catalog_snapshot() IS 'what nodes serve: types, subscriptions, rules, keys';

-- What only the worker knows -----------------------------------------------------------------------

-- The extension's worker runs beside the server and can be asked. Nodes are elsewhere.
CREATE OR REPLACE FUNCTION fraiseql_subs.refuse_without_worker(name text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE feature_not_supported USING
        MESSAGE = format('%s() needs the extension', name), HINT = 'Ask the nodes: /metrics, their logs.';
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_metrics()
RETURNS TABLE (name text, labels jsonb, type text, value double precision, help text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT 'fraiseql_subs_bus_slot_bytes', jsonb_build_object('slot', s.slot), 'gauge',
        fraiseql_subs.slot_size(s.slot)::double precision, 'bytes that the events of a slot take'
    FROM fraiseql_subs.bus_slot AS s ORDER BY s.slot;
    RETURN QUERY SELECT 'fraiseql_subs_bus_events_total', jsonb '{}', 'counter',
        fraiseql_subs.event_floor()::double precision, 'numbers given to events, those of rolled back transactions too';
    RETURN QUERY SELECT 'fraiseql_subs_bus_maintained_seconds', jsonb '{}', 'gauge',
        extract(epoch FROM clock_timestamp() - b.maintained_at)::double precision, 'since a node has maintained the bus'
    FROM fraiseql_subs.bus AS b;
END
$$;
COMMENT ON FUNCTION fraiseql_metrics() IS 'counters and gauges of the events that are kept';

CREATE OR REPLACE FUNCTION fraiseql_connections()
RETURNS TABLE (
    id bigint, shard integer, peer text, protocol text, state text, user_id text, tenant_id text,
    roles text[], issuer text, expires_at timestamptz, connected_at timestamptz,
    subscriptions integer, memory_bytes bigint, queued_bytes bigint, sent_messages bigint,
    sent_bytes bigint, hosted boolean
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_connections');
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subscriptions()
RETURNS TABLE (
    connection_id bigint, subscription_id text, field text, channel text, operation_name text,
    started_at timestamptz, delivered bigint
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_subscriptions');
END
$$;

-- No process answers for any: calls go through nodes.
CREATE OR REPLACE FUNCTION fraiseql_resolvers()
RETURNS TABLE (
    field text, function text, per text, timeout interval, retries integer, idempotent boolean,
    on_error text, concurrency integer, processes integer, under_way bigint, waiting bigint,
    calls bigint, failures bigint
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.field, r.function, r.per, r.timeout_ms * interval '1 ms', r.retries, r.idempotent, r.on_error,
        r.concurrency, NULL::integer, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint
    FROM fraiseql_subs.resolver AS r ORDER BY r.field;
$$;
COMMENT ON FUNCTION fraiseql_resolvers() IS 'subscription fields with a resolver';

CREATE OR REPLACE FUNCTION fraiseql_issuers()
RETURNS TABLE (
    name text, issuer text, keys integer, fetched_at timestamptz, next_fetch_at timestamptz, error text
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.name, i.issuer, NULL::integer, NULL::timestamptz, NULL::timestamptz, NULL::text
    FROM fraiseql_subs.issuer AS i ORDER BY i.name;
$$;
COMMENT ON FUNCTION fraiseql_issuers() IS 'issuers; nodes know what keys they have of them';

CREATE OR REPLACE FUNCTION fraiseql_explain_delivery("position" text, connection_id bigint, subscription_id text)
RETURNS TABLE (step integer, module text, outcome text, detail text)
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_explain_delivery');
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_disconnect(
    user_id text DEFAULT NULL, connection_id bigint DEFAULT NULL, tenant_id text DEFAULT NULL,
    reason text DEFAULT NULL, forbid_return boolean DEFAULT false
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_disconnect');
END
$$;

CREATE OR REPLACE PROCEDURE fraiseql_subs.resolver_exchange(
    INOUT link text, fields text, results text, credits integer, wait_ms integer, INOUT calls text
)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_subs.resolver_exchange');
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.resolver_send(link text, results text, credits integer DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_subs.resolver_send');
END
$$;

CREATE OR REPLACE PROCEDURE fraiseql_subs.session_exchange(
    INOUT link text, commands bytea, wait_ms integer, INOUT frames bytea)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_subs.session_exchange');
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.session_send(link text, commands bytea) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_subs.session_send');
END
$$;
