-- Catalog -----------------------------------------------------------------------------------------

-- @extension fraiseql_subs.lock_catalog
-- @extension fraiseql_subs.check_utf8
-- @extension fraiseql_subs.check_comparands
-- @extension fraiseql_subs.check_event_field
-- @extension fraiseql_subs.check_access
-- @extension fraiseql_subs.disown
-- @extension fraiseql_register_types
-- @extension fraiseql_unregister_type
-- @extension fraiseql_subs.check_list
-- @extension fraiseql_subs.check_names

CREATE OR REPLACE FUNCTION fraiseql_subs.check_rate_limit(value text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM fraiseql_subs.check_limit_value('rate_limit', value, true);
END
$$;

-- @extension fraiseql_subs.put_subscription
-- @extension fraiseql_register_subscription
-- @extension fraiseql_unregister_subscription
-- @extension fraiseql_subs.find_resolver

-- Whether this runs in what maintenance calls with a table's owner's rights, as functions of indexes:
-- there no temporary table can be made.
CREATE OR REPLACE FUNCTION fraiseql_subs.is_restricted() RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT has_database_privilege(current_database(), 'TEMPORARY') THEN
        RETURN false;
    END IF;
    CREATE TEMPORARY TABLE fraiseql_subs_is_restricted ();
    RAISE SQLSTATE 'FQ002';
EXCEPTION
    WHEN SQLSTATE 'FQ002' THEN RETURN false;
    WHEN insufficient_privilege THEN RETURN true;
END
$$;

-- @extension fraiseql_subs.put_resolver
-- @extension fraiseql_register_resolver
-- @extension fraiseql_unregister_resolver
-- @extension fraiseql_skip
-- @extension fraiseql_resolver_error
-- @extension fraiseql_schema
-- @extension fraiseql_subs.condensed
-- @extension fraiseql_subs.text_list
-- @extension fraiseql_subs.registered_objects
-- @extension fraiseql_subs.wanted_objects
-- @extension fraiseql_subs.replace_objects
-- @extension fraiseql_subs.filter_warnings
-- @extension fraiseql_sync_application
