\echo Use "CREATE EXTENSION fraiseql_subs" to load this file. \quit

-- Whoever may use a function is decided by GRANT; the README shows how. Functions that run with their
-- owner's rights have their search_path fixed, so that no caller can put an object of his own in it.

CREATE SCHEMA fraiseql_subs;

CREATE FUNCTION fraiseql_subs.warn_elsewhere() RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_warn_elsewhere';

-- Here, not at the first use: a missing line in postgresql.conf shows while it is being set up. It is
-- a warning, so that migrations and restores run in databases that are not served.
SELECT fraiseql_subs.warn_elsewhere();

-- Events ------------------------------------------------------------------------------------------

-- One for each type in which drivers and functions hand JSON over; literals and parameters without a
-- type are text. Those of three arguments are functions of their own because every default of an
-- argument is parsed anew in each statement that leaves it out, which takes longer than publishing.

CREATE FUNCTION fraiseql_publish(event_type text, channel text, data text) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish_text';
COMMENT ON FUNCTION fraiseql_publish(text, text, text) IS
    'send an event to the subscribers of a channel when the transaction commits';

CREATE FUNCTION fraiseql_publish(event_type text, channel text, data json) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish_json';
COMMENT ON FUNCTION fraiseql_publish(text, text, json) IS
    'send an event to the subscribers of a channel when the transaction commits';

CREATE FUNCTION fraiseql_publish(event_type text, channel text, data jsonb) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish_jsonb';
COMMENT ON FUNCTION fraiseql_publish(text, text, jsonb) IS
    'send an event to the subscribers of a channel when the transaction commits';

CREATE FUNCTION fraiseql_publish(
    event_type text, channel text, data text, correlation_id text, subgraph text DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish_text';
COMMENT ON FUNCTION fraiseql_publish(text, text, text, text, text) IS
    'send an event to the subscribers of a channel when the transaction commits';

CREATE FUNCTION fraiseql_publish(
    event_type text, channel text, data json, correlation_id text, subgraph text DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish_json';
COMMENT ON FUNCTION fraiseql_publish(text, text, json, text, text) IS
    'send an event to the subscribers of a channel when the transaction commits';

CREATE FUNCTION fraiseql_publish(
    event_type text, channel text, data jsonb, correlation_id text, subgraph text DEFAULT NULL
) RETURNS void
LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'fsubs_publish_jsonb';
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

-- Watched tables ----------------------------------------------------------------------------------
--
-- What this section reads are PostgreSQL's catalogs, so that it also works where the library is not
-- loaded. None of it locks a table.

-- The extension's own: anybody can make a function of that name and source.
CREATE FUNCTION fraiseql_subs.capture_function() RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT p.oid FROM pg_proc AS p
        JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
            AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        JOIN pg_extension AS e ON e.oid = d.refobjid
        WHERE p.proname = 'fraiseql_capture' AND e.extname = 'fraiseql_subs');
END
$$;

-- The triggers that call fraiseql_capture. PostgreSQL copies those of a partitioned table to its
-- partitions; `parent` is the trigger that one was copied from, else 0. There is no index by which
-- to find them but that of the table.
CREATE VIEW fraiseql_subs.capture_trigger AS
SELECT t.oid, t.tgrelid AS relid, t.tgparentid AS parent, t.tgname AS name, t.tgenabled AS enabled,
       t.tgqual IS NOT NULL AS has_condition, t.tgattr <> '' AS has_columns,
       t.tgdeferrable AS is_deferrable, t.tgnargs AS arguments,
       -- Empty is as good as none.
       CASE WHEN t.tgnargs > 0 THEN
           nullif(convert_from(substring(t.tgargs FOR position(decode('00', 'hex') IN t.tgargs) - 1),
                               getdatabaseencoding()), '') END AS channel,
       -- What it publishes: bits of pg_trigger.tgtype. 0 for a trigger that fraiseql_capture refuses
       -- to be called by.
       CASE WHEN t.tgtype & 66 <> 0 THEN 0  -- BEFORE, INSTEAD OF
            WHEN t.tgtype & 1 <> 0 THEN t.tgtype & 28  -- FOR EACH ROW: INSERT, DELETE, UPDATE
            ELSE t.tgtype & 32 END AS events,  -- TRUNCATE
       t.tgtype & 60 AS all_events,
       t.xmin AS written_by
FROM pg_catalog.pg_trigger AS t
WHERE t.tgfoid = (SELECT fraiseql_subs.capture_function());

CREATE FUNCTION fraiseql_subs.younger(xid, xid) RETURNS xid
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pg_catalog.age($1) < pg_catalog.age($2) THEN $1 ELSE $2 END;
$$;

-- Whether logical replication may apply changes to tables of this database.
CREATE FUNCTION fraiseql_subs.is_subscriber() RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM pg_subscription AS s JOIN pg_database AS d ON d.oid = s.subdbid
                   WHERE d.datname = current_database());
END
$$;

-- Why not every change of a table becomes one event on this channel, or others' changes do too.
--   path: null, or those of the tables below it that are looked at
--   kind: `off` if no change becomes an event, `check` if it may be meant like this, `incomplete` or,
--     if it is all about replication, `replication` for the others; `note` if nothing follows from it
--   since: the transaction that wrote the catalog's row from which it follows; null if none tells
--
-- A database can have thousands of partitions, and many watched tables: all that is read of the
-- catalogs is found by an index, and no two lists are compared with each other.
CREATE FUNCTION fraiseql_subs.problems_of(watched oid, channel text, path oid[] DEFAULT NULL)
RETURNS TABLE (kind text, problem text, remedy text, since xid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    capture CONSTANT oid := fraiseql_subs.capture_function();
    replication CONSTANT text := CASE WHEN fraiseql_subs.is_subscriber() THEN 'replication' ELSE 'note' END;
BEGIN
    RETURN QUERY
    WITH RECURSIVE
    own AS MATERIALIZED (
        SELECT * FROM fraiseql_subs.capture_trigger AS t
        WHERE t.relid = $1 AND t.parent = 0 AND t.channel IS NOT DISTINCT FROM $2
    ),
    operation (name, bit) AS (VALUES ('INSERT', 4), ('UPDATE', 16), ('DELETE', 8), ('TRUNCATE', 32)),
    -- Tables whose rows are also rows of the watched one, each with every copy of a row trigger.
    below AS (
        SELECT $1 AS relid, own.oid AS copy, own.enabled AS original_enabled, NULL::name AS name,
            NULL::"char" AS enabled, NULL::xid AS written_by, NULL::xid AS since,
            false AS is_partition, NULL::"char" AS relkind
        FROM (SELECT) AS one LEFT JOIN own ON own.events & 28 <> 0
        UNION
        SELECT i.inhrelid, t.oid, b.original_enabled, t.tgname, t.tgenabled, t.xmin, i.xmin,
            c.relispartition, c.relkind
        FROM below AS b
        JOIN pg_inherits AS i ON i.inhparent = b.relid
        -- A temporary table is one session's.
        JOIN pg_class AS c ON c.oid = i.inhrelid AND c.relpersistence <> 't'
        LEFT JOIN pg_trigger AS t ON t.tgrelid = i.inhrelid AND t.tgparentid = b.copy AND b.copy <> 0
        WHERE $3 IS NULL OR i.inhrelid = ANY ($3)
    ),
    descendant AS MATERIALIZED (
        SELECT b.relid, b.is_partition, b.relkind, (array_agg(b.since ORDER BY age(b.since)))[1] AS since,
            count(b.copy) > 0 AS has_copy
        FROM below AS b WHERE b.since IS NOT NULL GROUP BY b.relid, b.is_partition, b.relkind
    ),
    missing AS (
        SELECT string_agg(o.name, ', ') AS names, sum(o.bit)::integer AS bits
        FROM operation AS o, (SELECT bit_or(t.events) AS events FROM own AS t) AS all_own
        WHERE o.bit & coalesce(all_own.events, 0) = 0
    ),
    found (kind, problem, remedy, since) AS (
        SELECT CASE WHEN m.bits & 28 = 28 THEN 'off' ELSE 'incomplete' END,
            format('No trigger publishes %s.', m.names), 'watch',
            (SELECT t.xmin FROM pg_trigger AS t
             WHERE t.tgrelid = $1 AND (t.oid IN (SELECT own.oid FROM own)
                 OR t.tgname IN (' fraiseql_capture_row', ' fraiseql_capture_truncate'))
             ORDER BY age(t.xmin) LIMIT 1)
        FROM missing AS m WHERE m.names IS NOT NULL
    UNION ALL
        SELECT CASE WHEN t.events & 28 <> 0 THEN 'off' ELSE 'incomplete' END,
            format('The trigger %I is disabled.', t.name), 'watch', t.written_by
        FROM own AS t WHERE t.enabled = 'D'
    UNION ALL
        SELECT CASE t.enabled WHEN 'R' THEN 'incomplete' ELSE replication END, format(CASE t.enabled
                WHEN 'R' THEN 'The trigger %I fires for nothing but what replication applies.'
                ELSE 'The trigger %I is not enabled ALWAYS: what replication applies makes no event.' END,
            t.name), 'watch', t.written_by
        FROM own AS t WHERE t.enabled IN ('O', 'R')
    UNION ALL
        SELECT 'incomplete', format('The trigger %I has a WHEN condition: other changes make no event.', t.name),
            'watch', t.written_by
        FROM own AS t WHERE t.has_condition
    UNION ALL
        SELECT 'incomplete', format('The trigger %I is for an UPDATE of some columns: others make no event.', t.name),
            'watch', t.written_by
        FROM own AS t WHERE t.has_columns
    UNION ALL
        SELECT 'incomplete', format('The trigger %I is deferrable: its events may come behind later ones.', t.name),
            'again', t.written_by
        FROM own AS t WHERE t.is_deferrable
    UNION ALL
        SELECT 'incomplete', format('The trigger %I makes writes fail: it needs one argument, a channel.', t.name),
            'again', t.written_by
        FROM own AS t WHERE t.arguments <> 1 OR t.channel IS NULL
    UNION ALL
        SELECT 'incomplete', format('The trigger %I makes writes fail: it must be AFTER, and FOR EACH ROW but for TRUNCATE.',
            t.name), 'again', t.written_by
        FROM own AS t WHERE t.all_events & ~t.events <> 0
    UNION ALL
        SELECT 'incomplete', format('%s triggers publish each %s.', count(*), o.name), 'again',
            (array_agg(t.written_by ORDER BY age(t.written_by)))[1]
        FROM own AS t JOIN operation AS o ON t.events & o.bit <> 0 GROUP BY o.name HAVING count(*) > 1
    UNION ALL
        SELECT 'incomplete', format('The trigger %I fires first: what it does is told before the change it does it for.',
            other.tgname), 'name', fraiseql_subs.younger(other.xmin, first.written_by)
        FROM (SELECT own.name, own.written_by FROM own WHERE own.events & 28 <> 0
              ORDER BY own.name LIMIT 1) AS first
        JOIN pg_trigger AS other ON other.tgname < first.name
        WHERE other.tgrelid = $1 AND other.tgtype & 67 = 1 AND other.tgenabled <> 'D'
            AND other.tgfoid <> capture
    UNION ALL
        SELECT 'incomplete', format('The partition %s has no trigger that publishes its rows.', d.relid::regclass),
            'watch', d.since
        FROM descendant AS d
        WHERE d.is_partition AND NOT d.has_copy AND EXISTS (SELECT FROM own WHERE events & 28 <> 0)
    UNION ALL
        SELECT CASE b.enabled WHEN 'O' THEN replication ELSE 'incomplete' END, format(CASE b.enabled
                WHEN 'D' THEN 'The trigger %I of the partition %s is disabled.'
                WHEN 'R' THEN 'The trigger %I of the partition %s fires for nothing but what replication applies.'
                ELSE 'The trigger %I of the partition %s is not enabled ALWAYS: what replication applies makes no event.' END,
            b.name, b.relid::regclass), 'watch', b.written_by
        FROM below AS b WHERE b.enabled <> 'A' AND b.enabled <> b.original_enabled
    UNION ALL
        SELECT 'incomplete', format('The partition %s is watched by itself, too.', d.relid::regclass), 'partition',
            fraiseql_subs.younger(t.xmin, d.since)
        FROM descendant AS d
        JOIN pg_trigger AS t ON t.tgrelid = d.relid AND t.tgfoid = capture AND t.tgparentid = 0
        WHERE d.is_partition
    UNION ALL
        SELECT 'incomplete', format('The partition %s is a foreign table: only what is written through this server makes events.',
            d.relid::regclass), 'none', d.since
        FROM descendant AS d WHERE d.is_partition AND d.relkind = 'f'
    UNION ALL
        SELECT 'incomplete', format('The table %s inherits from it and is not watched: its rows make no event.',
            d.relid::regclass), 'child', d.since
        FROM descendant AS d
        WHERE NOT d.is_partition AND NOT EXISTS (
            SELECT FROM pg_trigger AS t
            WHERE t.tgrelid = d.relid AND t.tgfoid = capture AND t.tgparentid = 0 AND t.tgtype & 28 <> 0)
    UNION ALL
        SELECT 'incomplete', CASE c.relpersistence
                WHEN 'u' THEN 'The table is unlogged: a crash of the server empties it, which makes no event.'
                ELSE 'The table is temporary: what ON COMMIT and the end of the session remove makes no event.' END,
            'none', NULL
        FROM pg_class AS c WHERE c.oid = $1 AND c.relpersistence <> 'p'
    UNION ALL
        -- What ALTER TABLE does to a table rewrites its row of pg_class, but only another name, schema or
        -- owner that of its row type. In other schemas any number of tables may be called so: what tells
        -- is that the watched one has left its schema, and the other one came or was made after that.
        SELECT 'check', format('Its channel %I has the name of the table %s, which is not watched.',
            $2, named.oid::regclass), 'renamed', fraiseql_subs.younger(named_type.xmin, own_type.xmin)
        FROM pg_class AS c
        JOIN pg_type AS own_type ON own_type.oid = c.reltype
        JOIN pg_class AS named ON named.relname = $2::name AND named.relname = $2
        JOIN pg_type AS named_type ON named_type.oid = named.reltype
        WHERE c.oid = $1 AND named.oid <> c.oid AND named.relkind IN ('r', 'p')
            AND named.relpersistence <> 't'
            AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = named.oid AND t.tgfoid = capture)
            AND (named.relnamespace = c.relnamespace OR EXISTS (
                SELECT FROM pg_depend AS schema
                WHERE schema.classid = 'pg_class'::regclass AND schema.objid = $1 AND schema.objsubid = 0
                    AND schema.refclassid = 'pg_namespace'::regclass
                    AND age(schema.xmin) < (SELECT max(age(own.written_by)) FROM own)
                    AND age(named_type.xmin) <= age(schema.xmin)))
    )
    SELECT f.kind, f.problem, CASE f.remedy
            WHEN 'watch' THEN CASE WHEN $2 IS NOT NULL THEN
                format('fraiseql_watch(%L, %L) puts its triggers in order again.', $1::regclass, $2) END
            WHEN 'again' THEN format('fraiseql_unwatch(%L) removes all its triggers; then watch it again.', $1::regclass)
            WHEN 'name' THEN 'Rename that trigger.'
            WHEN 'partition' THEN 'Unwatch the partition.'
            WHEN 'child' THEN 'Watch the inheriting table, too.'
            WHEN 'renamed' THEN 'If tables were renamed, unwatch this one and watch the other.'
        END, f.since
    FROM found AS f;
