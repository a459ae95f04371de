-- Null where one may not ask.
CREATE OR REPLACE FUNCTION fraiseql_subs.system_identifier() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system());
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- Another one after each failover; 0 where one may not ask.
CREATE OR REPLACE FUNCTION fraiseql_subs.timeline() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint;
EXCEPTION WHEN OTHERS THEN
    RETURN 0;
END
$$;

-- The identity of this database, or null if what is there is that of the one it was copied from.
CREATE OR REPLACE FUNCTION fraiseql_subs.bus_id() RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT i.id FROM fraiseql_subs.bus_identity AS i
            WHERE i.marker::xid = i.xmin AND i.system IS NOT DISTINCT FROM fraiseql_subs.system_identifier()
                AND i.database = (SELECT oid FROM pg_database WHERE datname = current_database()));
END
$$;

-- The same, after it has been made anew where it had to be. Events are gone then: they are another
-- server's.
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
    TRUNCATE fraiseql_subs.event;
    DELETE FROM fraiseql_subs.bus_identity;
    UPDATE fraiseql_subs.bus SET current_slot = 0, kept_from = NULL, kept_from_seq = NULL;
    UPDATE fraiseql_subs.bus_slot SET filled_since = CASE slot WHEN 0 THEN clock_timestamp() END,
        sealed_at = NULL, sealed_snapshot = NULL, sealed_floor = NULL, sealed_seq = NULL;
    id := left(replace(gen_random_uuid()::text, '-', ''), 8);
    INSERT INTO fraiseql_subs.bus_identity (id, marker, database, system)
        SELECT id, pg_current_xact_id(), oid, fraiseql_subs.system_identifier()
        FROM pg_database WHERE datname = current_database();
    RETURN id;
END
$$;
