-- Trigger functions, which the tables below are made with ------------------------------------------

-- Replication, and a restore of data alone, bring events with the transactions of another server.
CREATE OR REPLACE FUNCTION fraiseql_subs.discard() RETURNS trigger
LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;

-- Nodes learn of it among the events, at its place.
CREATE OR REPLACE FUNCTION fraiseql_subs.catalog_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.append(2::smallint, 0::smallint, NULL, NULL, NULL);
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.maintain_at_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM fraiseql_subs.bus_due WHERE xid = new.xid;
    PERFORM fraiseql_subs.bus_maintain();
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- What replication copies takes the place of the default.
CREATE OR REPLACE FUNCTION fraiseql_subs.replace_setting() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM fraiseql_subs.catalog_setting;
    RETURN new;
END
$$;

-- By whomever: readers are told that there is a gap. fraiseql_subs.bus_maintain() knows better from where on.
CREATE OR REPLACE FUNCTION fraiseql_subs.events_truncated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE fraiseql_subs.bus SET kept_from = now.snapshot, kept_from_seq = now.floor
    FROM fraiseql_subs.bus_snapshot(0, NULL) AS now;
    RETURN NULL;
END
$$;
