-- Who reads events is not kept: each node has its own cursor.
CREATE OR REPLACE FUNCTION fraiseql_nodes()
RETURNS TABLE (
    name text, is_self boolean, version text, bus text, role text, lag bigint, delay interval,
    connections bigint, subscriptions bigint, since timestamptz, trouble text
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.refuse_without_worker('fraiseql_nodes');
END
$$;
