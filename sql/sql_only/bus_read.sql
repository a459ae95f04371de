-- What a cursor is made of: `floor` is a number that all events of transactions from the snapshot's xmax
-- on are above.
--
-- A snapshot's own xmax is not enough for that. It is behind the last transaction that has ended: those
-- behind it that are still running may have drawn numbers long ago. So xmax is moved behind all that
-- were running, which are added to those in progress. If these are too many to be listed, because one of
-- them has very many subtransactions, floor and xmax stay where they were for an earlier snapshot, `seen`:
-- that holds for later ones, too. 0 is a floor of every snapshot.
CREATE OR REPLACE FUNCTION fraiseql_subs.bus_snapshot(
    seen_floor bigint, seen pg_snapshot, OUT floor bigint, OUT snapshot pg_snapshot
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most CONSTANT bigint := 1000;
    begins bigint;
    ends bigint;
BEGIN
    -- The floor first: what is assigned after `ends` was read draws numbers above it.
    floor := fraiseql_subs.event_floor();
    snapshot := pg_current_snapshot();
    begins := pg_snapshot_xmax(snapshot)::text;
    ends := begins;
    BEGIN
        WHILE ends - begins <= most LOOP
            PERFORM pg_xact_status(ends::text::xid8);
            ends := ends + 1;
        END LOOP;
        floor := seen_floor;
        ends := greatest(begins, pg_snapshot_xmax(seen)::text::bigint);
    EXCEPTION WHEN invalid_parameter_value THEN
        NULL;  -- `ends` is in the future
    END;
    IF ends > begins THEN
        snapshot := format('%s:%s:%s', pg_snapshot_xmin(snapshot), ends, concat_ws(',',
            (SELECT string_agg(x.id::text, ',' ORDER BY x.id) FROM pg_snapshot_xip(snapshot) AS x (id)),
            (SELECT string_agg(x.id::text, ',' ORDER BY x.id) FROM generate_series(begins, ends - 1) AS x (id))));
    END IF;
END
$$;

-- Whether the server has given that number to a transaction.
CREATE OR REPLACE FUNCTION fraiseql_subs.is_assigned(xid xid8) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_xact_status(xid);
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END
$$;

-- The last number that an event has drawn; 0 before the first one.
CREATE OR REPLACE FUNCTION fraiseql_subs.event_floor() RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce(pg_sequence_last_value('fraiseql_subs.event_seq'), 0);
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.bus_cursor() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id text;
    now record;
BEGIN
    PERFORM fraiseql_subs.check_reader();
    id := fraiseql_subs.settled_bus_id();
    SELECT * INTO now FROM fraiseql_subs.bus_snapshot(0, NULL);
    RETURN format('1/%s/%s/%s/%s', id, fraiseql_subs.history(), now.floor, now.snapshot);
END
$$;
COMMENT ON FUNCTION fraiseql_subs.bus_cursor() IS 'a cursor behind all that is committed';

-- In recovery a snapshot does not say who is still writing. One that is kept shows nothing new.
CREATE OR REPLACE FUNCTION fraiseql_subs.check_reader() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE read_only_sql_transaction USING
            MESSAGE = 'events cannot be read during recovery', HINT = 'Read them on the primary.';
    END IF;
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE feature_not_supported USING
            MESSAGE = format('events cannot be read in an isolation level of "%s"', current_setting('transaction_isolation')),
            HINT = 'Read them in READ COMMITTED.';
    END IF;
END
$$;

-- Whether everything that `other` sees is seen by `one`; both are of one server.
CREATE OR REPLACE FUNCTION fraiseql_subs.sees_all_of(one pg_snapshot, other pg_snapshot) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM pg_snapshot_xip(one) AS x (id) WHERE pg_visible_in_snapshot(x.id, other))
        AND (SELECT count(*) FROM pg_snapshot_xip(other) AS x (id) WHERE x.id >= pg_snapshot_xmax(one))
            >= pg_snapshot_xmax(other)::text::bigint - pg_snapshot_xmax(one)::text::bigint;
END
$$;

