-- fraiseql_subs without its extension, for PostgreSQL 15 and later: docs/sql-only.md.
--
-- Run by whoever is to own it all, who needs CREATE on the database and on the first schema of the
-- search_path; run again, it upgrades what is there.

BEGIN;

-- From here on nothing that others have made can be meant by a name; the caller's settings come back at
-- the end, for those who run this within a transaction of theirs.
DO $$
DECLARE
    outer_path CONSTANT text := pg_catalog.current_setting('search_path');
    outer_messages CONSTANT text := pg_catalog.current_setting('client_min_messages');
    functions_in CONSTANT text := coalesce(pg_catalog.current_schema()::text, '');
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),
        pg_catalog.set_config('client_min_messages', 'warning', true),
        pg_catalog.set_config('fraiseql_subs_file.outer_path', outer_path, true),
        pg_catalog.set_config('fraiseql_subs_file.outer_messages', outer_messages, true),
        pg_catalog.set_config('fraiseql_subs_file.functions_in', functions_in, true);
END
$$;

DO $$
DECLARE
    this CONSTANT integer := 1;  -- the version of this file
    owner name;
    installed integer := 0;
    functions_in name := current_setting('fraiseql_subs_file.functions_in');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fraiseql_subs', 0));  -- one at a time
    IF current_setting('server_version_num')::integer < 150000 THEN
        RAISE feature_not_supported USING MESSAGE = 'fraiseql_subs needs PostgreSQL 15 or later';
    END IF;
    IF EXISTS (SELECT FROM pg_extension WHERE extname = 'fraiseql_subs') THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'this database has the extension fraiseql_subs',
            HINT = 'It can have the extension or this file, not both.';
    END IF;
    owner := (SELECT r.rolname FROM pg_namespace AS n JOIN pg_roles AS r ON r.oid = n.nspowner
              WHERE n.nspname = 'fraiseql_subs');
    -- Others could have put anything there, which would run with the rights of whoever uses it.
    IF owner <> current_user THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('schema fraiseql_subs belongs to "%s"', owner),
            HINT = format('Run this as the owner: SET ROLE %I.', owner);
    END IF;
    IF owner IS NULL THEN
        CREATE SCHEMA fraiseql_subs;
    END IF;
    IF to_regprocedure('fraiseql_subs.installation()') IS NOT NULL THEN
        SELECT i.version, i.functions_in INTO installed, functions_in FROM fraiseql_subs.installation() AS i;
    END IF;
    IF installed > this THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('version %s is installed, which is newer than this file''s %s', installed, this);
    END IF;
    IF functions_in = '' THEN
        RAISE undefined_object USING
            MESSAGE = 'no schema is there for the functions', HINT = 'Name one: SET search_path = app;';
    END IF;
    IF to_regnamespace(quote_ident(functions_in)) IS NULL THEN
        RAISE undefined_object USING
            MESSAGE = format('schema "%s" of the functions is not there any more', functions_in),
            HINT = 'Give it its name back, or drop schema fraiseql_subs and install anew.';
    END IF;
    -- A function, since it comes along with a dump of the schema alone.
    EXECUTE format('CREATE OR REPLACE FUNCTION fraiseql_subs.installation(OUT version integer, OUT functions_in name)
        LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $body$ SELECT %s, %L::name $body$',
        this, functions_in);
    COMMENT ON FUNCTION fraiseql_subs.installation() IS
        'version of the SQL file, and the schema of the functions fraiseql_...';
    PERFORM set_config('fraiseql_subs_file.installed', installed::text, true),
        set_config('fraiseql_subs_file.functions_in', functions_in, true),
        set_config('fraiseql_subs_file.made_before', ARRAY(
            SELECT 'f' || p.oid FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
            WHERE installed > 0 AND n.nspname IN ('fraiseql_subs', functions_in)
            UNION ALL
            SELECT 'r' || c.oid FROM pg_class AS c
            WHERE installed > 0 AND c.relnamespace = 'fraiseql_subs'::regnamespace)::text, true);
END
$$;
