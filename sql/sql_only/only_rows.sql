-- Rows that a dump of the schema alone does not have ------------------------------------------------

DO $$
BEGIN
    INSERT INTO fraiseql_subs.bus DEFAULT VALUES ON CONFLICT DO NOTHING;
    INSERT INTO fraiseql_subs.bus_slot (slot, filled_since)
        VALUES (0, pg_catalog.clock_timestamp()), (1, NULL), (2, NULL) ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM fraiseql_subs.catalog_setting) THEN
        INSERT INTO fraiseql_subs.catalog_setting DEFAULT VALUES;
    END IF;
END
$$;
