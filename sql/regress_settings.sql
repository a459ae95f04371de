CREATE EXTENSION fraiseql_subs;
SELECT name, setting, unit, context, vartype, min_val, max_val, enumvals
FROM pg_settings WHERE name LIKE 'fraiseql_subs.%' AND name NOT IN ('fraiseql_subs.database', 'fraiseql_subs.port', 'fraiseql_subs.ring_size')
ORDER BY name;
SELECT name, context, vartype, boot_val, unit, min_val, max_val
FROM pg_settings WHERE name IN ('fraiseql_subs.database', 'fraiseql_subs.port', 'fraiseql_subs.ring_size')
ORDER BY name;
SELECT count(*) FROM pg_settings WHERE name LIKE 'fraiseql_subs.%' AND short_desc = '';

-- What a check refuses
ALTER SYSTEM SET fraiseql_subs.database = '';
ALTER SYSTEM SET fraiseql_subs.database = 'a_name_that_is_longer_than_any_that_PostgreSQL_gives_to_a_database';
ALTER SYSTEM SET fraiseql_subs.listen_address = 'localhost';
ALTER SYSTEM SET fraiseql_subs.listen_address = '127.0.0.1,::1';
ALTER SYSTEM SET fraiseql_subs.listen_address = '';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'app.example.com';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://a.example, https://b.example/';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://App.example.com';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://app.example.com:443';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://a.example:4443x';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://a.example https://b.example';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://a.example,';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'wss://app.example.com';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://user@app.example.com';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://*';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'null';
ALTER SYSTEM SET fraiseql_subs.keepalive_interval = '99ms';
ALTER SYSTEM SET fraiseql_subs.stuck_timeout = '4999ms';
ALTER SYSTEM SET fraiseql_subs.overflow = 'drop';
ALTER SYSTEM SET fraiseql_subs.log_level = 'chatty';
ALTER SYSTEM SET fraiseql_subs.allow_anonymous = 'perhaps';

-- What it takes
ALTER SYSTEM SET fraiseql_subs.allowed_origins = '';
ALTER SYSTEM SET fraiseql_subs.allowed_origins = 'https://a.example, https://*.b.example:8443,http://[::1]:3000';
ALTER SYSTEM RESET fraiseql_subs.allowed_origins;

-- Each number below and above its range
\set VERBOSITY sqlstate
SELECT format('ALTER SYSTEM SET %s = %L', name, value || coalesce(unit, ''))
FROM pg_settings,
     LATERAL (VALUES (min_val::bigint - 1), (max_val::bigint + 1)) AS beyond (value)
WHERE name LIKE 'fraiseql_subs.%' AND vartype = 'integer'
ORDER BY name, value
\gexec
SET fraiseql_subs.port = 5000;
SET fraiseql_subs.max_connections = 5;
SET fraiseql_subs.no_such_setting = 1;

-- What a session may not set for itself
CREATE ROLE regress_plain;
SET ROLE regress_plain;
SET fraiseql_subs.overflow = 'error';
SET fraiseql_subs.overflow_timeout = '1min';
SET fraiseql_subs.max_event_size = '2MB';
SET fraiseql_subs.max_transaction_size = '1GB';
SET fraiseql_subs.transaction_memory = '1GB';
RESET ROLE;
DROP ROLE regress_plain;

DROP EXTENSION fraiseql_subs;
