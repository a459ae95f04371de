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

-- The triggers that call fraiseql_capture. PostgreSQL copies those of a partitioned table to its
-- partitions; `parent` is the trigger that one was copied from, else 0.
CREATE VIEW fraiseql_subs.capture_trigger AS
SELECT t.oid, t.tgrelid AS relid, t.tgparentid AS parent, t.tgname AS name, t.tgenabled AS enabled,
       t.tgqual IS NOT NULL AS has_condition, t.tgattr <> '' AS has_columns,
       t.tgdeferrable AS is_deferrable, t.tgnargs AS arguments,
       CASE WHEN t.tgnargs > 0 THEN
           convert_from(substring(t.tgargs FOR position('\x00'::bytea IN t.tgargs) - 1),
                        getdatabaseencoding()) END AS channel,
       -- What it publishes: bits of pg_trigger.tgtype. 0 for a trigger that fraiseql_capture refuses
       -- to be called by.
       CASE WHEN t.tgtype & 66 <> 0 THEN 0  -- BEFORE, INSTEAD OF
            WHEN t.tgtype & 1 <> 0 THEN t.tgtype & 28  -- FOR EACH ROW: INSERT, DELETE, UPDATE
            ELSE t.tgtype & 32 END AS events,  -- TRUNCATE
       t.tgtype & 60 AS all_events,
       t.xmin AS written_by
FROM pg_catalog.pg_extension AS e
-- Only the extension's own: anybody can make a function of that name and source.
JOIN pg_catalog.pg_depend AS member
    ON member.refclassid = 'pg_catalog.pg_extension'::regclass AND member.refobjid = e.oid
    AND member.classid = 'pg_catalog.pg_proc'::regclass AND member.deptype = 'e'
JOIN pg_catalog.pg_proc AS p ON p.oid = member.objid
JOIN pg_catalog.pg_depend AS d
    ON d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid
    AND d.classid = 'pg_catalog.pg_trigger'::regclass
JOIN pg_catalog.pg_trigger AS t ON t.oid = d.objid
WHERE e.extname = 'fraiseql_subs' AND p.proname = 'fraiseql_capture';

