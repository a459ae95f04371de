-- Tables ------------------------------------------------------------------------------------------
--
-- Each version's change is made once: nobody who is writing has to be waited for when this runs again.

DO $version_1$
DECLARE
    changing text;
BEGIN
IF current_setting('fraiseql_subs_file.installed')::integer >= 1 THEN
    RETURN;
END IF;

-- Three slots, of which one is filled, one is kept and one is empty or soon will be: bus_maintain()
-- turns them. What is too old goes by TRUNCATE, which leaves nothing to be cleaned up.

CREATE SEQUENCE fraiseql_subs.event_seq;

CREATE TABLE fraiseql_subs.event (
    seq bigint NOT NULL,
    slot smallint NOT NULL,
    xid xid8 NOT NULL,
    published_at timestamptz NOT NULL,
    kind smallint NOT NULL,
    flags smallint NOT NULL,
    event_type text,
    channel text,
    data text,
    correlation_id text,
    subgraph text,
    PRIMARY KEY (seq, slot)
) PARTITION BY LIST (slot);
COMMENT ON TABLE fraiseql_subs.event IS 'events of the last while, for fraiseql_subs.bus_read()';
CREATE INDEX event_xid_seq_idx ON fraiseql_subs.event (xid, seq);

-- Nothing in them is ever dead for long, and no plan depends on statistics.
CREATE TABLE fraiseql_subs.event_0 PARTITION OF fraiseql_subs.event FOR VALUES IN (0)
    WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE fraiseql_subs.event_1 PARTITION OF fraiseql_subs.event FOR VALUES IN (1)
    WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE fraiseql_subs.event_2 PARTITION OF fraiseql_subs.event FOR VALUES IN (2)
    WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);

CREATE TRIGGER discard BEFORE INSERT ON fraiseql_subs.event
FOR EACH ROW WHEN (new.xid <> pg_current_xact_id()) EXECUTE FUNCTION fraiseql_subs.discard();
ALTER TABLE fraiseql_subs.event ENABLE ALWAYS TRIGGER discard;
ALTER TABLE fraiseql_subs.event_0 ENABLE ALWAYS TRIGGER discard;
ALTER TABLE fraiseql_subs.event_1 ENABLE ALWAYS TRIGGER discard;
ALTER TABLE fraiseql_subs.event_2 ENABLE ALWAYS TRIGGER discard;

CREATE TABLE fraiseql_subs.bus (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    retention interval NOT NULL DEFAULT '1 hour' CHECK (retention >= interval '0'),
    retention_bytes bigint CHECK (retention_bytes > 0),
    slot_bytes bigint NOT NULL DEFAULT 67108864 CHECK (slot_bytes > 0),
    max_event_size integer NOT NULL DEFAULT 1048576 CHECK (max_event_size BETWEEN 1024 AND 268435456),
    notify boolean,
    -- What follows is bus_maintain()'s.
    current_slot smallint NOT NULL DEFAULT 0,
    maintained_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kept_from pg_snapshot,
    kept_from_seq bigint,
    identity_xmin xid
);
COMMENT ON TABLE fraiseql_subs.bus IS 'how long events are kept, and where they go';
COMMENT ON COLUMN fraiseql_subs.bus.retention IS 'events are kept for this long after they could be read first';
COMMENT ON COLUMN fraiseql_subs.bus.retention_bytes IS
    'beyond this the oldest go earlier; null: whatever the retention takes';
COMMENT ON COLUMN fraiseql_subs.bus.slot_bytes IS 'events go to another slot when theirs has this, or is half the retention old';
COMMENT ON COLUMN fraiseql_subs.bus.max_event_size IS 'bytes that an event may have';
COMMENT ON COLUMN fraiseql_subs.bus.notify IS
    'whether transactions that publish notify; null: where none can be prepared';
COMMENT ON COLUMN fraiseql_subs.bus.kept_from IS
    'events that this snapshot sees may be gone; null: none is; kept_from_seq: as the number in a cursor';
COMMENT ON COLUMN fraiseql_subs.bus.identity_xmin IS 'the transaction that wrote fraiseql_subs.bus_identity';

