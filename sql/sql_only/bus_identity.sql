-- Null where one may not ask.
CREATE OR REPLACE FUNCTION fraiseql_subs.system_identifier() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system());
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- Since when numbers of transactions have been given to one transaction each. A standby that is promoted,
-- and a server that has crashed, may give those anew that had not reached it, or the disk: of transactions
-- that were rolled back or committed without waiting for the disk, which readers may have seen the end of.
-- So there is a timeline, 0 for what one may not ask, and a number that does not outlive a crash.
CREATE OR REPLACE FUNCTION fraiseql_subs.history() RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    timeline bigint := 0;
    number bigint;
BEGIN
    BEGIN
        timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    SELECT h.number INTO number FROM fraiseql_subs.bus_history AS h;
    IF NOT FOUND THEN
        INSERT INTO fraiseql_subs.bus_history DEFAULT VALUES ON CONFLICT DO NOTHING;
        SELECT h.number INTO STRICT number FROM fraiseql_subs.bus_history AS h;
    END IF;
    RETURN format('%s.%s', timeline, number);
END
$$;

-- The identity of this database, or null if what is there is that of the one it was copied from.
CREATE OR REPLACE FUNCTION fraiseql_subs.bus_id() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT i.id FROM fraiseql_subs.bus_identity AS i JOIN fraiseql_subs.bus AS b ON b.identity_xmin = i.xmin
            WHERE i.system IS NOT DISTINCT FROM fraiseql_subs.system_identifier()
                AND i.database = (SELECT oid FROM pg_database WHERE datname = current_database()));
END
$$;

-- The same, after it has been made anew where it had to be. Events are gone then: they are another
-- server's. They are deleted, for once, since TRUNCATE would wait for those who are writing.
CREATE OR REPLACE FUNCTION fraiseql_subs.settled_bus_id() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id text := fraiseql_subs.bus_id();
BEGIN
    IF id IS NOT NULL THEN
        RETURN id;
    END IF;
    LOCK TABLE fraiseql_subs.bus_identity IN SHARE ROW EXCLUSIVE MODE;
    id := fraiseql_subs.bus_id();
    IF id IS NOT NULL THEN
        RETURN id;
    END IF;
    IF NOT EXISTS (SELECT FROM fraiseql_subs.bus) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'table fraiseql_subs.bus is empty', HINT = 'Run the SQL file again.';
    END IF;
    DELETE FROM fraiseql_subs.event;
    DELETE FROM fraiseql_subs.bus_identity;
    UPDATE fraiseql_subs.bus_slot SET sealed_at = NULL;
    id := left(replace(gen_random_uuid()::text, '-', ''), 8);
    INSERT INTO fraiseql_subs.bus_identity (id, database, system)
        SELECT id, oid, fraiseql_subs.system_identifier() FROM pg_database WHERE datname = current_database();
    UPDATE fraiseql_subs.bus SET kept_from = NULL, kept_from_seq = NULL,
        identity_xmin = (SELECT i.xmin FROM fraiseql_subs.bus_identity AS i);
    PERFORM fraiseql_subs.close_functions();
    RETURN id;
END
$$;
