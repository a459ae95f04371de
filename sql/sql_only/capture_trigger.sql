-- How tables are watched ---------------------------------------------------------------------------

-- This file's own: anybody can make a function of that name and source.
CREATE OR REPLACE FUNCTION fraiseql_subs.capture_function() RETURNS oid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT p.oid FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = p.pronamespace
        JOIN fraiseql_subs.installation() AS i ON i.functions_in = n.nspname
        WHERE p.proname = 'fraiseql_capture' AND p.pronargs = 0);
END
$$;

-- @extension fraiseql_subs.capture_trigger

-- What follows is made where others may have made functions: expressions that are kept stand above.
DO $$
BEGIN
    PERFORM set_config('search_path', quote_ident(current_setting('fraiseql_subs_file.functions_in')) || ', pg_temp', true);
END
$$;