-- A slot is sealed when it is not filled any more and all who wrote to it have committed.
CREATE TABLE fraiseql_subs.bus_slot (
    slot smallint PRIMARY KEY,
    filled_since timestamptz,
    sealed_at timestamptz,
    sealed_snapshot pg_snapshot,
    sealed_floor bigint,
    waited_at timestamptz
);
COMMENT ON TABLE fraiseql_subs.bus_slot IS 'the slots of events; filled_since is null of an empty one';

-- Cursors compare transactions, which mean nothing on another server. The transaction that wrote the row
-- is in fraiseql_subs.bus, too: where a dump is restored, another one writes it.
CREATE TABLE fraiseql_subs.bus_identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id text NOT NULL,
    database oid NOT NULL,
    system bigint
);
COMMENT ON TABLE fraiseql_subs.bus_identity IS 'what cursors call this database';

-- Recovery from a crash empties it, and so do a promotion and a restored backup; a planned restart does not.
CREATE UNLOGGED TABLE fraiseql_subs.bus_history (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    number bigint NOT NULL
        DEFAULT ('x' || left(replace(gen_random_uuid()::text, '-', ''), 12))::bit(48)::bigint
);
COMMENT ON TABLE fraiseql_subs.bus_history IS 'a number for the time since the server last crashed';

CREATE TABLE fraiseql_subs.bus_due (xid xid8 PRIMARY KEY);
COMMENT ON TABLE fraiseql_subs.bus_due IS 'transactions that maintain the bus when they commit';
CREATE CONSTRAINT TRIGGER maintain AFTER INSERT ON fraiseql_subs.bus_due
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fraiseql_subs.maintain_at_commit();
ALTER TABLE fraiseql_subs.bus_due ENABLE ALWAYS TRIGGER maintain;

CREATE TABLE fraiseql_subs.catalog_setting (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tenant_field text NOT NULL DEFAULT '',
    anonymous_claims json NOT NULL DEFAULT '{}' CHECK (json_typeof(anonymous_claims) = 'object')
);
COMMENT ON TABLE fraiseql_subs.catalog_setting IS 'what the extension has as the settings of these names';

CREATE TRIGGER replace_setting BEFORE INSERT ON fraiseql_subs.catalog_setting
FOR EACH ROW EXECUTE FUNCTION fraiseql_subs.replace_setting();
ALTER TABLE fraiseql_subs.catalog_setting ENABLE REPLICA TRIGGER replace_setting;

-- Replication may bring another server's.
FOREACH changing IN ARRAY '{bus,bus_slot,bus_identity,bus_due}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER discard_replicated BEFORE INSERT OR UPDATE OR DELETE ON fraiseql_subs.%I
        FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION fraiseql_subs.discard()', changing);
    EXECUTE format('ALTER TABLE fraiseql_subs.%I ENABLE REPLICA TRIGGER discard_replicated', changing);
END LOOP;
FOREACH changing IN ARRAY '{event_0,event_1,event_2}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER truncated AFTER TRUNCATE ON fraiseql_subs.%I
        FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.events_truncated()', changing);
    EXECUTE format('ALTER TABLE fraiseql_subs.%I ENABLE ALWAYS TRIGGER truncated', changing);
END LOOP;

-- Catalog: as the extension's.

-- @extension fraiseql_subs.type
-- @extension fraiseql_subs.subscription
-- @extension fraiseql_subs.resolver
-- @extension fraiseql_subs.application_object
-- @extension fraiseql_subs.issuer
-- @extension fraiseql_subs.role_limit

FOREACH changing IN ARRAY '{type,subscription,resolver,issuer,role_limit,catalog_setting}'::text[] LOOP
    EXECUTE format('CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
        ON fraiseql_subs.%I FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed()', changing);
    EXECUTE format('ALTER TABLE fraiseql_subs.%I ENABLE ALWAYS TRIGGER catalog_changed', changing);
END LOOP;

-- It has no primary key. Where every table is published, rows of others can be neither changed nor removed.
ALTER TABLE fraiseql_subs.role_limit REPLICA IDENTITY FULL;

END
$version_1$;