-- Why not every change of a table becomes one event on this channel, or others' changes do too.
--   kind: `off` if no change becomes an event, `check` if it may be meant like this, `incomplete` or,
--     if it is all about replication, `replication` for the others
--   since: the transaction that wrote the catalog's row from which it follows
CREATE FUNCTION fraiseql_subs.problems_of(watched oid, channel text)
RETURNS TABLE (kind text, problem text, remedy text, since xid)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE
    own AS (
        SELECT * FROM fraiseql_subs.capture_trigger AS t
        WHERE t.relid = $1 AND t.parent = 0 AND t.channel IS NOT DISTINCT FROM $2
    ),
    operation (name, bit) AS (VALUES ('INSERT', 4), ('UPDATE', 16), ('DELETE', 8), ('TRUNCATE', 32)),
    -- Tables whose rows are also rows of the watched one.
    descendant AS (
        SELECT i.inhrelid AS relid, i.inhparent AS parent, i.xmin AS since, c.relispartition, c.relkind
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = $1
        UNION
        SELECT i.inhrelid, i.inhparent, i.xmin, c.relispartition, c.relkind
        FROM descendant AS d JOIN pg_inherits AS i ON i.inhparent = d.relid
        JOIN pg_class AS c ON c.oid = i.inhrelid
    ),
    copy AS (
        SELECT t.*, own.oid AS original, own.enabled AS original_enabled
        FROM own JOIN fraiseql_subs.capture_trigger AS t ON t.parent = own.oid
        UNION ALL
        SELECT t.*, copy.original, copy.original_enabled
        FROM copy JOIN fraiseql_subs.capture_trigger AS t ON t.parent = copy.oid
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
        SELECT 'replication', format(CASE t.enabled
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
        FROM own AS t WHERE t.arguments <> 1 OR t.channel = ''
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
            other.tgname), 'name',
            CASE WHEN age(other.xmin) < age(first.written_by) THEN other.xmin ELSE first.written_by END
        FROM (SELECT own.name, own.written_by FROM own WHERE own.events & 28 <> 0
              ORDER BY own.name LIMIT 1) AS first
        JOIN pg_trigger AS other ON other.tgname < first.name
        WHERE other.tgrelid = $1 AND other.tgtype & 67 = 1 AND other.tgenabled <> 'D'
            AND other.oid NOT IN (SELECT t.oid FROM fraiseql_subs.capture_trigger AS t)
    UNION ALL
        SELECT 'incomplete', format('The partition %s has no trigger that publishes its rows.', d.relid::regclass),
            'watch', d.since
        FROM descendant AS d
        WHERE d.relispartition AND EXISTS (SELECT FROM own WHERE events & 28 <> 0)
            AND NOT EXISTS (SELECT FROM copy WHERE copy.relid = d.relid)
    UNION ALL
        SELECT CASE t.enabled WHEN 'D' THEN 'incomplete' ELSE 'replication' END, format(CASE t.enabled
                WHEN 'D' THEN 'The trigger %I of the partition %s is disabled.'
                WHEN 'R' THEN 'The trigger %I of the partition %s fires for nothing but what replication applies.'
                ELSE 'The trigger %I of the partition %s is not enabled ALWAYS: what replication applies makes no event.' END,
            t.name, t.relid::regclass), 'watch', t.written_by
        FROM copy AS t WHERE t.enabled <> 'A' AND t.enabled <> t.original_enabled
    UNION ALL
        SELECT 'incomplete', format('The partition %s is watched by itself, too.', d.relid::regclass), 'partition',
            t.written_by
        FROM descendant AS d JOIN fraiseql_subs.capture_trigger AS t ON t.relid = d.relid AND t.parent = 0
        WHERE d.relispartition
    UNION ALL
        SELECT 'incomplete', format('The partition %s is a foreign table: only what is written through this server makes events.',
            d.relid::regclass), 'none', d.since
        FROM descendant AS d WHERE d.relispartition AND d.relkind = 'f'
    UNION ALL
        SELECT 'incomplete', format('The table %s inherits from it and is not watched: its rows make no event.',
            d.relid::regclass), 'child', d.since
        FROM descendant AS d
        WHERE NOT d.relispartition AND NOT EXISTS (
            SELECT FROM fraiseql_subs.capture_trigger AS t
            WHERE t.relid = d.relid AND t.parent = 0 AND t.events & 28 <> 0)
    UNION ALL
        SELECT 'incomplete', CASE c.relpersistence
                WHEN 'u' THEN 'The table is unlogged: a crash of the server empties it, which makes no event.'
                ELSE 'The table is temporary: what ON COMMIT and the end of the session remove makes no event.' END,
            'none', c.xmin
        FROM pg_class AS c WHERE c.oid = $1 AND c.relpersistence <> 'p'
    UNION ALL
        SELECT 'check', format('Its channel %I has the name of the table %s, which is not watched.',
            $2, named.oid::regclass), 'renamed', named.xmin
        FROM pg_class AS c
        JOIN pg_class AS named ON named.relnamespace = c.relnamespace AND named.relname = $2
        WHERE c.oid = $1 AND named.oid <> c.oid AND named.relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT FROM fraiseql_subs.capture_trigger AS t WHERE t.relid = named.oid)
    )
    SELECT f.kind, f.problem, CASE f.remedy
            WHEN 'watch' THEN format('fraiseql_watch(%L, %L) puts its triggers in order again.', $1::regclass, $2)
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
    WITH watched AS (
        SELECT DISTINCT t.relid, t.channel FROM fraiseql_subs.capture_trigger AS t WHERE t.parent = 0
    ),
    elsewhere AS (
        SELECT fraiseql_subs.elsewhere() AS problem
    )
    SELECT w.relid::regclass, w.channel,
        CASE WHEN 'off' = ANY (found.kinds) THEN 'off'
             WHEN e.problem IS NOT NULL THEN 'elsewhere'
             WHEN found.kinds && '{incomplete,replication}' THEN 'incomplete'
             WHEN 'check' = ANY (found.kinds) THEN 'check'
             ELSE 'watched' END,
        found.problems
    FROM watched AS w, elsewhere AS e, LATERAL (
        SELECT coalesce(array_agg(p.kind), '{}') AS kinds,
            coalesce(array_agg(p.problem ORDER BY p.place, p.problem COLLATE "C"), '{}') AS problems
        FROM (
            SELECT 0 AS place, 'elsewhere' AS kind, e.problem WHERE e.problem IS NOT NULL
            UNION ALL
            SELECT 1, kind, problem FROM fraiseql_subs.problems_of(w.relid, w.channel)
            UNION ALL
            SELECT 2, 'check', format('The table %s has the same channel.', other.relid::regclass)
            FROM watched AS other WHERE other.channel = w.channel AND other.relid <> w.relid
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

CREATE FUNCTION fraiseql_subs.warn(watched oid, problems text, remedies text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    message text := format('table "%s" is not watched as it should be', $1::regclass);
BEGIN
    IF remedies IS NULL THEN
        RAISE WARNING USING MESSAGE = message, DETAIL = problems;
    ELSE
        RAISE WARNING USING MESSAGE = message, DETAIL = problems, HINT = remedies;
    END IF;
END
$$;

-- For fraiseql_watch(): warn of what is wrong with a table that it has just put in order. `is_default`
-- is whether nobody chose the channel.
CREATE FUNCTION fraiseql_subs.warn_of_problems(watched oid, channel text, is_default boolean)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    problems text;
    remedies text;
BEGIN
    SELECT string_agg(p.problem, E'\n'), string_agg(DISTINCT p.remedy, E'\n')
    INTO problems, remedies
    FROM (
        SELECT problem, remedy FROM fraiseql_subs.problems_of($1, $2) WHERE kind <> 'check'
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

CREATE FUNCTION fraiseql_subs.on_ddl_command_end() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    restoring boolean := NOT current_setting('check_function_bodies')::boolean;
    touched oid[];
    names text[];
    found record;
BEGIN
    touched := ARRAY(
        WITH RECURSIVE touched (relid) AS (
            SELECT CASE WHEN c.classid = 'pg_class'::regclass THEN c.objid ELSE t.tgrelid END
            FROM pg_event_trigger_ddl_commands() AS c
            LEFT JOIN pg_trigger AS t ON c.classid = 'pg_trigger'::regclass AND t.oid = c.objid
            WHERE c.schema_name IS DISTINCT FROM 'pg_temp'
            UNION
            SELECT i.inhparent FROM touched JOIN pg_inherits AS i ON i.inhrelid = touched.relid
        )
        SELECT relid FROM touched);
    names := ARRAY(SELECT relname::text FROM pg_class WHERE oid = ANY (touched));
    IF NOT EXISTS (SELECT FROM fraiseql_subs.capture_trigger
                   WHERE relid = ANY (touched) OR channel = ANY (names)) THEN
        RETURN;
    END IF;
    FOR found IN
        SELECT w.relid, string_agg(p.problem, E'\n') AS problems,
            string_agg(DISTINCT p.remedy, E'\n') AS remedies
        FROM (SELECT DISTINCT t.relid, t.channel FROM fraiseql_subs.capture_trigger AS t
              WHERE t.parent = 0 AND (t.relid = ANY (touched) OR t.channel = ANY (names))) AS w,
            LATERAL fraiseql_subs.problems_of(w.relid, w.channel) AS p
        WHERE (NOT restoring OR p.kind = 'replication' AND tg_tag = 'ALTER TABLE')
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

CREATE FUNCTION fraiseql_subs.on_sql_drop() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    restoring boolean := NOT current_setting('check_function_bodies')::boolean;
    dropped record;
BEGIN
    IF restoring THEN
        RETURN;
    END IF;
    FOR dropped IN
        SELECT to_regclass(format('%I.%I', address_names[1], address_names[2])) AS relid,
            address_names[3] IN (' fraiseql_capture_row', ' fraiseql_capture_truncate') AS is_ours
        FROM pg_event_trigger_dropped_objects() WHERE object_type = 'trigger' AND original
    LOOP
        IF EXISTS (SELECT FROM fraiseql_subs.capture_trigger AS t WHERE t.relid = dropped.relid) THEN
            PERFORM fraiseql_subs.warn(t.relid, p.problem, p.remedy)
            FROM (SELECT DISTINCT relid, channel FROM fraiseql_subs.capture_trigger
                  WHERE parent = 0 AND relid = dropped.relid) AS t,
                LATERAL fraiseql_subs.problems_of(t.relid, t.channel) AS p
            WHERE p.problem LIKE 'No trigger publishes %';
        ELSIF dropped.is_ours THEN
            RAISE WARNING USING
                MESSAGE = format('table "%s" is no longer watched', dropped.relid),
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

CREATE EVENT TRIGGER fraiseql_subs_sql_drop ON sql_drop WHEN TAG IN ('DROP TRIGGER')
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
    fraiseql_register_subscription(text, text, text[]),
    fraiseql_unregister_subscription(text),
    fraiseql_schema(),
    fraiseql_metrics(),
    fraiseql_connections(),
    fraiseql_subscriptions()
FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA fraiseql_subs FROM PUBLIC;
