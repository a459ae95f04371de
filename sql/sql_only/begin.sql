-- fraiseql_subs without its extension, for PostgreSQL 15 and later: docs/sql-only.md.
--
-- Run by whoever is to own it all, who needs CREATE on the database and on the first schema of the
-- search_path; run again, it upgrades what is there.

BEGIN;

SET LOCAL client_min_messages = warning;
DO $$
DECLARE
    owner name := (SELECT r.rolname FROM pg_catalog.pg_namespace AS n JOIN pg_catalog.pg_roles AS r ON r.oid = n.nspowner
                   WHERE n.nspname = 'fraiseql_subs');
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('fraiseql_subs', 0));  -- one at a time
    IF pg_catalog.current_setting('server_version_num')::integer < 150000 THEN
        RAISE feature_not_supported USING MESSAGE = 'fraiseql_subs needs PostgreSQL 15 or later';
    END IF;
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'fraiseql_subs') THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'this database has the extension fraiseql_subs',
            HINT = 'It can have the extension or this file, not both.';
    END IF;
    -- Others could have put anything there, which would run with the rights of whoever uses it.
    IF owner <> current_user THEN
        RAISE insufficient_privilege USING
            MESSAGE = pg_catalog.format('schema fraiseql_subs belongs to "%s"', owner),
            HINT = pg_catalog.format('Run this as the owner: SET ROLE %I.', owner);
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS fraiseql_subs;

CREATE TABLE IF NOT EXISTS fraiseql_subs.installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL,
    functions_in name NOT NULL
);
COMMENT ON TABLE fraiseql_subs.installation IS 'version of the SQL file, and the schema of the functions fraiseql_...';

DO $$
DECLARE
    this CONSTANT integer := 1;  -- as at the end of this file
    installed CONSTANT integer := (SELECT version FROM fraiseql_subs.installation);
BEGIN
    IF installed > this THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = pg_catalog.format('version %s is installed, which is newer than this file''s %s', installed, this);
    END IF;
    IF installed IS NULL THEN
        IF pg_catalog.current_schema() IS NULL THEN
            RAISE undefined_object USING
                MESSAGE = 'no schema is there for the functions', HINT = 'Name one: SET search_path = app;';
        END IF;
        INSERT INTO fraiseql_subs.installation (version, functions_in) VALUES (0, pg_catalog.current_schema());
    END IF;
    PERFORM pg_catalog.set_config('search_path', pg_catalog.quote_ident(functions_in), true)
    FROM fraiseql_subs.installation;
END
$$;
