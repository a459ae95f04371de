-- Issuers and limits ------------------------------------------------------------------------------

-- A file would be the database server's, whose files nobody may read; a node has keys at a URL.
CREATE OR REPLACE FUNCTION fraiseql_subs.read_key_file(file text) RETURNS text
LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE feature_not_supported USING
        MESSAGE = 'jwks_file needs the extension', HINT = 'Give jwks or jwks_url.';
END
$$;

-- @extension fraiseql_subs.keys_of
-- @extension fraiseql_subs.check_jwks_url
-- @extension fraiseql_subs.check_secret
-- @extension fraiseql_subs.check_texts
-- @extension fraiseql_subs.check_claims
-- @extension fraiseql_subs.check_algorithms
-- @extension fraiseql_subs.check_issuer
-- @extension fraiseql_register_issuer
-- @extension fraiseql_unregister_issuer

-- Raises an error if `value`, which may be null, is no limit: contract/limit.hpp has what is one.
CREATE OR REPLACE FUNCTION fraiseql_subs.check_limit_value(key text, value text, is_rate boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number CONSTANT text := '(0|[1-9][0-9]{0,8}|1000000000)';
    burst CONSTANT text := ' +burst +([1-9][0-9]{0,8}|1000000000)';
    problem text;
BEGIN
    IF coalesce(value, '') = '' THEN
        RETURN;
    END IF;
    IF NOT is_rate THEN
        IF value !~ ('^' || number || '$') THEN
            problem := 'It must be a number from 0 to 1000000000.';
        END IF;
    ELSIF value !~ ('^' || number || '/(s|min|h)( |$)') AND value <> '0' THEN
        problem := 'It must be a number from 0 to 1000000000 with "/s", "/min" or "/h" behind it.';
    ELSIF value !~ ('^' || number || '/(s|min|h)(' || burst || ')?$') AND value <> '0' THEN
        problem := 'Behind the rate nothing may stand but "burst" and a number from 1 to 1000000000.';
    ELSIF value ~ '^0/.*burst' THEN
        problem := 'What is never allowed cannot have a burst.';
    END IF;
    IF problem IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('invalid value "%s" of %s', value, key), DETAIL = problem,
            HINT = CASE WHEN is_rate THEN 'Rates are written as in "100/s", "600/min" or "5000/h burst 200"; 0 is none.'
                        ELSE '0 is none.' END;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.check_limit(key text, value text, is_of_role boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    known CONSTANT text[] := '{connections_per_user,connections_per_address,connections_per_tenant,'
        'new_connections_per_address,subscriptions_per_user,subscriptions_created_per_user,'
        'events_per_subscription,events_per_user,messages_per_connection}';
BEGIN
    IF key <> ALL (known) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('there is no limit "%s"', key),
            DETAIL = format('There are %s.', array_to_string(known, ', '));
    END IF;
    IF is_of_role AND right(key, 12) = '_per_address' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s cannot be the limit of a role', key),
            DETAIL = 'It counts before it is known who connects.',
            HINT = 'Set it for everybody: the role is null.';
    END IF;
    PERFORM fraiseql_subs.check_limit_value(key, value, key NOT IN (
        'connections_per_user', 'connections_per_address', 'connections_per_tenant', 'subscriptions_per_user'));
END
$$;

-- @extension fraiseql_set_limits
-- @extension fraiseql_limits
