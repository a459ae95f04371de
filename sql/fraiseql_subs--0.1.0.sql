\echo Use "CREATE EXTENSION fraiseql_subs" to load this file. \quit

-- Whoever may use a function is decided by GRANT; the README shows how. Functions that run with their
-- owner's rights have their search_path fixed, so that no caller can put an object of his own in it.

CREATE SCHEMA fraiseql_subs;

CREATE FUNCTION fraiseql_subs.require_serving() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_require_serving';

-- Here, not at the first use: a missing line in postgresql.conf shows while it is being set up.
SELECT fraiseql_subs.require_serving();

-- Events ------------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_publish(
    event_type text, channel text, data jsonb,
    correlation_id text DEFAULT NULL, subgraph text DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish';
COMMENT ON FUNCTION fraiseql_publish(text, text, jsonb, text, text) IS
    'send an event to the subscribers of a channel when the transaction commits';

CREATE FUNCTION fraiseql_capture() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_capture';
COMMENT ON FUNCTION fraiseql_capture() IS 'trigger function that fraiseql_watch() uses';

CREATE FUNCTION fraiseql_watch("table" regclass, channel text DEFAULT NULL) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_watch';
COMMENT ON FUNCTION fraiseql_watch(regclass, text) IS
    'publish every change of a table on a channel, by default the one of the table''s name';

CREATE FUNCTION fraiseql_unwatch("table" regclass) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_unwatch';
COMMENT ON FUNCTION fraiseql_unwatch(regclass) IS 'stop publishing the changes of a table';

-- Catalog -----------------------------------------------------------------------------------------

CREATE TABLE fraiseql_subs.type (
    name text PRIMARY KEY,
    definition text NOT NULL
);
COMMENT ON TABLE fraiseql_subs.type IS 'GraphQL types, one SDL definition each';

CREATE TABLE fraiseql_subs.subscription (
    name text PRIMARY KEY,
    field text NOT NULL,
    channel text NOT NULL CHECK (channel <> ''),
    event_types text[]
        CHECK (cardinality(event_types) > 0 AND array_position(event_types, NULL) IS NULL)
);
COMMENT ON TABLE fraiseql_subs.subscription IS 'subscription fields and the events they deliver';
COMMENT ON COLUMN fraiseql_subs.subscription.field IS 'SDL of the field';
COMMENT ON COLUMN fraiseql_subs.subscription.event_types IS 'event types delivered; null for all';

SELECT pg_extension_config_dump('fraiseql_subs.type', '');
SELECT pg_extension_config_dump('fraiseql_subs.subscription', '');

-- What committed transactions have lost by PREPARE TRANSACTION, until the executor has told it. Not
-- dumped. An empty channel is all of them.
CREATE TABLE fraiseql_subs.prepared_loss (
    channel text NOT NULL,
    count bigint NOT NULL
);
COMMENT ON TABLE fraiseql_subs.prepared_loss IS
    'events of prepared transactions, of which subscribers are told once those are committed';

CREATE FUNCTION fraiseql_subs.catalog_changed() RETURNS trigger
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_catalog_changed';

CREATE TRIGGER catalog_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fraiseql_subs.type
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed();
ALTER TABLE fraiseql_subs.type ENABLE ALWAYS TRIGGER catalog_changed;

CREATE TRIGGER catalog_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fraiseql_subs.subscription
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed();
ALTER TABLE fraiseql_subs.subscription ENABLE ALWAYS TRIGGER catalog_changed;

-- Fires the trigger: the worker learns at commit that there is a catalog.
DELETE FROM fraiseql_subs.type;

CREATE FUNCTION fraiseql_subs.split_types(sdl text) RETURNS TABLE (name text, definition text)
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_split_types';

CREATE FUNCTION fraiseql_subs.field_name(field text) RETURNS text
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_field_name';

CREATE FUNCTION fraiseql_subs.compose_schema(definitions text, fields text[]) RETURNS text
LANGUAGE c IMMUTABLE AS 'MODULE_PATHNAME', 'fsubs_compose_schema';

-- One registration at a time: each is checked against all the others. Readers do not wait.
CREATE FUNCTION fraiseql_subs.lock_catalog() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    LOCK TABLE fraiseql_subs.type, fraiseql_subs.subscription IN SHARE ROW EXCLUSIVE MODE;
$$;

-- Raises an error if the catalog's content is not a valid schema. One of the arguments says what the
-- statement before it wrote: the types or the subscription field of this text, or that it removed a
-- type.
CREATE FUNCTION fraiseql_subs.check_catalog(
    types text DEFAULT NULL, field text DEFAULT NULL, removed text DEFAULT NULL
) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_check_catalog';

CREATE FUNCTION fraiseql_register_types(sdl text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.lock_catalog();
    INSERT INTO fraiseql_subs.type AS registered (name, definition)
        SELECT split.name, split.definition FROM fraiseql_subs.split_types(sdl) AS split
        ON CONFLICT ON CONSTRAINT type_pkey DO UPDATE SET definition = excluded.definition;
    PERFORM fraiseql_subs.check_catalog(types => sdl);
END
$$;
COMMENT ON FUNCTION fraiseql_register_types(text) IS
    'register GraphQL types, or register them anew';

CREATE FUNCTION fraiseql_unregister_type(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM fraiseql_subs.lock_catalog();
    DELETE FROM fraiseql_subs.type WHERE name = fraiseql_unregister_type.name;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('type "%s" is not registered', $1);
    END IF;
    PERFORM fraiseql_subs.check_catalog(removed => $1);
END
$$;
COMMENT ON FUNCTION fraiseql_unregister_type(text) IS 'remove a GraphQL type that nothing uses';

CREATE FUNCTION fraiseql_register_subscription(
    field text, channel text, event_types text[] DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF $2 IS NULL OR $2 = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'channel cannot be null or empty';
    END IF;
    IF cardinality($3) = 0 OR array_position($3, NULL) IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'event_types cannot be empty or contain null',
            HINT = 'Leave event_types out to deliver every event of the channel.';
    END IF;
    PERFORM fraiseql_subs.lock_catalog();
    INSERT INTO fraiseql_subs.subscription (name, field, channel, event_types)
        VALUES (fraiseql_subs.field_name($1), $1, $2, $3)
        ON CONFLICT (name) DO UPDATE
        SET field = excluded.field, channel = excluded.channel, event_types = excluded.event_types;
    PERFORM fraiseql_subs.check_catalog(field => $1);
END
$$;
COMMENT ON FUNCTION fraiseql_register_subscription(text, text, text[]) IS
    'register a subscription field that delivers the events of a channel, or register it anew';

CREATE FUNCTION fraiseql_unregister_subscription(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM fraiseql_subs.lock_catalog();
    DELETE FROM fraiseql_subs.subscription WHERE name = fraiseql_unregister_subscription.name;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('subscription "%s" is not registered', $1);
    END IF;
END
$$;
COMMENT ON FUNCTION fraiseql_unregister_subscription(text) IS 'remove a subscription field';

CREATE FUNCTION fraiseql_schema() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT fraiseql_subs.compose_schema(
        (SELECT string_agg(definition, E'\n\n' ORDER BY name) FROM fraiseql_subs.type),
        (SELECT array_agg(field ORDER BY name) FROM fraiseql_subs.subscription));
$$;
COMMENT ON FUNCTION fraiseql_schema() IS 'SDL of the schema that clients are served';

-- Observation -------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_subs.ring_stats()
RETURNS TABLE (name text, labels jsonb, type text, value double precision, help text)
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_ring_stats';

CREATE FUNCTION fraiseql_subs.worker_request(op text) RETURNS jsonb
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'fsubs_worker_request';

CREATE FUNCTION fraiseql_metrics()
RETURNS TABLE (name text, labels jsonb, type text, value double precision, help text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    worker_up integer := 1;
BEGIN
    RETURN QUERY SELECT * FROM fraiseql_subs.ring_stats();
    BEGIN
        RETURN QUERY SELECT * FROM jsonb_to_recordset(fraiseql_subs.worker_request('metrics'))
            AS metric (name text, labels jsonb, type text, value double precision, help text);
    EXCEPTION WHEN connection_exception OR data_exception THEN
        worker_up := 0;
    END;
    RETURN QUERY SELECT 'fraiseql_subs_worker_up', jsonb '{}', 'gauge', worker_up::double precision,
        '1 while the worker answers';
END
$$;
COMMENT ON FUNCTION fraiseql_metrics() IS 'counters and gauges of the event ring and the worker';

CREATE FUNCTION fraiseql_connections()
RETURNS TABLE (
    id bigint, shard integer, peer text, protocol text, state text, connected_at timestamptz,
    subscriptions integer, memory_bytes bigint, queued_bytes bigint, sent_messages bigint,
    sent_bytes bigint
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT id, shard, peer, protocol, state, to_timestamp(connected_at / 1e6),
        subscriptions, memory_bytes, queued_bytes, sent_messages, sent_bytes
    FROM jsonb_to_recordset(fraiseql_subs.worker_request('connections')) AS connection (
        id bigint, shard integer, peer text, protocol text, state text, connected_at bigint,
        subscriptions integer, memory_bytes bigint, queued_bytes bigint, sent_messages bigint,
        sent_bytes bigint);
$$;
COMMENT ON FUNCTION fraiseql_connections() IS 'clients connected to the worker';

CREATE FUNCTION fraiseql_subscriptions()
RETURNS TABLE (
    connection_id bigint, subscription_id text, field text, channel text, operation_name text,
    started_at timestamptz, delivered bigint
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT connection_id, subscription_id, field, channel, operation_name,
        to_timestamp(started_at / 1e6), delivered
    FROM jsonb_to_recordset(fraiseql_subs.worker_request('subscriptions')) AS subscription (
        connection_id bigint, subscription_id text, field text, channel text, operation_name text,
        started_at bigint, delivered bigint);
$$;
COMMENT ON FUNCTION fraiseql_subscriptions() IS 'subscriptions of the clients connected to the worker';

-- Privileges --------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION
    fraiseql_publish(text, text, jsonb, text, text),
    fraiseql_capture(),
    fraiseql_watch(regclass, text),
    fraiseql_unwatch(regclass),
    fraiseql_register_types(text),
    fraiseql_unregister_type(text),
    fraiseql_register_subscription(text, text, text[]),
    fraiseql_unregister_subscription(text),
    fraiseql_schema(),
    fraiseql_metrics(),
    fraiseql_connections(),
    fraiseql_subscriptions()
FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA fraiseql_subs FROM PUBLIC;
