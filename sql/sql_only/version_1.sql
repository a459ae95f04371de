-- Tables ------------------------------------------------------------------------------------------
--
-- Each version's change is made once: nobody who is writing has to be waited for when this runs again.

DO $version_1$
DECLARE
    changing text;
BEGIN
IF (SELECT version FROM fraiseql_subs.installation) >= 1 THEN
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
FOR EACH ROW WHEN (new.xid <> pg_catalog.pg_current_xact_id()) EXECUTE FUNCTION fraiseql_subs.discard();
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
    -- What follows is bus_maintain()'s.
    current_slot smallint NOT NULL DEFAULT 0,
    maintained_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
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
COMMENT ON COLUMN fraiseql_subs.bus.kept_from IS
    'events that this snapshot sees may be gone; null: none is; kept_from_seq: as the number in a cursor';
COMMENT ON COLUMN fraiseql_subs.bus.identity_xmin IS 'the transaction that wrote fraiseql_subs.bus_identity';
INSERT INTO fraiseql_subs.bus DEFAULT VALUES;

-- A slot is sealed when it is not filled any more and all who wrote to it have committed.
CREATE TABLE fraiseql_subs.bus_slot (
    slot smallint PRIMARY KEY,
    filled_since timestamptz,
    sealed_at timestamptz,
    sealed_snapshot pg_snapshot,
    sealed_floor bigint,
    sealed_seq bigint
);
COMMENT ON TABLE fraiseql_subs.bus_slot IS 'the slots of events; filled_since is null of an empty one';
INSERT INTO fraiseql_subs.bus_slot (slot, filled_since)
    VALUES (0, pg_catalog.clock_timestamp()), (1, NULL), (2, NULL);

-- Cursors compare transactions, which mean nothing on another server. The transaction that wrote the row
-- is in fraiseql_subs.bus, too: where a dump is restored, another one writes it.
CREATE TABLE fraiseql_subs.bus_identity (
    id text NOT NULL,
    database oid NOT NULL,
    system bigint
);
COMMENT ON TABLE fraiseql_subs.bus_identity IS 'what cursors call this database';

CREATE TABLE fraiseql_subs.bus_due (xid xid8 NOT NULL);
COMMENT ON TABLE fraiseql_subs.bus_due IS 'transactions that maintain the bus when they commit';
CREATE CONSTRAINT TRIGGER maintain AFTER INSERT ON fraiseql_subs.bus_due
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fraiseql_subs.maintain_at_commit();

-- Catalog: as the extension's.

-- @extension fraiseql_subs.type
-- @extension fraiseql_subs.subscription
-- @extension fraiseql_subs.resolver
-- @extension fraiseql_subs.application_object
-- @extension fraiseql_subs.issuer
-- @extension fraiseql_subs.role_limit

FOREACH changing IN ARRAY '{type,subscription,resolver,issuer,role_limit}'::text[] LOOP
    EXECUTE pg_catalog.format('CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
        ON fraiseql_subs.%I FOR EACH STATEMENT EXECUTE FUNCTION fraiseql_subs.catalog_changed()', changing);
    EXECUTE pg_catalog.format('ALTER TABLE fraiseql_subs.%I ENABLE ALWAYS TRIGGER catalog_changed', changing);
END LOOP;

END
$version_1$;
