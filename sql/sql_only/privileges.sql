-- Privileges --------------------------------------------------------------------------------------

-- @extension fraiseql_subs.role_functions

-- What is called here and by none of the extension's users.
CREATE OR REPLACE FUNCTION fraiseql_subs.own_role_functions() RETURNS TABLE (role name, function name)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT * FROM fraiseql_subs.role_functions()
    UNION ALL
    SELECT role::name, unnest(functions)::name FROM (VALUES
        ('fraiseql_watcher', ARRAY[
            'is_watched', 'warn_of_problems', 'note_watching', 'check_watchable', 'refuse_copied', 'capture_names',
            'put_trigger', 'capture_function', 'check_event_name']),
        ('fraiseql_node', ARRAY[
            'bus_cursor', 'bus_read', 'bus_probe', 'bus_maintain', 'catalog_snapshot'])
    ) AS granted (role, functions);
$$;

-- @extension fraiseql_create_roles
-- @replace fraiseql_subs.role_functions() => fraiseql_subs.own_role_functions()
-- @replace JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'fraiseql_subs' => JOIN fraiseql_subs.own_functions() AS own ON own.function = p.oid
-- @replace TO fraiseql_resolver, fraiseql_host; => TO fraiseql_resolver, fraiseql_host, fraiseql_watcher, fraiseql_node;

-- The functions that this file has made.
CREATE OR REPLACE FUNCTION fraiseql_subs.own_functions() RETURNS TABLE (function oid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.oid FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE p.proowner = current_user::regrole AND (n.nspname = 'fraiseql_subs' OR starts_with(p.proname, 'fraiseql_')
        AND n.nspname = (SELECT functions_in FROM fraiseql_subs.installation));
$$;

DO $$
DECLARE
    one oid;
BEGIN
    PERFORM fraiseql_subs.settled_bus_id();
    FOR one IN SELECT * FROM fraiseql_subs.own_functions() LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', one::regprocedure);
    END LOOP;
END
$$;

UPDATE fraiseql_subs.installation SET version = 1 WHERE version <> 1;

COMMIT;
