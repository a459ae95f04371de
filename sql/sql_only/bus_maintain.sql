-- Whether the lock was to be had at once. It is kept until the transaction ends.
CREATE OR REPLACE FUNCTION fraiseql_subs.lock_slot(slot smallint, mode text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('LOCK TABLE fraiseql_subs.event_%s IN %s MODE NOWAIT', slot, mode);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;

-- The same for a moment, in which readers that overlap all the time have come to their ends. Those that come
-- meanwhile wait, too.
CREATE OR REPLACE FUNCTION fraiseql_subs.await_slot(slot smallint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '50ms' AS $$
BEGIN
    EXECUTE format('LOCK TABLE fraiseql_subs.event_%s IN ACCESS EXCLUSIVE MODE', slot);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END
$$;

-- Whether there are events that a snapshot does not see.
CREATE OR REPLACE FUNCTION fraiseql_subs.has_later(slot smallint, seen pg_snapshot) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM fraiseql_subs.event AS e WHERE e.slot = $1 AND e.xid >= pg_snapshot_xmax($2))
        OR EXISTS (SELECT FROM pg_snapshot_xip($2) AS x (id)
                   JOIN fraiseql_subs.event AS e ON e.xid = x.id AND e.slot = $1);
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.slot_size(slot smallint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_total_relation_size(format('fraiseql_subs.event_%s', slot));
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.bus_maintain() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    bus fraiseql_subs.bus;
    one fraiseql_subs.bus_slot;
    now record;
    following smallint;
BEGIN
    PERFORM fraiseql_subs.check_reader();
    SELECT b.* INTO bus FROM fraiseql_subs.bus AS b FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;  -- another one is at it
    END IF;

    FOR one IN SELECT s.* FROM fraiseql_subs.bus_slot AS s
        WHERE s.slot <> bus.current_slot AND s.filled_since IS NOT NULL AND s.sealed_at IS NULL
    LOOP
        -- Nobody has it who has written to the slot and not committed.
        IF fraiseql_subs.lock_slot(one.slot, 'SHARE') THEN
            SELECT * INTO now FROM fraiseql_subs.bus_snapshot(coalesce(bus.kept_from_seq, 0), bus.kept_from);
            UPDATE fraiseql_subs.bus_slot AS s
            SET sealed_at = clock_timestamp(), sealed_snapshot = now.snapshot, sealed_floor = now.floor
            WHERE s.slot = one.slot;
        END IF;
    END LOOP;

    FOR one IN SELECT s.* FROM fraiseql_subs.bus_slot AS s
        WHERE s.sealed_at < clock_timestamp() - bus.retention
            OR s.sealed_at IS NOT NULL AND bus.retention_bytes < (
                SELECT sum(fraiseql_subs.slot_size(every.slot)) FROM fraiseql_subs.bus_slot AS every)
        ORDER BY s.sealed_at LIMIT 1
    LOOP
        IF NOT fraiseql_subs.lock_slot(one.slot, 'ACCESS EXCLUSIVE') THEN
            -- Where many read, there is always one who does.
            CONTINUE WHEN one.sealed_at > clock_timestamp() - bus.retention - interval '1 min'
                OR one.waited_at > clock_timestamp() - interval '10 s';
            UPDATE fraiseql_subs.bus_slot SET waited_at = clock_timestamp() WHERE slot = one.slot;
            CONTINUE WHEN NOT fraiseql_subs.await_slot(one.slot);
        END IF;
        IF fraiseql_subs.has_later(one.slot, one.sealed_snapshot) THEN
            -- From one who had read which slot is filled, and wrote to it long after that.
            UPDATE fraiseql_subs.bus_slot SET sealed_at = NULL WHERE slot = one.slot;
            CONTINUE;
        END IF;
        EXECUTE format('TRUNCATE fraiseql_subs.event_%s', one.slot);
        IF bus.kept_from IS NULL OR NOT fraiseql_subs.sees_all_of(bus.kept_from, one.sealed_snapshot) THEN
            bus.kept_from := one.sealed_snapshot;
            bus.kept_from_seq := one.sealed_floor;
        END IF;
        UPDATE fraiseql_subs.bus AS b SET kept_from = bus.kept_from, kept_from_seq = bus.kept_from_seq;
        UPDATE fraiseql_subs.bus_slot SET filled_since = NULL, sealed_at = NULL, waited_at = NULL WHERE slot = one.slot;
    END LOOP;

    following := (bus.current_slot + 1) % 3;
    IF EXISTS (SELECT FROM fraiseql_subs.bus_slot WHERE slot = following AND filled_since IS NULL)
        AND EXISTS (SELECT FROM fraiseql_subs.event AS e WHERE e.slot = bus.current_slot)
        AND (fraiseql_subs.slot_size(bus.current_slot) > bus.slot_bytes OR EXISTS (
            SELECT FROM fraiseql_subs.bus_slot
            WHERE slot = bus.current_slot AND filled_since < clock_timestamp() - bus.retention / 2))
    THEN
        UPDATE fraiseql_subs.bus_slot SET filled_since = clock_timestamp() WHERE slot = following;
        UPDATE fraiseql_subs.bus SET current_slot = following;
    END IF;
    UPDATE fraiseql_subs.bus SET maintained_at = clock_timestamp();
END
$$;
COMMENT ON FUNCTION fraiseql_subs.bus_maintain() IS 'remove events that are older than the retention; waits for nobody';

-- Where no node runs for long, those who publish keep the events from filling the disk: right before they
-- commit, so that no lock of theirs is held for longer than that takes.
CREATE OR REPLACE FUNCTION fraiseql_subs.maintain_if_nobody_does() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A prepared transaction would keep its locks for as long as it likes.
    IF current_setting('transaction_isolation') = 'read committed' AND current_setting('max_prepared_transactions') = '0'
        AND EXISTS (SELECT FROM fraiseql_subs.bus WHERE maintained_at < clock_timestamp() - interval '5 min') THEN
        INSERT INTO fraiseql_subs.bus_due (xid) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
    END IF;
END
$$;
