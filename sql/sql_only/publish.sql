-- Publishing --------------------------------------------------------------------------------------

-- A transaction that has notified cannot be prepared, so that servers on which transactions can be do not
-- notify unless told to.
CREATE OR REPLACE FUNCTION fraiseql_subs.append(
    kind smallint, flags smallint, event_type text, channel text, data text,
    correlation_id text DEFAULT NULL, subgraph text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- Assigned before the number is drawn: fraiseql_subs.bus_snapshot() counts on it.
    own_xid CONSTANT xid8 := pg_catalog.pg_current_xact_id();
    filled smallint;
    notify boolean;
    drawn bigint;
BEGIN
    SELECT b.current_slot, b.notify INTO filled, notify FROM fraiseql_subs.bus AS b;
    IF filled IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'table fraiseql_subs.bus is empty', HINT = 'Run the SQL file again.';
    END IF;
    INSERT INTO fraiseql_subs.event
        (seq, slot, xid, published_at, kind, flags, event_type, channel, data, correlation_id, subgraph)
    VALUES (pg_catalog.nextval('fraiseql_subs.event_seq'), filled, own_xid, pg_catalog.clock_timestamp(),
        $1, $2, $3, $4, $5, $6, $7)
    RETURNING seq INTO drawn;
    IF drawn % 1000 = 0 THEN
        PERFORM fraiseql_subs.maintain_if_nobody_does();
    END IF;
    notify := CASE pg_catalog.current_setting('fraiseql_subs.notify', true)
        WHEN 'on' THEN true WHEN 'off' THEN false
        ELSE coalesce(notify, pg_catalog.current_setting('max_prepared_transactions') = '0') END;
    -- Who listens and does not read fills the queue. Once it is full, who notifies cannot commit.
    IF notify AND pg_catalog.pg_notification_queue_usage() < 0.5 THEN
        PERFORM pg_catalog.pg_notify('fraiseql_subs', '');
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.check_event_name(parameter text, name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF octet_length(name) > 65535 THEN
        RAISE program_limit_exceeded USING
            MESSAGE = format('%s is too long', parameter),
            DETAIL = format('It has %s bytes; the limit is 65535 bytes.', octet_length(name));
    END IF;
END
$$;

-- Whether arrays and objects are nested more deeply than nodes read. Each level takes two brackets.
CREATE OR REPLACE FUNCTION fraiseql_subs.is_too_deep(data text, levels integer) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN length(data) > 2 * levels AND length(data) - length(translate(data, '[{', '')) > levels
        AND data::jsonb @? format('strict $.**{%s} ? (@.type() == "array" || @.type() == "object")', levels)::jsonpath;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.check_event_data(data text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    allowed CONSTANT integer := (SELECT max_event_size FROM fraiseql_subs.bus);
BEGIN
    IF octet_length(data) > allowed THEN
        RAISE program_limit_exceeded USING
            MESSAGE = 'event is too large',
            DETAIL = format('It takes %s bytes; the limit is %s bytes.', octet_length(data), allowed),
            HINT = 'Publish less data, such as a key that the reader can look up, or increase max_event_size in '
                   'fraiseql_subs.bus.';
    END IF;
    IF fraiseql_subs.is_too_deep(data, 500) THEN
        RAISE program_limit_exceeded USING
            MESSAGE = 'event data is nested too deeply', DETAIL = 'The limit is 500 levels.';
    END IF;
END
$$;

-- What all of fraiseql_publish() do. `data` has the form of JSON; where there is a backslash it is
-- parsed as jsonb, which knows what escapes stand for.
CREATE OR REPLACE FUNCTION fraiseql_subs.publish(
    event_type text, channel text, data text, correlation_id text, subgraph text
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    parsed pg_catalog.jsonb;
BEGIN
    IF event_type IS NULL OR channel IS NULL THEN
        RAISE null_value_not_allowed USING
            MESSAGE = CASE WHEN event_type IS NULL THEN 'event_type' ELSE 'channel' END || ' cannot be null';
    END IF;
    IF data IS NULL THEN
        RAISE null_value_not_allowed USING
            MESSAGE = 'data cannot be null', HINT = 'Publish the JSON null as ''null''.';
    END IF;
    IF event_type = '' OR channel = '' OR subgraph = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = CASE '' WHEN event_type THEN 'event_type' WHEN channel THEN 'channel' ELSE 'subgraph' END
                || ' cannot be empty';
    END IF;
    IF pg_catalog.octet_length(data) > 500 THEN
        PERFORM fraiseql_subs.check_event_data(data);
    END IF;
    IF pg_catalog.strpos(data, E'\\') > 0 THEN
        parsed := data;
    END IF;
    IF pg_catalog.octet_length(event_type) > 1000 OR pg_catalog.octet_length(channel) > 1000
        OR pg_catalog.octet_length(correlation_id) > 1000 OR pg_catalog.octet_length(subgraph) > 1000 THEN
        PERFORM fraiseql_subs.check_event_name('event type', event_type),
            fraiseql_subs.check_event_name('channel', channel),
            fraiseql_subs.check_event_name('correlation id', correlation_id),
            fraiseql_subs.check_event_name('subgraph', subgraph);
    END IF;
    IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
        PERFORM fraiseql_subs.check_utf8('event_type', event_type), fraiseql_subs.check_utf8('channel', channel),
            fraiseql_subs.check_utf8('data', data), fraiseql_subs.check_utf8('correlation_id', correlation_id),
            fraiseql_subs.check_utf8('subgraph', subgraph);
    END IF;
    PERFORM fraiseql_subs.append(1::smallint, 0::smallint, event_type, channel, data,
        nullif(correlation_id, ''), subgraph);
END
$$;

-- One for each type in which drivers and functions hand JSON over, as the extension has them.
DO $publish$
DECLARE
    type text;
    further text[];  -- parameters, the same without their defaults, what stands for them
BEGIN
    FOREACH type IN ARRAY '{text,json,jsonb}'::text[] LOOP
        FOREACH further SLICE 1 IN ARRAY ARRAY[
            ['', '', 'NULL, NULL'],
            [', correlation_id text, subgraph text DEFAULT NULL', ', text, text', 'correlation_id, subgraph']]
        LOOP
            EXECUTE pg_catalog.format($function$
                CREATE OR REPLACE FUNCTION fraiseql_publish(event_type text, channel text, data %s%s) RETURNS void
                LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
                DECLARE
                    checked CONSTANT %s := data;
                BEGIN
                    PERFORM fraiseql_subs.publish(event_type, channel, data::text, %s);
                END
                $$
            $function$, type, further[1], CASE type WHEN 'text' THEN 'json' ELSE type END, further[3]);
            EXECUTE pg_catalog.format($comment$
                COMMENT ON FUNCTION fraiseql_publish(text, text, %s%s) IS
                    'send an event to the subscribers of a channel when the transaction commits'
            $comment$, type, further[2]);
        END LOOP;
    END LOOP;
END
$publish$;