END
$$;

-- Why the events of this database go nowhere; null if they go somewhere.
CREATE FUNCTION fraiseql_subs.elsewhere() RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    -- A setting that no library has defined is not in pg_settings.
    SELECT CASE
        WHEN served IS NULL THEN 'fraiseql_subs is not preloaded: events reach nobody.'
        WHEN served <> current_database() THEN format(
            'fraiseql_subs serves the database %I, not this one: events reach nobody.', served)
        END
    FROM (SELECT (SELECT setting FROM pg_settings WHERE name = 'fraiseql_subs.database') AS served) AS s;
$$;

CREATE FUNCTION fraiseql_watched_tables()
RETURNS TABLE ("table" regclass, channel text, state text, problems text[])
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH watched AS MATERIALIZED (
        SELECT DISTINCT t.relid, t.channel, c.relname = t.channel AS has_name_of_table
        FROM fraiseql_subs.capture_trigger AS t JOIN pg_class AS c ON c.oid = t.relid WHERE t.parent = 0
    ),
    -- Whoever gives a table the channel of another one has chosen it. Two tables of one name, in two
    -- schemas, share theirs without that.
    shared AS MATERIALIZED (
        SELECT t.channel, (array_agg(t.relid ORDER BY t.relid))[1:2] AS relids, count(*) AS tables,
            count(*) FILTER (WHERE t.has_name_of_table) > 1 AS is_by_name
        FROM watched AS t GROUP BY t.channel HAVING count(*) > 1
    ),
    elsewhere AS MATERIALIZED (
        SELECT fraiseql_subs.elsewhere() AS problem
    )
    SELECT w.relid::regclass, w.channel,
        CASE WHEN 'off' = ANY (found.kinds) THEN 'off'
             WHEN e.problem IS NOT NULL THEN 'elsewhere'
             WHEN found.kinds && '{incomplete,replication}' THEN 'incomplete'
             WHEN 'check' = ANY (found.kinds) THEN 'check'
             ELSE 'watched' END,
        found.problems
    FROM elsewhere AS e, watched AS w LEFT JOIN shared AS s ON s.channel = w.channel, LATERAL (
        SELECT coalesce(array_agg(p.kind), '{}') AS kinds,
            coalesce(array_agg(p.problem ORDER BY p.place, p.problem COLLATE "C"), '{}') AS problems
        FROM (
            SELECT 0 AS place, 'elsewhere' AS kind, e.problem WHERE e.problem IS NOT NULL
            UNION ALL
            SELECT 1, kind, problem FROM fraiseql_subs.problems_of(w.relid, w.channel)
            UNION ALL
            SELECT 2, CASE WHEN w.has_name_of_table AND s.is_by_name THEN 'check' ELSE 'note' END,
                CASE s.tables
                    WHEN 2 THEN format('The table %s has the same channel.',
                        (array_remove(s.relids, w.relid))[1]::regclass)
                    ELSE format('%s other tables have the same channel.', s.tables - 1) END
            WHERE s.tables IS NOT NULL
        ) AS p) AS found
    ORDER BY w.relid::regclass::text COLLATE "C", w.channel COLLATE "C";
$$;
COMMENT ON FUNCTION fraiseql_watched_tables() IS
    'tables whose changes are published, and why some of them may not be';

-- Whether every trigger of a table is as fraiseql_watch() would make it.
CREATE FUNCTION fraiseql_subs.is_watched(watched oid, channel text) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM fraiseql_subs.capture_trigger AS t WHERE t.relid = $1 AND t.parent = 0)
        AND NOT EXISTS (
            SELECT FROM fraiseql_subs.capture_trigger AS t
            WHERE t.relid = $1 AND (t.parent <> 0 OR t.channel IS DISTINCT FROM $2))
        AND NOT EXISTS (SELECT FROM fraiseql_subs.problems_of($1, $2) WHERE kind <> 'check');
$$;

-- Names in messages have quotes around them, those of regclass have their own.
CREATE FUNCTION fraiseql_subs.warn(watched oid, problems text[], remedies text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    message text := format('table "%s.%s" is not watched as it should be', n.nspname, c.relname)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1;
    detail text := array_to_string(problems, E'\n');
    -- What begins with removing all triggers makes the rest void.
    hint text := coalesce(
        max(remedy) FILTER (WHERE starts_with(remedy, 'fraiseql_unwatch(')),
        string_agg(DISTINCT remedy, E'\n'))
        FROM unnest(remedies) AS remedy;
BEGIN
    IF hint IS NULL THEN
        RAISE WARNING USING MESSAGE = message, DETAIL = detail;
    ELSE
        RAISE WARNING USING MESSAGE = message, DETAIL = detail, HINT = hint;
    END IF;
END
$$;

-- For fraiseql_watch(): warn of what is wrong with a table that it has just put in order. `is_default`
-- is whether nobody chose the channel.
CREATE FUNCTION fraiseql_subs.warn_of_problems(watched oid, channel text, is_default boolean)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text[];
    remedies text[];
BEGIN
    SELECT array_agg(p.problem), array_agg(p.remedy)
    INTO problems, remedies
    FROM (
        SELECT problem, remedy FROM fraiseql_subs.problems_of($1, $2) WHERE kind NOT IN ('check', 'note')
        UNION ALL
        SELECT format('The table %s has the same channel.', t.relid::regclass),
            'Give one of them another channel, unless subscribers are to get both.'
        FROM (SELECT DISTINCT relid FROM fraiseql_subs.capture_trigger AS other
              WHERE other.channel = $2 AND other.parent = 0 AND other.relid <> $1) AS t
        WHERE $3
    ) AS p;
    IF problems IS NOT NULL THEN
        PERFORM fraiseql_subs.warn($1, problems, remedies);
    END IF;
END
$$;

-- DDL that ends a watch, or makes it incomplete, says nothing of it. These event triggers do. They
-- change nothing, and what is wrong with them is no reason for the DDL to fail.
--
-- pg_dump's scripts, which pg_restore runs too, turn check_function_bodies off. While they run, what is
-- incomplete is about to be completed; but those that disable triggers do not enable them as they were.
CREATE FUNCTION fraiseql_subs.is_restoring() RETURNS boolean
LANGUAGE sql AS $$ SELECT NOT pg_catalog.current_setting('check_function_bodies')::boolean $$;

CREATE FUNCTION fraiseql_subs.on_ddl_command_end() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    restoring CONSTANT boolean := fraiseql_subs.is_restoring();
    capture oid;
    touched oid[];
    lineage oid[];  -- those and the tables whose partitions or children they are
    watched oid[];
    found record;
BEGIN
    IF restoring AND (tg_tag <> 'ALTER TABLE' OR NOT fraiseql_subs.is_subscriber()) THEN
        RETURN;
    END IF;
    capture := fraiseql_subs.capture_function();
    touched := ARRAY(
        SELECT c.objid FROM pg_event_trigger_ddl_commands() AS c
        WHERE c.classid = 'pg_class'::regclass AND c.object_type IN ('table', 'foreign table')
            AND c.schema_name IS DISTINCT FROM 'pg_temp'
        UNION
        SELECT t.tgrelid FROM pg_event_trigger_ddl_commands() AS c JOIN pg_trigger AS t ON t.oid = c.objid
        WHERE c.classid = 'pg_trigger'::regclass AND c.schema_name IS DISTINCT FROM 'pg_temp');
    IF touched = '{}' OR NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = capture
            AND d.classid = 'pg_trigger'::regclass) THEN
        RETURN;
    END IF;
    lineage := ARRAY(
        WITH RECURSIVE lineage (relid) AS (
            SELECT unnest(touched)
            UNION
            SELECT i.inhparent FROM lineage JOIN pg_inherits AS i ON i.inhrelid = lineage.relid
        )
        SELECT relid FROM lineage);
    watched := ARRAY(
        SELECT DISTINCT t.tgrelid FROM pg_trigger AS t
        WHERE t.tgrelid = ANY (lineage) AND t.tgfoid = capture AND t.tgparentid = 0);
    IF restoring THEN
        IF watched = '{}' OR NOT EXISTS (
            SELECT FROM pg_trigger AS t
            WHERE t.tgrelid = ANY (touched) AND t.tgfoid = capture AND t.tgenabled = 'O') THEN
            RETURN;
        END IF;
    ELSE
        -- A table that is new, or newly called so, may stand where a watched one stood.
        watched := watched || ARRAY(
            SELECT DISTINCT t.relid
            FROM (
                SELECT array_agg(c.relname::text) AS names
                FROM pg_class AS c JOIN pg_type AS y ON y.oid = c.reltype
                WHERE c.oid = ANY (touched) AND c.oid <> ALL (watched) AND NOT c.relispartition
                    AND age(y.xmin) <= age(pg_current_xact_id_if_assigned()::xid)
            ) AS new
            JOIN fraiseql_subs.capture_trigger AS t ON t.channel = ANY (new.names)
            WHERE new.names IS NOT NULL AND t.parent = 0);
    END IF;
    FOR found IN
        SELECT w.relid, array_agg(p.problem) AS problems, array_agg(p.remedy) AS remedies
        FROM (SELECT DISTINCT t.relid, t.channel FROM fraiseql_subs.capture_trigger AS t
              WHERE t.parent = 0 AND t.relid = ANY (watched)) AS w,
            LATERAL fraiseql_subs.problems_of(
                w.relid, w.channel, CASE WHEN w.relid <> ALL (touched) THEN lineage END) AS p
        WHERE CASE WHEN restoring THEN p.kind = 'replication' ELSE p.kind <> 'note' END
            -- New is what follows from a row that this transaction wrote.
            AND age(p.since) <= age(pg_current_xact_id_if_assigned()::xid)
        GROUP BY w.relid
    LOOP
        PERFORM fraiseql_subs.warn(found.relid, found.problems, found.remedies);
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    RETURN;
END
$$;

