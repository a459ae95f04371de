-- What every SQL test starts from: the extensions, and published(), which tells what events reached
-- the event ring. Run with -v ring_dump=<path of the program>.
CREATE EXTENSION pgtap;
CREATE EXTENSION fraiseql_subs;

CREATE TABLE ring_record (
    sequence bigint, next_position bigint, kind text, event_type text, channel text,
    correlation_id text, subgraph text, data text, commit_time_us bigint, commit_lsn bigint, xid bigint
);

-- The records published since the last call in this session, or since forget_published().
CREATE FUNCTION published_records() RETURNS SETOF ring_record
LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
    start text := coalesce(nullif(current_setting('test.position', true), ''), '0');
BEGIN
    CREATE TEMP TABLE IF NOT EXISTS dumped (LIKE ring_record);
    TRUNCATE dumped;
    EXECUTE format('COPY dumped FROM PROGRAM %L (FORMAT csv, ENCODING ''UTF8'')',
                   current_setting('test.ring_dump') || ' ' || start);
    PERFORM set_config('test.position', coalesce(max(next_position)::text, start), false) FROM dumped;
    RETURN QUERY SELECT * FROM dumped ORDER BY sequence;
END
$$;

-- Those of them that subscribers may hear of: events, and what tells of losses.
CREATE FUNCTION published() RETURNS SETOF ring_record LANGUAGE sql AS $$
    SELECT * FROM published_records() WHERE kind <> 'catalog changed';
$$;

CREATE FUNCTION forget_published() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('test.position', value::bigint::text, false)
    FROM fraiseql_subs.ring_stats() WHERE name = 'fraiseql_subs_ring_bytes_total';
END
$$;

-- The same, one line each: "event_type channel data".
CREATE FUNCTION published_lines() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', event_type, channel, data) FROM published() WHERE kind = 'event';
$$;

-- With what tells of losses, as "lost channel count".
CREATE FUNCTION published_and_lost() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT CASE kind WHEN 'events lost' THEN format('lost %s %s', channel, ltrim(data))
                     ELSE concat_ws(' ', event_type, channel, data) END
    FROM published() WHERE kind <> 'catalog changed';
$$;

CREATE FUNCTION ring_stat(stat text) RETURNS double precision LANGUAGE sql AS $$
    SELECT sum(value) FROM fraiseql_subs.ring_stats() WHERE name = 'fraiseql_subs_ring_' || stat;
$$;

SELECT format('ALTER DATABASE %I SET test.ring_dump = %L', current_database(), :'ring_dump') \gexec
