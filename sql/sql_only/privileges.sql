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
        AND n.nspname = (SELECT functions_in FROM fraiseql_subs.installation()));
$$;

-- Where they come without privileges, as from a dump that was made without, everybody could call them.
CREATE OR REPLACE FUNCTION fraiseql_subs.close_functions() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN SELECT p.oid FROM fraiseql_subs.own_functions() AS own JOIN pg_proc AS p ON p.oid = own.function
               WHERE p.proacl IS NULL LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', one);
    END LOOP;
END
$$;

-- What has just been made, and was not there before, is nobody else's to use, whatever ALTER DEFAULT PRIVILEGES
-- says. The roles get what they are for from fraiseql_create_roles().
DO $$
DECLARE
    made_before CONSTANT text[] := pg_catalog.current_setting('fraiseql_subs_file.made_before');
    one record;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    FOR one IN
        SELECT p.oid::regprocedure AS function, r.rolname FROM pg_proc AS p JOIN pg_roles AS r ON r.oid = p.proowner
        WHERE p.xmin = pg_current_xact_id()::xid AND r.rolname <> current_user
    LOOP
        RAISE insufficient_privilege USING
            MESSAGE = format('function %s belongs to "%s"', one.function, one.rolname),
            DETAIL = 'Whoever owns it could change what others run.', HINT = 'Drop it first.';
    END LOOP;
    FOR one IN
        SELECT CASE WHEN c.relkind = 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name, a.grantee
        FROM pg_class AS c, aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'fraiseql_subs'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
            AND a.grantee <> c.relowner AND 'r' || c.oid <> ALL (made_before)
        UNION
        SELECT 'ROUTINE', p.oid::regprocedure::text, a.grantee
        FROM fraiseql_subs.own_functions() AS own JOIN pg_proc AS p ON p.oid = own.function,
            aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE a.grantee <> p.proowner AND 'f' || p.oid <> ALL (made_before)
        UNION
        SELECT 'SCHEMA', n.nspname, a.grantee FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'fraiseql_subs' AND a.grantee <> n.nspowner AND made_before = '{}'
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', one.kind, one.name,
            CASE one.grantee WHEN 0 THEN 'PUBLIC' ELSE one.grantee::regrole::text END);
    END LOOP;
    PERFORM fraiseql_subs.close_functions(), fraiseql_subs.settled_bus_id();
    PERFORM set_config('search_path', current_setting('fraiseql_subs_file.outer_path'), true),
        set_config('client_min_messages', current_setting('fraiseql_subs_file.outer_messages'), true);
END
$$;

COMMIT;