-- Events that one snapshot sees and an earlier one does not are those of transactions that began to
-- write after that, whose numbers are above its floor, and of those that were writing then.
--
-- A number is drawn while what the event tells of is locked, so that of two transactions that change
-- the same row the later one has the higher number: their events are in order. All others are in the
-- order in which they were published.
CREATE OR REPLACE FUNCTION fraiseql_subs.bus_read(
    cursor text, max_events integer DEFAULT 1000, max_bytes bigint DEFAULT 4194304
) RETURNS TABLE (
    kind smallint, flags smallint, seq bigint, event_type text, channel text, correlation_id text,
    subgraph text, data text, published_at timestamptz, xid xid8
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    parts CONSTANT text[] := string_to_array($1, '/');
    id text;
    history text;
    floor bigint;
    seen pg_snapshot;
    next_floor bigint;
    next pg_snapshot;  -- null until it is known
    last bigint := 0;
    now record;
    kept record;
    begins xid8;
    late xid8[];
    event record;
    events integer := 0;
    bytes bigint := 0;
    is_partial boolean := false;
    prefix text;
BEGIN
    PERFORM fraiseql_subs.check_reader();
    IF NOT coalesce($2 > 0 AND $3 > 0, false) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'max_events and max_bytes must be above 0';
    END IF;
    IF $1 IS NULL OR $1 !~ '^1/[0-9a-f]+/[0-9.]+/[0-9]+/[0-9:,]+(/[0-9]+/[0-9:,]+/[0-9]+)?$' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('"%s" is not a cursor', $1), HINT = 'Begin with one of fraiseql_subs.bus_cursor().';
    END IF;
    floor := parts[4];
    seen := parts[5];
    IF cardinality(parts) = 8 THEN
        next_floor := parts[6];
        next := parts[7];
        last := parts[8];
    END IF;

    -- From here on nothing is truncated.
    LOCK TABLE fraiseql_subs.event IN ACCESS SHARE MODE;
    id := fraiseql_subs.settled_bus_id();
    history := fraiseql_subs.history();
    IF parts[2] <> id OR parts[3] <> history OR NOT fraiseql_subs.is_assigned(
            (pg_snapshot_xmax(coalesce(next, seen))::text::bigint - 1)::text::xid8) THEN
        SELECT * INTO now FROM fraiseql_subs.bus_snapshot(0, NULL);
        floor := now.floor;
        seen := now.snapshot;
        next := NULL;
        last := 0;
        RETURN QUERY SELECT 4::smallint, 0::smallint, NULL::bigint, NULL, NULL, NULL, NULL, NULL, clock_timestamp(), NULL::xid8;
    ELSE
        SELECT b.kept_from, b.kept_from_seq INTO kept FROM fraiseql_subs.bus AS b;
        IF kept.kept_from IS NOT NULL AND NOT fraiseql_subs.sees_all_of(seen, kept.kept_from) THEN
            RETURN QUERY SELECT 4::smallint, 0::smallint, NULL::bigint, NULL, NULL, NULL, NULL,
                greatest(kept.kept_from_seq - greatest(floor, last), 0)::text, clock_timestamp(), NULL::xid8;
            floor := kept.kept_from_seq;
            seen := kept.kept_from;
            IF NOT fraiseql_subs.sees_all_of(next, seen) THEN
                next := NULL;
                last := 0;
            END IF;
        END IF;
    END IF;
    IF next IS NULL THEN
        SELECT * INTO now FROM fraiseql_subs.bus_snapshot(floor, seen);
        next_floor := now.floor;
        next := now.snapshot;
    END IF;
    prefix := format('1/%s/%s/%s/%s/%s/%s/', id, history, floor, seen, next_floor, next);

    IF seen::text <> next::text THEN
        begins := pg_snapshot_xmax(seen);
        late := ARRAY(SELECT x.id FROM pg_snapshot_xip(seen) AS x (id) WHERE pg_visible_in_snapshot(x.id, next));
        FOR event IN
            SELECT * FROM (
                (SELECT e.* FROM fraiseql_subs.event AS e
                 WHERE e.seq > greatest(floor, last) AND e.xid >= begins AND pg_visible_in_snapshot(e.xid, next)
                 ORDER BY e.seq LIMIT $2)
                UNION ALL
                (SELECT one.* FROM unnest(late) AS w (xid),
                    LATERAL (SELECT e.* FROM fraiseql_subs.event AS e
                             WHERE e.xid = w.xid AND e.seq > last ORDER BY e.seq LIMIT $2) AS one
                 ORDER BY one.seq LIMIT $2)
            ) AS found ORDER BY found.seq LIMIT $2
        LOOP
            bytes := bytes + coalesce(octet_length(event.data), 0);
            is_partial := events > 0 AND bytes > $3;
            EXIT WHEN is_partial;
            kind := event.kind;
            flags := event.flags;
            seq := event.seq;
            event_type := event.event_type;
            channel := event.channel;
            correlation_id := event.correlation_id;
            subgraph := event.subgraph;
            data := event.data;
            published_at := event.published_at;
            xid := event.xid;
            RETURN NEXT;
            events := events + 1;
            last := event.seq;
        END LOOP;
        is_partial := is_partial OR events = $2;
    END IF;
    -- Who was busy with a batch that was begun earlier may not have heard of what came since.
    RETURN QUERY SELECT 0::smallint, (is_partial OR cardinality(parts) = 8)::integer::smallint, NULL::bigint, prefix, NULL, NULL, NULL,
        CASE WHEN is_partial THEN prefix || last ELSE format('1/%s/%s/%s/%s', id, history, next_floor, next) END,
        clock_timestamp(), NULL::xid8;
END
$$;
COMMENT ON FUNCTION fraiseql_subs.bus_read(text, integer, bigint) IS
    'events that were committed since a cursor, and behind them the next cursor';

CREATE OR REPLACE FUNCTION fraiseql_subs.bus_probe(token text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_notify('fraiseql_subs', token);
END
$$;
COMMENT ON FUNCTION fraiseql_subs.bus_probe(text) IS
    'send what a node waits for on the channel fraiseql_subs to learn whether notifications reach it';
