-- Watched tables ----------------------------------------------------------------------------------

-- @extension fraiseql_subs.younger
-- @extension fraiseql_subs.is_subscriber
-- @extension fraiseql_subs.problems_of

-- The extension's tells of databases that are not served. Which database a node serves, it knows.
CREATE OR REPLACE FUNCTION fraiseql_subs.elsewhere() RETURNS text
LANGUAGE sql AS $$ SELECT NULL::text $$;

-- @extension fraiseql_watched_tables
-- @extension fraiseql_subs.is_watched
-- @extension fraiseql_subs.warn
-- @extension fraiseql_subs.warn_of_problems

-- Nodes have the types of columns in their catalog.
CREATE OR REPLACE FUNCTION fraiseql_subs.note_watching() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.append(2::smallint, 0::smallint, NULL, NULL, NULL);
END
$$;

-- Raises an error unless the caller may watch the table. Locks nothing.
CREATE OR REPLACE FUNCTION fraiseql_subs.check_watchable(watched oid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    relation record;
BEGIN
    IF watched IS NULL THEN
        RAISE null_value_not_allowed USING MESSAGE = 'table cannot be null';
    END IF;
    SELECT c.relname, c.relkind, c.relowner INTO relation FROM pg_class AS c WHERE c.oid = watched;
    IF NOT FOUND THEN
        RAISE undefined_table USING MESSAGE = format('relation with OID %s does not exist', watched);
    END IF;
    IF relation.relkind NOT IN ('r', 'p') THEN
        RAISE wrong_object_type USING
            MESSAGE = format('cannot watch relation "%s"', relation.relname), DETAIL = 'It is not a table.';
    END IF;
    IF watched < 16384 THEN
        RAISE insufficient_privilege USING MESSAGE = format('cannot watch system catalog "%s"', relation.relname);
    END IF;
    IF NOT pg_has_role(relation.relowner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('must be owner of table %s', relation.relname);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.refuse_copied(watched regclass) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM fraiseql_subs.capture_trigger AS t WHERE t.relid = watched AND t.parent <> 0) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('table "%s" is watched through the table it is a partition of',
                (SELECT relname FROM pg_class WHERE oid = watched)),
            HINT = 'Watch or unwatch the partitioned table.';
    END IF;
END
$$;

-- The names of the triggers by which a table is watched: those that publish rows, or TRUNCATE.
CREATE OR REPLACE FUNCTION fraiseql_subs.capture_names(watched regclass, of_rows boolean) RETURNS SETOF name
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.name FROM fraiseql_subs.capture_trigger AS t
    WHERE t.relid = watched AND t.parent = 0 AND (t.events & 28 <> 0) = of_rows ORDER BY t.name;
$$;

-- Triggers fire in the order of their names, and these must fire first: no name that people give to a
-- trigger sorts before a blank. ALWAYS: rows that replication applies are changes too.
CREATE OR REPLACE FUNCTION fraiseql_subs.put_trigger(watched regclass, of_rows boolean, channel text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    standard CONSTANT name := ' fraiseql_capture_' || CASE WHEN of_rows THEN 'row' ELSE 'truncate' END;
    name CONSTANT name := coalesce((SELECT n FROM fraiseql_subs.capture_names(watched, of_rows) AS n
                                    ORDER BY n <> standard, n LIMIT 1), standard);
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %s FOR EACH %s EXECUTE FUNCTION %s(%L)', name,
        CASE WHEN of_rows THEN 'INSERT OR UPDATE OR DELETE' ELSE 'TRUNCATE' END, watched,
        CASE WHEN of_rows THEN 'ROW' ELSE 'STATEMENT' END, fraiseql_subs.capture_function()::regproc, channel);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', watched, name);
END
$$;

-- With the caller's rights: who may make triggers on a table.
CREATE OR REPLACE FUNCTION fraiseql_watch("table" regclass, channel text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted text;
BEGIN
    PERFORM fraiseql_subs.check_watchable($1);
    IF $2 = '' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'channel cannot be empty';
    END IF;
    PERFORM fraiseql_subs.check_event_name('channel', $2);
    wanted := coalesce($2, (SELECT relname FROM pg_class WHERE oid = $1));
    IF NOT fraiseql_subs.is_watched($1, wanted) THEN
        EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', $1);
        PERFORM fraiseql_subs.refuse_copied($1), fraiseql_subs.put_trigger($1, true, wanted),
            fraiseql_subs.put_trigger($1, false, wanted), fraiseql_subs.note_watching();
    END IF;
    PERFORM fraiseql_subs.warn_of_problems($1, wanted, $2 IS NULL);
END
$$;
COMMENT ON FUNCTION fraiseql_watch(regclass, text) IS
    'publish every change of a table on a channel, by default the one of the table''s name';

CREATE OR REPLACE FUNCTION fraiseql_unwatch("table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names name[];
    name name;
BEGIN
    PERFORM fraiseql_subs.check_watchable($1);
    names := ARRAY(SELECT * FROM fraiseql_subs.capture_names($1, true) UNION SELECT * FROM fraiseql_subs.capture_names($1, false));
    IF names = '{}' THEN
        PERFORM fraiseql_subs.refuse_copied($1);
        RAISE NOTICE 'table "%" is not watched', (SELECT relname FROM pg_class WHERE oid = $1);
        RETURN;
    END IF;
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', name, $1);
    END LOOP;
    PERFORM fraiseql_subs.note_watching();
END
$$;
COMMENT ON FUNCTION fraiseql_unwatch(regclass) IS 'stop publishing the changes of a table';