-- No row of a catalog tells of SET UNLOGGED when. This comes before the table is rewritten.
CREATE FUNCTION fraiseql_subs.on_table_rewrite() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    rewritten CONSTANT oid := pg_event_trigger_table_rewrite_oid();
BEGIN
    IF pg_event_trigger_table_rewrite_reason() & 1 = 1 AND NOT fraiseql_subs.is_restoring()
        AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = rewritten AND c.relpersistence = 'p')
        AND EXISTS (SELECT FROM fraiseql_subs.capture_trigger AS t WHERE t.relid = rewritten)
    THEN
        PERFORM fraiseql_subs.warn(
            rewritten, '{"The table becomes unlogged: a crash of the server empties it, which makes no event."}', NULL);
    END IF;
EXCEPTION WHEN OTHERS THEN
    RETURN;
END
$$;

CREATE FUNCTION fraiseql_subs.was_own_trigger(trigger oid, function oid) RETURNS boolean
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'fsubs_was_own_trigger';
COMMENT ON FUNCTION fraiseql_subs.was_own_trigger(oid, oid) IS
    'whether a trigger that this transaction dropped called a function, and was no copy for a partition';

CREATE FUNCTION fraiseql_subs.on_sql_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    capture oid;
    dropped record;
    told text[] := '{}';
BEGIN
    IF fraiseql_subs.is_restoring() THEN
        RETURN;
    END IF;
    FOR dropped IN
        SELECT objid AS trigger, address_names[1] || '.' || address_names[2] AS name,
            to_regclass(format('%I.%I', address_names[1], address_names[2])) AS relid
        FROM pg_event_trigger_dropped_objects()
        WHERE classid = 'pg_trigger'::regclass AND address_names[1] <> 'pg_temp'
    LOOP
        capture := coalesce(capture, fraiseql_subs.capture_function());
        CONTINUE WHEN dropped.name = ANY (told)
            OR NOT fraiseql_subs.was_own_trigger(dropped.trigger, capture);
        told := told || dropped.name;
        IF tg_tag <> 'DROP TRIGGER' THEN
            -- Most that drop a table mean it.
            RAISE NOTICE 'watched table "%" is gone: a table that takes its place must be watched anew',
                dropped.name;
        ELSIF EXISTS (SELECT FROM fraiseql_subs.capture_trigger AS t WHERE t.relid = dropped.relid) THEN
            PERFORM fraiseql_subs.warn(t.relid, ARRAY[p.problem], ARRAY[p.remedy])
            FROM (SELECT DISTINCT relid, channel FROM fraiseql_subs.capture_trigger
                  WHERE parent = 0 AND relid = dropped.relid) AS t,
                LATERAL fraiseql_subs.problems_of(t.relid, t.channel, '{}') AS p
            WHERE p.problem LIKE 'No trigger publishes %';
        ELSE
            RAISE WARNING USING
                MESSAGE = format('table "%s" is no longer watched', dropped.name),
                DETAIL = 'Its changes make no events any more.',
                HINT = 'To end that without a warning, use fraiseql_unwatch().';
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    RETURN;
END
$$;

CREATE EVENT TRIGGER fraiseql_subs_ddl_command_end ON ddl_command_end
WHEN TAG IN ('ALTER TABLE', 'ALTER TRIGGER', 'CREATE TRIGGER', 'CREATE TABLE', 'CREATE TABLE AS',
             'SELECT INTO', 'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE')
EXECUTE FUNCTION fraiseql_subs.on_ddl_command_end();

CREATE EVENT TRIGGER fraiseql_subs_table_rewrite ON table_rewrite WHEN TAG IN ('ALTER TABLE')
EXECUTE FUNCTION fraiseql_subs.on_table_rewrite();

CREATE EVENT TRIGGER fraiseql_subs_sql_drop ON sql_drop
WHEN TAG IN ('DROP TRIGGER', 'DROP TABLE', 'DROP SCHEMA')
EXECUTE FUNCTION fraiseql_subs.on_sql_drop();

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
        CHECK (cardinality(event_types) > 0 AND array_position(event_types, NULL) IS NULL),
    row_filter jsonb,
    tenant_field text,
    shared boolean NOT NULL DEFAULT false,
    subgraph text CHECK (subgraph <> ''),
    scope jsonb,
    roles text[],
    scopes text[],
    rate_limit text
);
COMMENT ON TABLE fraiseql_subs.subscription IS 'subscription fields and the events they deliver';
COMMENT ON COLUMN fraiseql_subs.subscription.field IS 'SDL of the field';
COMMENT ON COLUMN fraiseql_subs.subscription.event_types IS 'event types delivered; null for all';

CREATE TABLE fraiseql_subs.resolver (
    field text PRIMARY KEY,
    function text,
    per text NOT NULL CHECK (per IN ('plan', 'audience')),
    timeout_ms integer NOT NULL CHECK (timeout_ms BETWEEN 1 AND 3600000),
    retries integer NOT NULL CHECK (retries BETWEEN 0 AND 100),
    idempotent boolean NOT NULL,
    on_error text NOT NULL CHECK (on_error IN ('null', 'skip', 'complete')),
    concurrency integer CHECK (concurrency BETWEEN 1 AND 100000)
);
COMMENT ON TABLE fraiseql_subs.resolver IS 'what makes the values of subscription fields out of their events';
COMMENT ON COLUMN fraiseql_subs.resolver.function IS
    'qualified name of a function (jsonb, jsonb) returns jsonb; null for processes outside the database';
ALTER TABLE fraiseql_subs.resolver ENABLE ROW LEVEL SECURITY;

-- What SQL registers, by hand or in a migration, is in no row. What several applications register
-- alike has a row for each.
CREATE TABLE fraiseql_subs.application_object (
    application text NOT NULL CHECK (application <> ''),
    kind text NOT NULL CHECK (kind IN ('type', 'subscription', 'resolver')),
    name text NOT NULL,
    PRIMARY KEY (application, kind, name)
);
COMMENT ON TABLE fraiseql_subs.application_object IS
    'what applications have registered by fraiseql_sync_application(), which may change and remove it';
ALTER TABLE fraiseql_subs.application_object ENABLE ROW LEVEL SECURITY;

CREATE TABLE fraiseql_subs.issuer (
    name text PRIMARY KEY,
    issuer text UNIQUE NULLS NOT DISTINCT,
    secret text,
    public_key text,
    jwks text,
    jwks_file text,
    jwks_url text,
    previous_secret text,
    -- Microseconds since 1970 must fit in 64 bits, or no catalog could be read any more.
    previous_until timestamptz
        CHECK (isfinite(previous_until) AND previous_until < timestamptz '10000-01-01 00:00:00+00'),
    audiences text[],
    algorithms text[],
    leeway interval NOT NULL CHECK (leeway BETWEEN interval '0' AND interval '10 min'),
    require_exp boolean NOT NULL,
    claims jsonb,
    preset text
);
COMMENT ON TABLE fraiseql_subs.issuer IS 'who issues tokens, and the keys to verify them with';
-- Without a policy: also pg_read_all_data and pg_write_all_data stay out, and who is granted SELECT.
ALTER TABLE fraiseql_subs.issuer ENABLE ROW LEVEL SECURITY;
ALTER TABLE fraiseql_subs.type ENABLE ROW LEVEL SECURITY;
ALTER TABLE fraiseql_subs.subscription ENABLE ROW LEVEL SECURITY;

CREATE TABLE fraiseql_subs.role_limit (
    role text UNIQUE NULLS NOT DISTINCT,
    limits jsonb NOT NULL
);
COMMENT ON TABLE fraiseql_subs.role_limit IS 'limits of clients that have a role; null for everybody';
ALTER TABLE fraiseql_subs.role_limit ENABLE ROW LEVEL SECURITY;

SELECT pg_extension_config_dump('fraiseql_subs.issuer', '');
SELECT pg_extension_config_dump('fraiseql_subs.role_limit', '');
SELECT pg_extension_config_dump('fraiseql_subs.type', '');
SELECT pg_extension_config_dump('fraiseql_subs.subscription', '');
SELECT pg_extension_config_dump('fraiseql_subs.resolver', '');
SELECT pg_extension_config_dump('fraiseql_subs.application_object', '');

-- What committed transactions have lost by PREPARE TRANSACTION, until the executor has told it. Not
-- dumped. An empty channel is all of them.
CREATE TABLE fraiseql_subs.prepared_loss (
    channel text NOT NULL,
    count bigint NOT NULL
) USING heap;
COMMENT ON TABLE fraiseql_subs.prepared_loss IS
    'events of prepared transactions, of which subscribers are told once those are committed';

-- PREPARE TRANSACTION inserts its rows without firing triggers, and keeps them out of logical decoding.
-- Others come by the first copy of a publication FOR ALL TABLES: they tell of another server's events.
CREATE FUNCTION fraiseql_subs.discard() RETURNS trigger
LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;

CREATE TRIGGER discard BEFORE INSERT ON fraiseql_subs.prepared_loss
FOR EACH ROW EXECUTE FUNCTION fraiseql_subs.discard();
ALTER TABLE fraiseql_subs.prepared_loss ENABLE ALWAYS TRIGGER discard;

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

CREATE TRIGGER catalog_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fraiseql_subs.resolver
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed();
ALTER TABLE fraiseql_subs.resolver ENABLE ALWAYS TRIGGER catalog_changed;

CREATE TRIGGER catalog_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fraiseql_subs.issuer
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed();
ALTER TABLE fraiseql_subs.issuer ENABLE ALWAYS TRIGGER catalog_changed;

CREATE TRIGGER catalog_changed
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON fraiseql_subs.role_limit
FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed();
ALTER TABLE fraiseql_subs.role_limit ENABLE ALWAYS TRIGGER catalog_changed;

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

-- Each raises an error if the value, which may be null, is none of its kind. 22023 is the error.
CREATE FUNCTION fraiseql_subs.check_limit(key text, value text, is_of_role boolean) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_check_limit';

CREATE FUNCTION fraiseql_subs.check_rate_limit(value text) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_check_rate_limit';

-- Raises an error if what was given for `parameter` cannot be UTF-8, which is what the worker reads. In a
-- database of the encoding SQL_ASCII a text may be anything. The error does not show it: it may be a key.
CREATE FUNCTION fraiseql_subs.check_utf8(parameter text, VARIADIC given text[]) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM convert_to(value, 'UTF8') FROM unnest(given) AS value;
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    RAISE character_not_in_repertoire USING MESSAGE = format('%s cannot be written in UTF-8', parameter);
END
$$;

-- Raises an error if the catalog's content is not a valid schema. One of the arguments says what the
-- statement before it wrote: the types or the subscription field of this text, or that it removed a
-- type.
-- `scope`: the names of the field's scope, which its clients must be able to ask for.
CREATE FUNCTION fraiseql_subs.check_catalog(
    types text DEFAULT NULL, field text DEFAULT NULL, removed text DEFAULT NULL,
    scope text[] DEFAULT NULL
) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_check_catalog';

-- Access ------------------------------------------------------------------------------------------

-- Raises an error unless `fields`, the parameter `parameter` of a registration, says for names which
-- claims they are compared with (worker/access/claim.cpp). The pattern does not depend on
-- standard_conforming_strings, which is the caller's.
CREATE FUNCTION fraiseql_subs.check_comparands(parameter text, fields jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    claims CONSTANT text[] := '{user,tenant,roles,scopes,subgraphs,role}';
    -- As worker/json/json_path.cpp reads them.
    path CONSTANT text := E'^[$]([.]([A-Za-z0-9_]|[^[:ascii:]])+|'
        '[.]"([^"\\\\[:cntrl:]]|\\\\(["\\\\/bfnrt]|u[0-9A-Fa-f]{4}))*")+$';
    name text;
    claim jsonb;
BEGIN
    IF fields IS NULL THEN
        RETURN;
    END IF;
    IF jsonb_typeof(fields) <> 'object' OR fields = '{}' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s must be an object with a claim for each name', parameter),
            HINT = format('As in %s => ''{"owner_id": "user"}''.', parameter);
    END IF;
    FOR name, claim IN SELECT * FROM jsonb_each(fields) LOOP
        IF name = '' THEN
            RAISE invalid_parameter_value USING MESSAGE = format('%s has an empty name', parameter);
        END IF;
        IF jsonb_typeof(claim) <> 'string' OR NOT (claim #>> '{}' = ANY (claims) OR claim #>> '{}' ~ path) THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('%s: %s, for "%s", names no claim', parameter, claim, name),
                HINT = 'A claim is "user", "tenant", "roles", "scopes", "subgraphs", "role" or a path such as "$.regions".';
        END IF;
    END LOOP;
END
$$;

-- Raises an error unless `field` is a field of events: names with dots between them.
CREATE FUNCTION fraiseql_subs.check_event_field(parameter text, field text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF field <> '' AND '' = ANY (string_to_array(field, '.')) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s: "%s" is not a field of events', parameter, field),
            HINT = 'Name a field, or a path such as "row.tenant_id".';
    END IF;
END
$$;

CREATE FUNCTION fraiseql_subs.check_access(
    row_filter jsonb, tenant_field text, shared boolean, subgraph text, scope jsonb
) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.check_comparands('row_filter', row_filter);
    IF row_filter IS NOT NULL THEN
        PERFORM fraiseql_subs.check_event_field('row_filter', name) FROM jsonb_object_keys(row_filter) AS name;
    END IF;
    PERFORM fraiseql_subs.check_comparands('scope', scope);
    PERFORM fraiseql_subs.check_event_field('tenant_field', tenant_field);
    IF shared IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'shared cannot be null';
    END IF;
    IF shared AND tenant_field = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'shared is about a tenant field, and there is none',
            HINT = 'Without a tenant field, events reach clients of every tenant.';
    END IF;
    IF subgraph = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'subgraph cannot be empty';
    END IF;
END
$$;

-- What SQL registers or removes is no application's any more.
CREATE FUNCTION fraiseql_subs.disown(kind text, name text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM fraiseql_subs.application_object AS o WHERE o.kind = $1 AND o.name = $2;
$$;

CREATE FUNCTION fraiseql_register_types(sdl text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.lock_catalog();
    DELETE FROM fraiseql_subs.application_object AS o
        WHERE o.kind = 'type' AND o.name IN (SELECT split.name FROM fraiseql_subs.split_types(sdl) AS split);
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
    PERFORM fraiseql_subs.disown('type', $1);
    PERFORM fraiseql_subs.check_catalog(removed => $1);
END
$$;
COMMENT ON FUNCTION fraiseql_unregister_type(text) IS 'remove a GraphQL type that nothing uses';

-- Roles and scopes --------------------------------------------------------------------------------

-- Refuse an array that is no list.
CREATE FUNCTION fraiseql_subs.check_list(parameter text, list text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF array_ndims(list) > 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s must be a list, not an array of %s dimensions', parameter, array_ndims(list));
    END IF;
END
$$;

-- Refuse a list that demands nothing, or something that nobody can have.
CREATE FUNCTION fraiseql_subs.check_names(parameter text, names text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.check_list($1, $2);
    IF cardinality($2) = 0 OR array_position($2, NULL) IS NOT NULL OR '' = ANY ($2) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s cannot be empty or contain null or an empty text', $1),
            HINT = format('Leave %s out to demand none.', $1);
    END IF;
END
$$;

-- What fraiseql_register_subscription does before the whole is checked.
CREATE FUNCTION fraiseql_subs.put_subscription(
    field text, channel text, event_types text[], row_filter jsonb,
    tenant_field text, shared boolean, subgraph text,
    scope jsonb, roles text[], scopes text[],
    rate_limit text
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF $2 IS NULL OR $2 = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'channel cannot be null or empty';
    END IF;
    PERFORM fraiseql_subs.check_list('event_types', $3);
    IF cardinality($3) = 0 OR array_position($3, NULL) IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'event_types cannot be empty or contain null',
            HINT = 'Leave event_types out to deliver every event of the channel.';
    END IF;
    PERFORM fraiseql_subs.check_access($4, $5, $6, $7, $8);
    PERFORM fraiseql_subs.check_rate_limit(rate_limit);
    PERFORM fraiseql_subs.check_names('roles', $9), fraiseql_subs.check_names('scopes', $10);
    PERFORM fraiseql_subs.check_utf8('channel', $2),
        fraiseql_subs.check_utf8('event_types', VARIADIC $3),
        fraiseql_subs.check_utf8('row_filter', $4::text),
        fraiseql_subs.check_utf8('tenant_field', $5),
        fraiseql_subs.check_utf8('subgraph', $7),
        fraiseql_subs.check_utf8('scope', $8::text),
        fraiseql_subs.check_utf8('roles', VARIADIC $9),
        fraiseql_subs.check_utf8('scopes', VARIADIC $10);
    PERFORM fraiseql_subs.lock_catalog();
    INSERT INTO fraiseql_subs.subscription (name, field, channel, event_types, row_filter,
            tenant_field, shared, subgraph, scope, roles, scopes, rate_limit)
        VALUES (fraiseql_subs.field_name($1), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, nullif($11, ''))
        ON CONFLICT (name) DO UPDATE
        SET field = excluded.field, channel = excluded.channel, event_types = excluded.event_types,
            row_filter = excluded.row_filter, tenant_field = excluded.tenant_field,
            shared = excluded.shared, subgraph = excluded.subgraph, scope = excluded.scope,
            roles = excluded.roles, scopes = excluded.scopes, rate_limit = excluded.rate_limit;
END
$$;

CREATE FUNCTION fraiseql_register_subscription(
    field text, channel text, event_types text[] DEFAULT NULL, row_filter jsonb DEFAULT NULL,
    tenant_field text DEFAULT NULL, shared boolean DEFAULT false, subgraph text DEFAULT NULL,
    scope jsonb DEFAULT NULL, roles text[] DEFAULT NULL, scopes text[] DEFAULT NULL,
    rate_limit text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.put_subscription($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);
    PERFORM fraiseql_subs.disown('subscription', fraiseql_subs.field_name($1));
    PERFORM fraiseql_subs.check_catalog(
        field => $1,
        scope => CASE WHEN $8 IS NOT NULL THEN ARRAY(SELECT jsonb_object_keys($8)) END);
END
$$;
COMMENT ON FUNCTION fraiseql_register_subscription(
    text, text, text[], jsonb, text, boolean, text, jsonb, text[], text[], text) IS
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
    DELETE FROM fraiseql_subs.resolver WHERE field = fraiseql_unregister_subscription.name;
    PERFORM fraiseql_subs.disown('subscription', $1), fraiseql_subs.disown('resolver', $1);
END
$$;
COMMENT ON FUNCTION fraiseql_unregister_subscription(text) IS 'remove a subscription field';

-- Resolvers ---------------------------------------------------------------------------------------

-- The function of that qualified name, as a resolver is called. Raises an error if there is none.
CREATE FUNCTION fraiseql_subs.find_resolver(name text) RETURNS oid
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parts text[];
    resolver record;
BEGIN
    BEGIN
        parts := parse_ident(name);
    EXCEPTION WHEN invalid_parameter_value THEN
        parts := '{}';
    END;
    IF cardinality(parts) <> 2 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('"%s" is not the name of a function with its schema', name),
            HINT = 'As in function => ''app.resolve_order''.';
    END IF;
    SELECT oid, prorettype, prokind, proretset INTO resolver
    FROM pg_proc WHERE oid = to_regprocedure(format('%I.%I(jsonb, jsonb)', parts[1], parts[2]));
    IF NOT FOUND THEN
        RAISE undefined_function USING
            MESSAGE = format('function %I.%I(jsonb, jsonb) does not exist', parts[1], parts[2]),
            HINT = 'A resolver is a function (event jsonb, variables jsonb) returns jsonb.';
    END IF;
    IF resolver.prokind <> 'f' OR resolver.proretset OR resolver.prorettype <> 'jsonb'::regtype THEN
        RAISE invalid_function_definition USING
            MESSAGE = format('%I.%I(jsonb, jsonb) is no function that returns one jsonb', parts[1], parts[2]);
    END IF;
    RETURN resolver.oid;
END
$$;

-- Whether this runs in what maintenance calls with a table's owner's rights, as functions of indexes.
CREATE FUNCTION fraiseql_subs.is_restricted() RETURNS boolean
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'fsubs_is_restricted';

CREATE FUNCTION fraiseql_subs.put_resolver(
    field text, function text, per text, timeout interval, retries integer, idempotent boolean,
    on_error text, concurrency integer
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    -- Whose privileges the caller has; current_user is the extension's owner here.
    caller CONSTANT name := CASE current_setting('role') WHEN 'none' THEN session_user
                            ELSE current_setting('role') END;
    function_owner oid;
BEGIN
    IF $3 IS NULL OR $3 NOT IN ('plan', 'audience') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('per cannot be %s', coalesce(quote_literal($3), 'null')),
            HINT = 'It is ''plan'' or ''audience''.';
    END IF;
    IF $4 IS NULL OR $4 NOT BETWEEN interval '1 ms' AND interval '1 hour' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('timeout cannot be %s', coalesce($4::text, 'null')),
            HINT = 'It is from 1 ms to 1 h.';
    END IF;
    IF $5 IS NULL OR $5 NOT BETWEEN 0 AND 100 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('retries cannot be %s', coalesce($5::text, 'null')), HINT = 'It is from 0 to 100.';
    END IF;
    IF $6 IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'idempotent cannot be null';
    END IF;
    IF $7 IS NULL OR $7 NOT IN ('null', 'skip', 'complete') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('on_error cannot be %s', coalesce(quote_literal($7), 'null')),
            HINT = 'It is ''null'', ''skip'' or ''complete''.';
    END IF;
    IF $8 NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('concurrency cannot be %s', $8),
            HINT = 'It is from 1 to 100000; leave it out for no limit.';
    END IF;
    IF $2 IS NOT NULL THEN
        -- Such code is whoever's, while the session is somebody else's.
        IF fraiseql_subs.is_restricted() THEN
            RAISE insufficient_privilege USING
                MESSAGE = 'a function cannot be registered within a security-restricted operation';
        END IF;
        PERFORM fraiseql_subs.check_utf8('function', $2);
        SELECT proowner INTO function_owner FROM pg_proc WHERE oid = fraiseql_subs.find_resolver($2);
        -- It runs as its owner, with data that others choose.
        IF NOT pg_has_role(caller, function_owner, 'USAGE') THEN
            RAISE insufficient_privilege USING
                MESSAGE = format('must be owner of function %s', $2),
                DETAIL = 'A resolver runs as the function''s owner.';
        END IF;
    END IF;
    PERFORM fraiseql_subs.lock_catalog();
    IF NOT EXISTS (SELECT FROM fraiseql_subs.subscription WHERE name = $1) THEN
        RAISE undefined_object USING
            MESSAGE = format('subscription "%s" is not registered', $1),
            HINT = 'Register it first: fraiseql_register_subscription().';
    END IF;
    INSERT INTO fraiseql_subs.resolver (field, function, per, timeout_ms, retries, idempotent, on_error, concurrency)
        VALUES ($1, $2, $3, ceil(extract(epoch FROM $4) * 1000), $5, $6, $7, $8)
        ON CONFLICT ON CONSTRAINT resolver_pkey DO UPDATE
        SET function = excluded.function, per = excluded.per, timeout_ms = excluded.timeout_ms,
            retries = excluded.retries, idempotent = excluded.idempotent,
            on_error = excluded.on_error, concurrency = excluded.concurrency;
END
$$;
CREATE FUNCTION fraiseql_register_resolver(
    field text, function text DEFAULT NULL, per text DEFAULT 'plan',
    timeout interval DEFAULT '10 s', retries integer DEFAULT 0, idempotent boolean DEFAULT false,
    on_error text DEFAULT 'null', concurrency integer DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.put_resolver($1, $2, $3, $4, $5, $6, $7, $8);
    PERFORM fraiseql_subs.disown('resolver', $1);
END
$$;
COMMENT ON FUNCTION fraiseql_register_resolver(text, text, text, interval, integer, boolean, text, integer) IS
    'have a function, or processes outside the database, make the values of a subscription field, or register that anew';

CREATE FUNCTION fraiseql_unregister_resolver(field text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM fraiseql_subs.lock_catalog();
    DELETE FROM fraiseql_subs.resolver WHERE field = fraiseql_unregister_resolver.field;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('subscription "%s" has no resolver', $1);
    END IF;
    PERFORM fraiseql_subs.disown('resolver', $1);
END
$$;
COMMENT ON FUNCTION fraiseql_unregister_resolver(text) IS
    'have a subscription field deliver the data of its events again';

-- src/worker_process/resolution.cpp knows it, and the SQLSTATE of the next one.
CREATE FUNCTION fraiseql_skip() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '{"fraiseql_skip": true}'::pg_catalog.jsonb $$;
COMMENT ON FUNCTION fraiseql_skip() IS 'what a resolver returns to drop an event';

CREATE FUNCTION fraiseql_resolver_error(
    message text, code text DEFAULT NULL, extensions jsonb DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF extensions IS NOT NULL AND jsonb_typeof(extensions) <> 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'extensions must be a JSON object';
    END IF;
    RAISE SQLSTATE 'FQ001' USING
        MESSAGE = coalesce(message, ''),
        DETAIL = (jsonb_build_object('code', coalesce(code, 'RESOLVER_ERROR')) || coalesce(extensions, '{}'))::text;
END
$$;
COMMENT ON FUNCTION fraiseql_resolver_error(text, text, jsonb) IS
    'raise an error that reaches the client: other errors of a resolver do not';

CREATE PROCEDURE fraiseql_subs.resolver_exchange(
    INOUT link text, fields text, results text, credits integer, wait_ms integer, INOUT calls text
)
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_resolver_exchange';
COMMENT ON PROCEDURE fraiseql_subs.resolver_exchange(text, text, text, integer, integer, text) IS
    'hand in what calls of resolvers came to, and wait for further ones';

CREATE FUNCTION fraiseql_subs.resolver_send(link text, results text, credits integer DEFAULT NULL)
RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_resolver_send';
COMMENT ON FUNCTION fraiseql_subs.resolver_send(text, text, integer) IS
    'hand in what calls of resolvers came to while the session of the link waits for further ones';

CREATE FUNCTION fraiseql_schema() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT fraiseql_subs.compose_schema(
        (SELECT string_agg(definition, E'\n\n' ORDER BY name) FROM fraiseql_subs.type),
        (SELECT array_agg(field ORDER BY name) FROM fraiseql_subs.subscription));
$$;
COMMENT ON FUNCTION fraiseql_schema() IS 'SDL of the schema that clients are served';

-- Applications ------------------------------------------------------------------------------------

-- A definition to be compared: without what means nothing in it.
CREATE FUNCTION fraiseql_subs.condensed(sdl text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT btrim(regexp_replace(
        regexp_replace(sdl, E'[\\s,]+', ' ', 'g'), E' ?([][{}():=@|!&]) ?', E'\\1', 'g'));
$$;

CREATE FUNCTION fraiseql_subs.text_list(list jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN jsonb_typeof(list) = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(list)) END;
$$;

-- What is registered of what applications may register. `content` tells it; `key` is equal where it
-- means the same.
CREATE FUNCTION fraiseql_subs.registered_objects()
RETURNS TABLE (kind text, name text, content jsonb, key jsonb)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'type', t.name, to_jsonb(t.definition), to_jsonb(fraiseql_subs.condensed(t.definition))
    FROM fraiseql_subs.type AS t
    UNION ALL
    SELECT 'subscription', s.name, one.content,
        one.content || jsonb_build_object('field', fraiseql_subs.condensed(s.field))
    FROM fraiseql_subs.subscription AS s,
        LATERAL (SELECT jsonb_strip_nulls(to_jsonb(s) - 'name') AS content) AS one
    UNION ALL
    SELECT 'resolver', r.field, one.content, one.content
    FROM fraiseql_subs.resolver AS r,
        LATERAL (SELECT jsonb_strip_nulls(to_jsonb(r) - 'field') AS content) AS one;
$$;

-- The same of what an application wants, as fraiseql_sync_application() is given it. `optional`: whatever is
-- registered under the name will do.
CREATE FUNCTION fraiseql_subs.wanted_objects(wanted jsonb)
RETURNS TABLE (kind text, name text, content jsonb, key jsonb, optional boolean)
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT 'type', t.name, to_jsonb(t.definition), to_jsonb(fraiseql_subs.condensed(t.definition)),
        coalesce(wanted -> 'optional_types' ? t.name, false)
    FROM (SELECT wanted ->> 'types' WHERE wanted ->> 'types' <> '') AS given (types),
        LATERAL fraiseql_subs.split_types(given.types) AS t
    UNION ALL
    SELECT 'subscription', fraiseql_subs.field_name(s ->> 'field'), one.content,
        one.content || jsonb_build_object('field', fraiseql_subs.condensed(s ->> 'field')), false
    FROM jsonb_array_elements(coalesce(wanted -> 'subscriptions', '[]')) AS s,
        LATERAL (SELECT jsonb_strip_nulls(jsonb '{"shared": false}' || (s - 'filters')) AS content) AS one
    UNION ALL
    SELECT 'resolver', r ->> 'field', one.content, one.content, false
    FROM jsonb_array_elements(coalesce(wanted -> 'resolvers', '[]')) AS r,
        LATERAL (SELECT jsonb_strip_nulls(
            jsonb '{"per": "plan", "timeout_ms": 10000, "retries": 0, "idempotent": false, "on_error": "null"}'
            || (r - 'field')) AS content) AS one;
$$;

-- Remove and register, and check what that makes of the catalog. `gone` and `put` are lists of objects
-- with `kind`, `name` and `content`.
CREATE FUNCTION fraiseql_subs.replace_objects(gone jsonb, put jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one record;
    types text;
BEGIN
    SELECT r.field INTO one FROM fraiseql_subs.resolver AS r, jsonb_array_elements(gone) AS g
    WHERE g ->> 'kind' = 'subscription' AND g ->> 'name' = r.field AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(gone) AS o
        WHERE o ->> 'kind' = 'resolver' AND o ->> 'name' = r.field);
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('subscription "%s" has a resolver that the application has not registered', one.field),
            HINT = 'Unregister the resolver first: fraiseql_unregister_resolver().';
    END IF;
    DELETE FROM fraiseql_subs.resolver AS r USING jsonb_array_elements(gone) AS g
        WHERE g ->> 'kind' IN ('resolver', 'subscription') AND g ->> 'name' = r.field;
    DELETE FROM fraiseql_subs.subscription AS s USING jsonb_array_elements(gone) AS g
        WHERE g ->> 'kind' = 'subscription' AND g ->> 'name' = s.name;
    DELETE FROM fraiseql_subs.type AS t USING jsonb_array_elements(gone) AS g
        WHERE g ->> 'kind' = 'type' AND g ->> 'name' = t.name;
    INSERT INTO fraiseql_subs.type AS registered (name, definition)
        SELECT p ->> 'name', p ->> 'content' FROM jsonb_array_elements(put) AS p WHERE p ->> 'kind' = 'type'
        ON CONFLICT ON CONSTRAINT type_pkey DO UPDATE SET definition = excluded.definition;
    FOR one IN
        SELECT p.name, p.content AS c FROM jsonb_to_recordset(put) AS p (kind text, name text, content jsonb)
        WHERE p.kind = 'subscription' ORDER BY p.name
    LOOP
        PERFORM fraiseql_subs.put_subscription(
            one.c ->> 'field', one.c ->> 'channel', fraiseql_subs.text_list(one.c -> 'event_types'),
            one.c -> 'row_filter', one.c ->> 'tenant_field', (one.c ->> 'shared')::boolean,
            one.c ->> 'subgraph', one.c -> 'scope', fraiseql_subs.text_list(one.c -> 'roles'),
            fraiseql_subs.text_list(one.c -> 'scopes'), one.c ->> 'rate_limit');
    END LOOP;
    FOR one IN
        SELECT p.name, p.content AS c FROM jsonb_to_recordset(put) AS p (kind text, name text, content jsonb)
        WHERE p.kind = 'resolver' ORDER BY p.name
    LOOP
        PERFORM fraiseql_subs.put_resolver(
            one.name, NULL, one.c ->> 'per',
            make_interval(secs => (one.c ->> 'timeout_ms')::double precision / 1000),
            (one.c ->> 'retries')::integer, (one.c ->> 'idempotent')::boolean, one.c ->> 'on_error',
            (one.c ->> 'concurrency')::integer);
    END LOOP;
    SELECT string_agg(p ->> 'content', E'\n\n') INTO types
    FROM jsonb_array_elements(put) AS p WHERE p ->> 'kind' = 'type';
    PERFORM fraiseql_subs.check_catalog(
        types => types,
        removed => CASE WHEN put = '[]' THEN
            (SELECT g ->> 'name' FROM jsonb_array_elements(gone) AS g WHERE g ->> 'kind' = 'type' LIMIT 1) END);
    PERFORM fraiseql_subs.check_catalog(
        field => p.content ->> 'field', scope => ARRAY(SELECT jsonb_object_keys(p.content -> 'scope')))
    FROM jsonb_to_recordset(put) AS p (kind text, name text, content jsonb)
    WHERE p.kind = 'subscription' AND p.content ? 'scope';
END
$$;

-- Arguments by which clients filter and which no row of a watched table has: `filters` of the wanted
-- subscriptions is an object with the key of the event for each argument.
CREATE FUNCTION fraiseql_subs.filter_warnings(wanted jsonb) RETURNS SETOF text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('argument "%s" of subscription "%s" filters by "%s", which is no column of %s: it matches no event',
        f.argument, fraiseql_subs.field_name(s ->> 'field'), f.key, w.tables)
    FROM jsonb_array_elements(coalesce(wanted -> 'subscriptions', '[]')) AS s,
        LATERAL jsonb_each_text(nullif(s -> 'filters', 'null')) AS f (argument, key),
        LATERAL (
            SELECT string_agg(DISTINCT t.relid::regclass::text, ', ') AS tables,
                bool_or(EXISTS (SELECT FROM pg_attribute AS a
                    WHERE a.attrelid = t.relid AND a.attname = f.key AND a.attnum > 0 AND NOT a.attisdropped)) AS has
            FROM fraiseql_subs.capture_trigger AS t
            WHERE t.parent = 0 AND t.channel = s ->> 'channel' AND t.events & 28 <> 0) AS w
    WHERE NOT w.has
    ORDER BY 1;
$$;

-- Make what `application` has registered equal to what it wants, and return what differed:
-- {"changes": [{"kind", "name", "before", "after"}], "warnings": []}; `before` is null of what is added
-- and `after` of what is removed. What SQL registered, or another application otherwise, is never
-- changed: that is an error. `wanted` is an object of
--   types: SDL, or none
--   optional_types: those of them for which others of the same name will do
--   subscriptions: objects with the parameters of fraiseql_register_subscription(), and `filters`
--   resolvers: objects with `field`, `per`, `timeout_ms`, `retries`, `idempotent`, `on_error`,
--     `concurrency`
-- With `check_only` nothing stays changed.
CREATE FUNCTION fraiseql_sync_application(application text, wanted jsonb, check_only boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    conflict record;
    conflicts text[] := '{}';
    gone jsonb;
    put jsonb;
    owned jsonb;
    result jsonb;
BEGIN
    IF coalesce($1, '') = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'application cannot be null or empty';
    END IF;
    IF jsonb_typeof($2) IS DISTINCT FROM 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'wanted must be a JSON object';
    END IF;
    PERFORM fraiseql_subs.check_utf8('application', $1);
    -- Processes that start at once come one after the other here, and the later find it done.
    PERFORM fraiseql_subs.lock_catalog();

    SELECT w.kind, w.name, count(*) INTO conflict
    FROM fraiseql_subs.wanted_objects($2) AS w GROUP BY w.kind, w.name HAVING count(*) > 1 LIMIT 1;
    IF FOUND THEN
        RAISE duplicate_object USING
            MESSAGE = format('application "%s" wants %s "%s" twice', $1, conflict.kind, conflict.name);
    END IF;

    FOR conflict IN
        SELECT w.kind, w.name, string_agg(format('"%s"', o.application), ', ' ORDER BY o.application)
            FILTER (WHERE o.application <> $1) AS others
        FROM fraiseql_subs.wanted_objects($2) AS w
        JOIN fraiseql_subs.registered_objects() AS r USING (kind, name)
        LEFT JOIN fraiseql_subs.application_object AS o USING (kind, name)
        WHERE r.key <> w.key AND NOT w.optional
        GROUP BY w.kind, w.name HAVING NOT bool_and(coalesce(o.application = $1, false))
        ORDER BY w.kind, w.name
    LOOP
        conflicts := conflicts || format('%s "%s" is registered otherwise by %s', conflict.kind, conflict.name,
            CASE WHEN conflict.others IS NULL THEN 'SQL' ELSE 'application ' || conflict.others END);
    END LOOP;
    IF conflicts <> '{}' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('application "%s" cannot be synchronised: %s', $1, conflicts[1]),
            DETAIL = array_to_string(conflicts, E'\n'),
            HINT = 'Unregister it with SQL to hand it over to the application, or have both register the same.';
    END IF;

    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', w.kind, 'name', w.name, 'content', w.content,
        'before', r.content)), '[]')
    INTO put
    FROM fraiseql_subs.wanted_objects($2) AS w
    LEFT JOIN fraiseql_subs.registered_objects() AS r USING (kind, name)
    -- Where the texts differ and not what they mean, one who has it alone may have it as he writes it.
    WHERE r.name IS NULL OR r.content <> w.content AND NOT w.optional AND $1 = ALL (
        SELECT o.application FROM fraiseql_subs.application_object AS o
        WHERE o.kind = w.kind AND o.name = w.name
        UNION ALL SELECT NULL WHERE NOT EXISTS (
            SELECT FROM fraiseql_subs.application_object AS o WHERE o.kind = w.kind AND o.name = w.name));

    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', o.kind, 'name', o.name, 'before', r.content)), '[]')
    INTO gone
    FROM fraiseql_subs.application_object AS o
    JOIN fraiseql_subs.registered_objects() AS r USING (kind, name)
    WHERE o.application = $1
        AND NOT EXISTS (SELECT FROM fraiseql_subs.wanted_objects($2) AS w
                        WHERE w.kind = o.kind AND w.name = o.name)
        AND NOT EXISTS (SELECT FROM fraiseql_subs.application_object AS other
                        WHERE other.kind = o.kind AND other.name = o.name AND other.application <> $1);

    -- What SQL has registered alike stays SQL's.
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', w.kind, 'name', w.name)), '[]') INTO owned
    FROM fraiseql_subs.wanted_objects($2) AS w
    LEFT JOIN fraiseql_subs.registered_objects() AS r USING (kind, name)
    WHERE r.name IS NULL OR EXISTS (
        SELECT FROM fraiseql_subs.application_object AS o WHERE o.kind = w.kind AND o.name = w.name);

    SELECT jsonb_build_object(
        'changes', (
            SELECT coalesce(jsonb_agg(c.change ORDER BY c.change ->> 'kind', c.change ->> 'name'), '[]')
            FROM (
                SELECT jsonb_build_object('kind', p -> 'kind', 'name', p -> 'name', 'before', p -> 'before',
                    'after', p -> 'content') AS change
                FROM jsonb_array_elements(put) AS p
                UNION ALL
                SELECT g || jsonb '{"after": null}' FROM jsonb_array_elements(gone) AS g) AS c),
        'warnings', (SELECT coalesce(jsonb_agg(warning), '[]') FROM fraiseql_subs.filter_warnings($2) AS warning))
    INTO result;

    IF put <> '[]' OR gone <> '[]' THEN
        BEGIN
            PERFORM fraiseql_subs.replace_objects(gone, put);
            IF check_only THEN
                RAISE SQLSTATE 'FQ002';
            END IF;
        EXCEPTION WHEN SQLSTATE 'FQ002' THEN
            NULL;
        END;
    END IF;
    IF NOT check_only THEN
        DELETE FROM fraiseql_subs.application_object AS o WHERE o.application = $1
            AND NOT EXISTS (SELECT FROM jsonb_array_elements(owned) AS w
                            WHERE w ->> 'kind' = o.kind AND w ->> 'name' = o.name);
        INSERT INTO fraiseql_subs.application_object (application, kind, name)
            SELECT $1, w ->> 'kind', w ->> 'name' FROM jsonb_array_elements(owned) AS w
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION fraiseql_sync_application(text, jsonb, boolean) IS
    'make what an application has registered equal to what it wants';

-- Issuers -----------------------------------------------------------------------------------------
--
-- No error says what a key is, nor shows a row that has one. What is checked here is checked before it
-- is inserted: the error of a table's constraint would show the row. No pattern depends on
-- standard_conforming_strings, which is the caller's: they have no backslash, or are E''.

-- A file of keys below fraiseql_subs.key_directory. Raises an error if it cannot be read.
CREATE FUNCTION fraiseql_subs.read_key_file(file text) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'fsubs_read_key_file';

-- The same for the catalog's snapshot: null if it cannot be read, of which the log tells once.
CREATE FUNCTION fraiseql_subs.key_file_content(file text) RETURNS text
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'fsubs_key_file_content';

-- The keys of a JWK Set, or the single JWK, given for `argument` (RFC 7517). Null has none.
CREATE FUNCTION fraiseql_subs.keys_of(jwks text, argument text) RETURNS SETOF jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parsed jsonb;
BEGIN
    IF jwks IS NULL THEN
        RETURN;
    END IF;
    BEGIN
        parsed := jwks::jsonb;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%s is not valid JSON', argument);
    END;
    IF jsonb_typeof(parsed) = 'object' AND parsed ? 'kty' AND NOT parsed ? 'keys' THEN
        parsed := jsonb_build_object('keys', jsonb_build_array(parsed));
    END IF;
    IF jsonb_typeof(parsed -> 'keys') IS DISTINCT FROM 'array' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s is not a set of keys', argument),
            DETAIL = 'It must be a JWK Set, which has an array "keys", or a single JWK (RFC 7517).';
    END IF;
    IF parsed -> 'keys' @? '$[*].d' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s has a private key', argument),
            HINT = 'Tokens are verified with the public one: leave out the members that begin at "d".';
    END IF;
    RETURN QUERY SELECT jsonb_array_elements(parsed -> 'keys');
END
$$;

-- Allowed are the characters of RFC 3986, as they stand there, and nothing that clients of HTTP read
-- in different ways.
CREATE FUNCTION fraiseql_subs.check_jwks_url(url text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    label CONSTANT text := '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
    host CONSTANT text := format('(%s([.]%s)*|[[][0-9A-Fa-f:.]+[]])', label, label);
    octet CONSTANT text := '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
    loopback CONSTANT text := format('(localhost|127([.]%s){3}|[[]::1[]])', octet);
    behind CONSTANT text := '(:[0-9]{1,5})?([/?]([A-Za-z0-9._~!$&''()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$';
BEGIN
    IF length(url) > 2048 OR url !~ ('^https://' || host || behind)
            AND url !~ ('^http://' || loopback || behind) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'jwks_url is not allowed',
            DETAIL = 'It must be "https://host/path", or "http://" to 127.0.0.0/8, [::1] or localhost: without '
                     'user name and fragment, of at most 2048 characters that RFC 3986 allows in a URL.',
            HINT = 'Keys that are had in another way can be put into a file: jwks_file.';
    END IF;
END
$$;

CREATE FUNCTION fraiseql_subs.check_secret(secret text, argument text, algorithms text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    shortest CONSTANT integer :=
        CASE WHEN 'HS512' = ANY (algorithms) THEN 64 WHEN 'HS384' = ANY (algorithms) THEN 48 ELSE 32 END;
BEGIN
    IF octet_length(secret) < shortest THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s is too short', argument),
            DETAIL = format('It has %s bytes; at least %s are needed, as many as the hash has (RFC 7518, section 3.2).',
                octet_length(secret), shortest),
            HINT = 'Make one with: openssl rand -base64 48';
    END IF;
END
$$;

CREATE FUNCTION fraiseql_subs.check_texts(texts text[], argument text, without text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF texts IS NOT NULL AND (array_ndims(texts) IS DISTINCT FROM 1
            OR EXISTS (SELECT FROM unnest(texts) AS one WHERE one IS NULL OR one = '')) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s must be a list of texts, none of them null or empty', argument),
            HINT = format('Leave %s out %s.', argument, without);
    END IF;
END
$$;

CREATE FUNCTION fraiseql_subs.check_claims(claims jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known CONSTANT text[] := '{user,tenant,roles,scopes,subgraphs,role}';
    -- As the worker reads it: worker/json/json_path.hpp.
    path CONSTANT text := E'^[$]([.]([A-Za-z0-9_]|[^\\u0001-\\u007f])+|'
        '[.]"([^"\\\\\\u0001-\\u001f]|\\\\["\\\\/bfnrt]|\\\\u[0-9A-Fa-f]{4})*")*$';
    wrong record;
BEGIN
    IF jsonb_typeof(claims) <> 'object' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'claims must be a JSON object',
            HINT = 'It says what is in which claim, as in {"user": "sub", "roles": "$.realm_access.roles"}.';
    END IF;
    SELECT * INTO wrong FROM jsonb_each(claims) AS entry WHERE key <> ALL (known) LIMIT 1;
    IF FOUND THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('claims cannot say what "%s" is', wrong.key),
            DETAIL = format('It can for %s.', array_to_string(known, ', '));
    END IF;
    SELECT * INTO wrong FROM jsonb_each(claims) AS entry
    WHERE jsonb_typeof(value) <> 'string' OR value #>> '{}' = ''
        OR value #>> '{}' ~ '^[$]' AND value #>> '{}' !~ path LIMIT 1;
    IF FOUND THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('claims has no claim for "%s": %s', wrong.key, wrong.value),
            HINT = 'Give the name of a claim, or a path such as "$.realm_access.roles" or '
                   '"$.\"https://example.com/claims\".user".';
    END IF;
END
$$;

CREATE FUNCTION fraiseql_subs.check_algorithms(issuer fraiseql_subs.issuer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known CONSTANT text[] :=
        '{HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,ES256,ES384,EdDSA}';
    is_secret CONSTANT boolean[] := ARRAY(
        SELECT key ->> 'kty' IS NOT DISTINCT FROM 'oct'
        FROM fraiseql_subs.keys_of(issuer.jwks, 'jwks') AS key
        UNION ALL
        SELECT key ->> 'kty' IS NOT DISTINCT FROM 'oct'
        FROM fraiseql_subs.keys_of(fraiseql_subs.read_key_file(issuer.jwks_file), 'jwks_file') AS key
        UNION ALL SELECT true WHERE num_nonnulls(issuer.secret, issuer.previous_secret) > 0
        UNION ALL SELECT false WHERE num_nonnulls(issuer.public_key, issuer.jwks_url) > 0);
    wrong text;
BEGIN
    PERFORM fraiseql_subs.check_texts(
        issuer.algorithms, 'algorithms', 'to take every algorithm that fits a key');
    SELECT a INTO wrong FROM unnest(issuer.algorithms) AS a WHERE a <> ALL (known) LIMIT 1;
    IF FOUND THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('algorithm "%s" is not known', wrong),
            DETAIL = format('Known are %s.', array_to_string(known, ', '));
    END IF;
    SELECT a INTO wrong FROM unnest(issuer.algorithms) AS a
    WHERE (a LIKE 'HS%') <> ALL (is_secret) LIMIT 1;
    IF FOUND THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('algorithm "%s" fits no key of issuer "%s"', wrong, issuer.name),
            HINT = 'HS256, HS384 and HS512 are for a secret, the others for a public key.';
    END IF;
END
$$;

CREATE FUNCTION fraiseql_subs.check_issuer(issuer fraiseql_subs.issuer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF coalesce(issuer.name, '') = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'name cannot be null or empty';
    END IF;
    PERFORM fraiseql_subs.check_utf8('name', issuer.name),
        fraiseql_subs.check_utf8('issuer', issuer.issuer),
        fraiseql_subs.check_utf8('secret', issuer.secret),
        fraiseql_subs.check_utf8('public_key', issuer.public_key),
        fraiseql_subs.check_utf8('jwks', issuer.jwks),
        fraiseql_subs.check_utf8('jwks_file', issuer.jwks_file),
        fraiseql_subs.check_utf8('jwks_url', issuer.jwks_url),
        fraiseql_subs.check_utf8('previous_secret', issuer.previous_secret),
        fraiseql_subs.check_utf8('audiences', VARIADIC issuer.audiences),
        fraiseql_subs.check_utf8('algorithms', VARIADIC issuer.algorithms),
        fraiseql_subs.check_utf8('claims', issuer.claims::text),
        fraiseql_subs.check_utf8('preset', issuer.preset);
    IF issuer.issuer = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'issuer cannot be empty',
            HINT = 'Leave issuer out for tokens whose "iss" no other issuer has.';
    END IF;
    IF num_nonnulls(issuer.secret, issuer.public_key, issuer.jwks, issuer.jwks_file, issuer.jwks_url) = 0 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('issuer "%s" has no key%s', issuer.name,
                CASE WHEN issuer.previous_secret IS NOT NULL THEN ' beside previous_secret' ELSE '' END),
            HINT = 'Give secret, public_key, jwks, jwks_file or jwks_url.';
    END IF;
    PERFORM fraiseql_subs.check_secret(issuer.secret, 'secret', issuer.algorithms);
    PERFORM fraiseql_subs.check_secret(issuer.previous_secret, 'previous_secret', issuer.algorithms);
    IF (issuer.previous_secret IS NULL) <> (issuer.previous_until IS NULL) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'previous_secret and previous_until go together',
            DETAIL = 'Tokens signed with previous_secret are taken until previous_until.',
            HINT = CASE WHEN issuer.previous_until IS NULL
                THEN 'Give previous_until: the time when the last of these tokens has expired.'
                ELSE 'Give previous_secret, or leave previous_until out.' END;
    END IF;
    IF NOT isfinite(issuer.previous_until)
            OR issuer.previous_until >= timestamptz '10000-01-01 00:00:00+00' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('previous_until cannot be %s', issuer.previous_until),
            HINT = 'A day or two after the change of secrets is enough for most.';
    END IF;
    IF issuer.public_key LIKE '%PRIVATE KEY%' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'public_key has a private key',
            HINT = 'Get the public one with: openssl pkey -in private.pem -pubout';
    END IF;
    IF issuer.public_key !~ '-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[[:space:]A-Za-z0-9+/=]+-----END ' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'public_key is not a public key or certificate in PEM',
            DETAIL = 'It begins with "-----BEGIN PUBLIC KEY-----" or "-----BEGIN CERTIFICATE-----".';
    END IF;
    PERFORM fraiseql_subs.check_jwks_url(issuer.jwks_url);
    IF issuer.jwks_url IS NOT NULL AND issuer.audiences IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'jwks_url needs audiences',
            DETAIL = 'Whoever has keys at a URL issues tokens for other servers, too.',
            HINT = 'Give what the tokens for this server have in "aud".';
    END IF;
    PERFORM fraiseql_subs.check_texts(issuer.audiences, 'audiences', 'to take tokens whatever their "aud"');
    PERFORM fraiseql_subs.check_algorithms(issuer);
    IF issuer.leeway IS NULL OR issuer.leeway NOT BETWEEN interval '0' AND interval '10 min' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('leeway cannot be %s', coalesce(issuer.leeway::text, 'null')),
            DETAIL = 'It is from 0 to 10 minutes.';
    END IF;
    IF issuer.require_exp IS NULL THEN
        RAISE invalid_parameter_value USING MESSAGE = 'require_exp cannot be null';
    END IF;
    PERFORM fraiseql_subs.check_claims(issuer.claims);
    IF issuer.preset <> ALL ('{hasura,supabase,postgrest,oidc}'::text[]) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('preset "%s" is not known', issuer.preset),
            DETAIL = 'Known are hasura, supabase, postgrest and oidc.',
            HINT = 'For any other issuer, claims says what is in which claim, '
                   'as in {"user": "sub", "roles": "$.realm_access.roles"}.';
    END IF;
END
$$;

CREATE FUNCTION fraiseql_register_issuer(
    name text, issuer text DEFAULT NULL, secret text DEFAULT NULL, public_key text DEFAULT NULL,
    jwks text DEFAULT NULL, jwks_file text DEFAULT NULL, jwks_url text DEFAULT NULL,
    previous_secret text DEFAULT NULL, previous_until timestamptz DEFAULT NULL,
    audiences text[] DEFAULT NULL, algorithms text[] DEFAULT NULL, leeway interval DEFAULT '30 s',
    require_exp boolean DEFAULT true, claims jsonb DEFAULT NULL, preset text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    registered CONSTANT fraiseql_subs.issuer :=
        ROW ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);
    other text;
BEGIN
    PERFORM fraiseql_subs.check_issuer(registered);
    LOCK TABLE fraiseql_subs.issuer IN SHARE ROW EXCLUSIVE MODE;
    SELECT i.name INTO other FROM fraiseql_subs.issuer AS i
    WHERE i.issuer IS NOT DISTINCT FROM registered.issuer AND i.name <> registered.name;
    IF FOUND THEN
        RAISE unique_violation USING
            MESSAGE = CASE WHEN registered.issuer IS NULL
                THEN format('issuer "%s" already is the one for tokens whose "iss" no other has', other)
                ELSE format('issuer "%s" already has "iss" "%s"', other, registered.issuer) END,
            HINT = 'To replace it, register it anew by its name; one issuer can have several keys.';
    END IF;
    DELETE FROM fraiseql_subs.issuer AS i WHERE i.name = registered.name;
    INSERT INTO fraiseql_subs.issuer SELECT registered.*;
END
$$;
COMMENT ON FUNCTION fraiseql_register_issuer(
    text, text, text, text, text, text, text, text, timestamptz, text[], text[], interval, boolean, jsonb, text) IS
    'register who issues tokens, or register it anew';

CREATE FUNCTION fraiseql_unregister_issuer(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    DELETE FROM fraiseql_subs.issuer WHERE name = fraiseql_unregister_issuer.name;
    IF NOT FOUND THEN
        RAISE undefined_object USING MESSAGE = format('issuer "%s" is not registered', $1);
    END IF;
END
$$;
COMMENT ON FUNCTION fraiseql_unregister_issuer(text) IS 'take no tokens of an issuer any more';

CREATE FUNCTION fraiseql_issuers()
RETURNS TABLE (
    name text, issuer text, keys integer, fetched_at timestamptz, next_fetch_at timestamptz, error text
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT registered.name, registered.issuer, coalesce(known.keys, 0),
        to_timestamp(known.fetched_at / 1e6), to_timestamp(known.next_fetch_at / 1e6),
        CASE WHEN known.name IS NULL THEN 'the worker does not use it, or not yet: the server log says why'
             ELSE known.error END
    FROM fraiseql_subs.issuer AS registered
    LEFT JOIN jsonb_to_recordset(fraiseql_subs.worker_request('issuers')) AS known (
        name text, keys integer, fetched_at bigint, next_fetch_at bigint, error text)
        ON known.name = registered.name
    ORDER BY registered.name;
$$;
COMMENT ON FUNCTION fraiseql_issuers() IS 'issuers, how many keys the worker has of them, and since when';

REVOKE ALL ON FUNCTION
    fraiseql_register_issuer(
    text, text, text, text, text, text, text, text, timestamptz, text[], text[], interval, boolean, jsonb, text),
    fraiseql_unregister_issuer(text),
    fraiseql_issuers()
FROM PUBLIC;

-- Limits ------------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_set_limits(role text, limits jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF $1 = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'role cannot be empty', HINT = 'For everybody it is null.';
    END IF;
    IF $2 IS NULL THEN
        DELETE FROM fraiseql_subs.role_limit WHERE role IS NOT DISTINCT FROM $1;
        RETURN;
    END IF;
    IF jsonb_typeof($2) <> 'object' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'limits must be a JSON object',
            HINT = 'As in {"connections_per_user": 10, "events_per_user": "100/s burst 500"}.';
    END IF;
    PERFORM fraiseql_subs.check_utf8('role', $1), fraiseql_subs.check_utf8('limits', $2::text);
    PERFORM fraiseql_subs.check_limit(given.key, given.value, $1 IS NOT NULL)
    FROM jsonb_each_text($2) AS given;
    INSERT INTO fraiseql_subs.role_limit (role, limits) VALUES ($1, $2)
        ON CONFLICT ON CONSTRAINT role_limit_role_key DO UPDATE SET limits = excluded.limits;
END
$$;
COMMENT ON FUNCTION fraiseql_set_limits(text, jsonb) IS
    'set the limits of clients that have a role, or of everybody; null removes them';

-- What holds for everybody, and what a role changes of it; a value that is null is no limit.
CREATE FUNCTION fraiseql_limits() RETURNS TABLE (role text, "limit" text, value text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH named AS (
        SELECT l.role, given.key, given.value
        FROM fraiseql_subs.role_limit AS l, jsonb_each_text(l.limits) AS given
    ), setting AS (
        SELECT substring(name FROM '^fraiseql_subs[.]limit_(.*)$') AS key, setting AS value
        FROM pg_settings WHERE starts_with(name, 'fraiseql_subs.limit_')
    )
    -- Without the library there are no settings, but what was set in the database stays.
    SELECT NULL, key, nullif(CASE WHEN n.key IS NULL THEN s.value ELSE n.value END, '')
    FROM setting AS s FULL JOIN (SELECT key, value FROM named WHERE role IS NULL) AS n USING (key)
    UNION ALL
    SELECT n.role, n.key, nullif(n.value, '') FROM named AS n WHERE n.role IS NOT NULL
    ORDER BY 1 NULLS FIRST, 2;
$$;
COMMENT ON FUNCTION fraiseql_limits() IS 'limits in force: for everybody, and for clients that have a role';

-- Observation -------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_subs.ring_stats()
RETURNS TABLE (name text, labels jsonb, type text, value double precision, help text)
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_ring_stats';

CREATE FUNCTION fraiseql_subs.worker_request(op text, arguments jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_worker_request';

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
    id bigint, shard integer, peer text, protocol text, state text, user_id text, tenant_id text,
    roles text[], issuer text, expires_at timestamptz, connected_at timestamptz,
    subscriptions integer, memory_bytes bigint, queued_bytes bigint, sent_messages bigint,
    sent_bytes bigint, hosted boolean
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT id, shard, peer, protocol, state, user_id, tenant_id, roles, issuer,
        to_timestamp(expires_at / 1e6), to_timestamp(connected_at / 1e6),
        subscriptions, memory_bytes, queued_bytes, sent_messages, sent_bytes, hosted
    FROM jsonb_to_recordset(fraiseql_subs.worker_request('connections')) AS connection (
        id bigint, shard integer, peer text, protocol text, state text, user_id text,
        tenant_id text, roles text[], issuer text, expires_at bigint, connected_at bigint,
        subscriptions integer, memory_bytes bigint, queued_bytes bigint, sent_messages bigint,
        sent_bytes bigint, hosted boolean);
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

CREATE FUNCTION fraiseql_resolvers()
RETURNS TABLE (
    field text, function text, per text, timeout interval, retries integer, idempotent boolean,
    on_error text, concurrency integer, processes integer, under_way bigint, waiting bigint,
    calls bigint, failures bigint
)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH known AS (
        SELECT * FROM jsonb_to_recordset(fraiseql_subs.worker_request('resolvers')) AS one (
            field text, processes integer, under_way bigint, waiting bigint, calls bigint, failures bigint)
    )
    SELECT r.field, r.function, r.per, r.timeout_ms * interval '1 ms', r.retries, r.idempotent, r.on_error,
        r.concurrency,
        -- The row without a name is the one of those that call functions.
        coalesce((SELECT k.processes FROM known AS k
                  WHERE k.field = CASE WHEN r.function IS NULL THEN r.field ELSE '' END), 0),
        coalesce(known.under_way, 0), coalesce(known.waiting, 0), coalesce(known.calls, 0),
        coalesce(known.failures, 0)
    FROM fraiseql_subs.resolver AS r JOIN fraiseql_subs.subscription AS s ON s.name = r.field
        LEFT JOIN known ON known.field = r.field
    ORDER BY r.field;
$$;
COMMENT ON FUNCTION fraiseql_resolvers() IS 'subscription fields with a resolver, and what their calls are doing';

CREATE FUNCTION fraiseql_nodes()
RETURNS TABLE (
    name text, is_self boolean, version text, bus text, role text, lag bigint, delay interval,
    connections bigint, subscriptions bigint, since timestamptz, trouble text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known CONSTANT jsonb := fraiseql_subs.worker_request('nodes');
    unknown CONSTANT text := known -> 0 ->> 'others_unknown';
BEGIN
    IF unknown IS NOT NULL THEN
        RAISE WARNING 'other nodes are not known: %', unknown;
    END IF;
    RETURN QUERY SELECT node.name, node.is_self, node.version, node.bus, node.role, node.lag,
        node.delay_us * interval '1 microsecond', node.connections, node.subscriptions,
        to_timestamp(node.since_us / 1e6), node.trouble
    FROM jsonb_to_recordset(known) AS node (
        name text, is_self boolean, version text, bus text, role text, lag bigint, delay_us bigint,
        connections bigint, subscriptions bigint, since_us bigint, trouble text)
    ORDER BY node.is_self DESC, node.name;
END
$$;
COMMENT ON FUNCTION fraiseql_nodes() IS 'this server''s worker and the nodes that its events reach';

CREATE FUNCTION fraiseql_explain_delivery("position" text, connection_id bigint, subscription_id text)
RETURNS TABLE (step integer, module text, outcome text, detail text)
LANGUAGE sql STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT step, module, outcome, detail
    FROM jsonb_to_recordset(fraiseql_subs.worker_request('explain', jsonb_build_object(
            'position', $1, 'connection_id', $2::text, 'subscription_id', $3)))
        AS explained (step integer, module text, outcome text, detail text)
    ORDER BY step;
$$;
COMMENT ON FUNCTION fraiseql_explain_delivery(text, bigint, text) IS
    'tell step by step why an event did or did not reach a subscription';

-- Clients -----------------------------------------------------------------------------------------

CREATE FUNCTION fraiseql_disconnect(
    user_id text DEFAULT NULL, connection_id bigint DEFAULT NULL, tenant_id text DEFAULT NULL,
    reason text DEFAULT NULL, forbid_return boolean DEFAULT false
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF user_id IS NULL AND connection_id IS NULL AND tenant_id IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'fraiseql_disconnect needs a user, a connection or a tenant',
            HINT = 'Those are disconnected who fit all that are given.';
    END IF;
    RETURN (
        SELECT sum(shard.disconnected)
        FROM jsonb_to_recordset(fraiseql_subs.worker_request('disconnect', jsonb_build_object(
            'user', user_id, 'connection', connection_id, 'tenant', tenant_id,
            'reason', coalesce(nullif(reason, ''), 'Disconnected'),
            'code', CASE WHEN forbid_return THEN 4401 ELSE 4403 END
        ))) AS shard (disconnected integer));
END
$$;
COMMENT ON FUNCTION fraiseql_disconnect(text, bigint, text, text, boolean) IS
    'end the connections of a user, of a tenant, or one of them, at once';

-- Hosted sessions ---------------------------------------------------------------------------------

-- docs/hosted-sessions.md has the records of `commands` and `frames`.
CREATE PROCEDURE fraiseql_subs.session_exchange(
    INOUT link text, commands bytea, wait_ms integer, INOUT frames bytea)
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_session_exchange';
COMMENT ON PROCEDURE fraiseql_subs.session_exchange(text, bytea, integer, bytea) IS
    'have the worker serve clients whose sockets the caller has accepted';

CREATE FUNCTION fraiseql_subs.session_send(link text, commands bytea) RETURNS void
LANGUAGE c AS 'MODULE_PATHNAME', 'fsubs_session_send';
COMMENT ON FUNCTION fraiseql_subs.session_send(text, bytea) IS
    'hand in commands for a link that another session waits on';

-- Privileges --------------------------------------------------------------------------------------

-- Who is to call what. Public functions that stand under no role are a superuser's.
CREATE FUNCTION fraiseql_subs.role_functions() RETURNS TABLE (role name, function name)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT role::name, unnest(functions)::name FROM (VALUES
        ('fraiseql_publisher', ARRAY[
            'fraiseql_publish']),
        ('fraiseql_watcher', ARRAY[
            'fraiseql_watch', 'fraiseql_unwatch', 'fraiseql_capture',
            'fraiseql_watched_tables']),
        ('fraiseql_registrar', ARRAY[
            'fraiseql_register_types', 'fraiseql_unregister_type',
            'fraiseql_register_subscription', 'fraiseql_unregister_subscription',
            'fraiseql_register_resolver', 'fraiseql_unregister_resolver', 'fraiseql_schema',
            'fraiseql_sync_application']),
        ('fraiseql_resolver', ARRAY[
            'fraiseql_schema', 'fraiseql_skip', 'fraiseql_resolver_error', 'resolver_exchange',
            'resolver_send']),
        ('fraiseql_monitor', ARRAY[
            'fraiseql_metrics', 'fraiseql_connections', 'fraiseql_subscriptions',
            'fraiseql_watched_tables', 'fraiseql_issuers', 'fraiseql_limits', 'fraiseql_resolvers',
            'fraiseql_nodes']),
        ('fraiseql_host', ARRAY[
            'session_exchange', 'session_send', 'fraiseql_skip', 'fraiseql_resolver_error',
            'resolver_exchange', 'resolver_send']),
        ('fraiseql_operator', ARRAY[
            'fraiseql_metrics', 'fraiseql_connections', 'fraiseql_subscriptions',
            'fraiseql_watched_tables', 'fraiseql_issuers', 'fraiseql_limits', 'fraiseql_resolvers',
            'fraiseql_nodes', 'fraiseql_explain_delivery', 'fraiseql_disconnect', 'fraiseql_set_limits',
            'fraiseql_register_issuer', 'fraiseql_unregister_issuer'])
    ) AS granted (role, functions);
$$;

-- With the caller's rights: who may make roles and grant these functions.
CREATE FUNCTION fraiseql_create_roles() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted name;
    members text;
    granted record;
BEGIN
    FOR wanted IN SELECT DISTINCT role FROM fraiseql_subs.role_functions() ORDER BY role LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            CONTINUE;
        END IF;
        -- Whoever may make roles could have made this one for himself.
        SELECT string_agg(quote_ident(m.rolname), ', ' ORDER BY m.rolname) INTO members
        FROM pg_auth_members AS a JOIN pg_roles AS m ON m.oid = a.member
        WHERE a.roleid = wanted::text::regrole;
        IF members IS NOT NULL OR (SELECT rolcanlogin FROM pg_roles WHERE rolname = wanted) THEN
            RAISE WARNING USING
                MESSAGE = format('role "%s" was there already', wanted),
                DETAIL = coalesce(format('It has the members %s.', members), 'It can log in.'),
                HINT = 'Look whether that is meant: it is granted functions of fraiseql_subs now.';
        END IF;
    END LOOP;
    FOR granted IN
        SELECT f.role, p.oid::regprocedure AS function
        FROM fraiseql_subs.role_functions() AS f
            JOIN pg_proc AS p ON p.proname = f.function
            JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
            JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'fraiseql_subs'
        ORDER BY f.role, p.oid
    LOOP
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', granted.function, granted.role);
    END LOOP;
    GRANT USAGE ON SCHEMA fraiseql_subs TO fraiseql_resolver, fraiseql_host;
END
$$;
COMMENT ON FUNCTION fraiseql_create_roles() IS
    'make the roles fraiseql_publisher, _watcher, _registrar, _resolver, _monitor, _host and _operator, as far as they are missing, and grant them what they are for';

REVOKE ALL ON FUNCTION
    fraiseql_publish(text, text, text),
    fraiseql_publish(text, text, json),
    fraiseql_publish(text, text, jsonb),
    fraiseql_publish(text, text, text, text, text),
    fraiseql_publish(text, text, json, text, text),
    fraiseql_publish(text, text, jsonb, text, text),
    fraiseql_capture(),
    fraiseql_watch(regclass, text),
    fraiseql_unwatch(regclass),
    fraiseql_watched_tables(),
    fraiseql_register_types(text),
    fraiseql_unregister_type(text),
    fraiseql_register_subscription(
    text, text, text[], jsonb, text, boolean, text, jsonb, text[], text[], text),
    fraiseql_unregister_subscription(text),
    fraiseql_register_resolver(text, text, text, interval, integer, boolean, text, integer),
    fraiseql_unregister_resolver(text),
    fraiseql_sync_application(text, jsonb, boolean),
    fraiseql_skip(),
    fraiseql_resolver_error(text, text, jsonb),
    fraiseql_schema(),
    fraiseql_set_limits(text, jsonb),
    fraiseql_limits(),
    fraiseql_metrics(),
    fraiseql_connections(),
    fraiseql_subscriptions(),
    fraiseql_resolvers(),
    fraiseql_nodes(),
    fraiseql_explain_delivery(text, bigint, text),
    fraiseql_disconnect(text, bigint, text, text, boolean),
    fraiseql_create_roles()
FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA fraiseql_subs FROM PUBLIC;
