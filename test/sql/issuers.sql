\set QUIET on
SET client_min_messages = warning;
SELECT plan(143);

CREATE FUNCTION register(arguments text) RETURNS text LANGUAGE sql AS $$
    SELECT 'SELECT fraiseql_register_issuer(' || arguments || ')';
$$;

-- What a refused registration says: SQLSTATE, message, and the rest.
CREATE FUNCTION refusal(arguments text, OUT state text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE register(arguments);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END
$$;

CREATE FUNCTION refuses(arguments text, expected text) RETURNS text LANGUAGE sql AS $$
    SELECT is(state || ' ' || message, '22023 ' || expected, expected || ': ' || left(arguments, 60))
    FROM refusal(arguments);
$$;

CREATE FUNCTION accepts(arguments text) RETURNS text LANGUAGE sql AS $$
    SELECT lives_ok(register(arguments), 'accepted: ' || left(arguments, 60));
$$;

\set secret 0123456789abcdef0123456789abcdef
SELECT set_config('test.secret', :'secret', false);
\set rsa '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}'
\set oct '{"keys": [{"kty": "oct", "k": "AQAB"}]}'
\set pem '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----'

BEGIN;

-- Where keys come from.

SELECT refuses($$NULL, secret => repeat('k', 32)$$, 'name cannot be null or empty');
SELECT refuses($$'', secret => repeat('k', 32)$$, 'name cannot be null or empty');
SELECT refuses($$'a', '', secret => repeat('k', 32)$$, 'issuer cannot be empty');
SELECT refuses($$'a'$$, 'issuer "a" has no key');
SELECT refuses($$'a', previous_secret => repeat('k', 32), previous_until => now()$$,
    'issuer "a" has no key beside previous_secret');
SELECT refuses($$'a', secret => repeat('k', 31)$$, 'secret is too short');
SELECT refuses($$'a', secret => ''$$, 'secret is too short');
SELECT refuses($$'a', secret => repeat('k', 63), algorithms => '{HS256,HS512}'$$, 'secret is too short');
SELECT refuses($$'a', secret => repeat('k', 47), algorithms => '{HS384}'$$, 'secret is too short');
SELECT refuses(
    $$'a', secret => repeat('k', 32), previous_secret => 'short', previous_until => now()$$,
    'previous_secret is too short');
SELECT refuses(
    $$'a', secret => repeat('k', 32), previous_secret => repeat('k', 32)$$,
    'previous_secret and previous_until go together');
SELECT refuses(
    $$'a', secret => repeat('k', 32), previous_until => now()$$,
    'previous_secret and previous_until go together');
SELECT refuses(
    $$'a', secret => repeat('k', 32), previous_secret => repeat('k', 32), previous_until => 'infinity'$$,
    'previous_until cannot be infinity');
SELECT refuses(
    $$'a', secret => repeat('k', 32), previous_secret => repeat('k', 32),
      previous_until => '294276-01-01 00:00+00'::timestamptz$$,
    format('previous_until cannot be %s', '294276-01-01 00:00+00'::timestamptz));
SELECT refuses($$'a', public_key => 'ssh-rsa AAAA'$$, 'public_key is not a public key or certificate in PEM');
SELECT refuses($$'a', public_key => ''$$, 'public_key is not a public key or certificate in PEM');
SELECT accepts($$'a', public_key => E'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'$$);
SELECT refuses(
    $$'a', public_key => E'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'$$,
    'public_key has a private key');
SELECT accepts(format($$'a', public_key => %L$$, :'pem'));
SELECT refuses($$'a', jwks => '{"keys": '$$, 'jwks is not valid JSON');
SELECT refuses($$'a', jwks => ''$$, 'jwks is not valid JSON');
SELECT refuses($$'a', jwks => repeat('[', 100000)$$, 'jwks is not valid JSON');
SELECT refuses($$'a', jwks => '[]'$$, 'jwks is not a set of keys');
SELECT refuses($$'a', jwks => '1'$$, 'jwks is not a set of keys');
SELECT accepts($$'a', jwks => '{"kty": "oct", "k": "AQAB"}', algorithms => '{HS256}'$$);
SELECT refuses($$'a', jwks => '{"keys": {}}'$$, 'jwks is not a set of keys');
SELECT refuses($$'a', jwks => '{"keys": [{"kty": "RSA", "n": "", "e": "", "d": ""}]}'$$, 'jwks has a private key');
SELECT accepts(format($$'a', jwks => %L$$, :'rsa'));
SELECT accepts(format($$'a', jwks => %L$$, :'oct'));
SELECT is(message, 'key file "a.json" cannot be used', 'no file can be had without a directory of them')
FROM refusal($$'a', jwks_file => 'a.json'$$);

-- Addresses.

CREATE FUNCTION url_state(url text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(state || ' ' || message, 'accepted')
    FROM refusal(format($f$'a', jwks_url => %L, audiences => '{me}'$f$, url));
$$;
SELECT is(url_state(url), 'accepted', 'accepted: ' || to_json(url)) FROM (VALUES
    ('https://example.com'), ('https://example.com/'), ('https://login.example.com:8443/keys?v=1&w=%20'),
    ('https://[2001:db8::1]/keys'), ('https://192.0.2.1/keys'), ('https://idp/keys'),
    ('https://example.com/a@b:c'), ('http://127.0.0.1:8080/keys'), ('http://127.255.0.9/'),
    ('http://localhost/keys'), ('http://[::1]:80/keys')) AS allowed (url);
SELECT is(url_state(url), '22023 jwks_url is not allowed', 'refused: ' || to_json(url)) FROM (VALUES
    (''), ('example.com'), ('//example.com/'), ('ftp://example.com/'), ('file:///etc/passwd'),
    ('HTTPS://example.com/'), ('https:/example.com/'), ('https:///keys'), (' https://example.com/'),
    ('https://example.com/ '), (E'https://example.com/\n'), (E'https://exam\tple.com/'),
    (E'https://example.com/\r\nHost: x'), ('https://user@example.com/'), ('https://user:word@example.com/'),
    ('https://example.com/#keys'), ('https://example.com\@evil.example/'), ('https://ex%61mple.com/'),
    ('https://-a.example/'), ('https://a..example/'), ('https://example.com:/keys/%2'),
    ('https://exämple.com/'), ('https://example.com/ä'), ('https://example.com/"'), ('https://[::1/'),
    ('http://example.com/'), ('http://127.0.0.1@evil.example/'), ('http://127.0.0.1.evil.example/'),
    ('http://localhost.evil.example/'), ('http://127.0.0.1:80\@evil.example/'), ('http://127.0.0.1:80@evil/'),
    ('http://127.1/'), ('http://2130706433/'), ('http://127.0.0.256/'), ('http://0127.0.0.1/'),
    ('http://127x0x0x1/'), ('http://[::ffff:127.0.0.1]/'), ('http://128.0.0.1/'), ('http://0.0.0.0/'),
    ('https://example.com:123456/'), ('https://example.com/' || repeat('a', 2048))) AS refused (url);
SET standard_conforming_strings = off;
SELECT is(url_state('http://127x0x0x1/'), '22023 jwks_url is not allowed', 'whatever the session makes of strings');
RESET standard_conforming_strings;
SELECT refuses($$'a', jwks_url => 'https://example.com/'$$, 'jwks_url needs audiences');
SELECT is_empty(
    $$SELECT FROM refusal($f$'a', jwks_url => 'https://user:Passw0rd@example.com/', audiences => '{me}'$f$) AS r
      WHERE r::text LIKE '%Passw0rd%'$$,
    'a password in an address is not repeated');

-- What tokens must be like.

SELECT refuses($$'a', secret => repeat('k', 32), audiences => '{}'$$,
    'audiences must be a list of texts, none of them null or empty');
SELECT refuses($$'a', secret => repeat('k', 32), audiences => '{a,NULL}'$$,
    'audiences must be a list of texts, none of them null or empty');
SELECT refuses($$'a', secret => repeat('k', 32), audiences => '{{a},{b}}'$$,
    'audiences must be a list of texts, none of them null or empty');
SELECT refuses($$'a', secret => repeat('k', 32), algorithms => '{}'$$,
    'algorithms must be a list of texts, none of them null or empty');
SELECT refuses($$'a', secret => repeat('k', 32), algorithms => '{none}'$$, 'algorithm "none" is not known');
SELECT refuses($$'a', secret => repeat('k', 32), algorithms => '{hs256}'$$, 'algorithm "hs256" is not known');
SELECT refuses($$'a', secret => repeat('k', 32), algorithms => '{HS256,RS256}'$$,
    'algorithm "RS256" fits no key of issuer "a"');
SELECT refuses(format($$'a', jwks => %L, algorithms => '{RS256,HS256}'$$, :'rsa'),
    'algorithm "HS256" fits no key of issuer "a"');
SELECT refuses($$'a', jwks_url => 'https://example.com/', audiences => '{me}', algorithms => '{HS256}'$$,
    'algorithm "HS256" fits no key of issuer "a"');
SELECT accepts(format($$'a', jwks => %L, secret => repeat('k', 32), algorithms => '{RS256,HS256}'$$, :'rsa'));
SELECT accepts(format($$'a', jwks => %L, algorithms => '{HS256}'$$, :'oct'));
SELECT accepts($$'a', secret => repeat('k', 64), algorithms => '{HS256,HS384,HS512}'$$);
SELECT refuses($$'a', secret => repeat('k', 32), leeway => NULL$$, 'leeway cannot be null');
SELECT refuses($$'a', secret => repeat('k', 32), leeway => '-1 s'$$, 'leeway cannot be -00:00:01');
SELECT refuses($$'a', secret => repeat('k', 32), leeway => '11 min'$$, 'leeway cannot be 00:11:00');
SELECT accepts($$'a', secret => repeat('k', 32), leeway => '10 min'$$);
SELECT refuses($$'a', secret => repeat('k', 32), require_exp => NULL$$, 'require_exp cannot be null');
SELECT refuses($$'a', secret => repeat('k', 32), preset => 'auth0'$$, 'preset "auth0" is not known');

-- Where claims are.

SELECT refuses($$'a', secret => repeat('k', 32), claims => '[]'$$, 'claims must be a JSON object');
SELECT refuses($$'a', secret => repeat('k', 32), claims => '{"users": "sub"}'$$, 'claims cannot say what "users" is');
SELECT is(url, 'accepted', 'a path: ' || path) FROM (VALUES
    ('sub'), ('https://example.com/user'), ('$'), ('$.a'), ('$.a_1.B'), ('$."a b".c'), ('$."say \"x\" \\"'),
    ('$."\u00e4"'), ('$.ä'), ('$.""')) AS allowed (path),
    LATERAL (SELECT coalesce(min(message), 'accepted') AS url FROM refusal(format(
        $f$'a', secret => repeat('k', 32), claims => %L$f$, jsonb_build_object('user', path)))) AS r;
SELECT is(message, 'claims has no claim for "user": ' || value, 'no path: ' || value) FROM (VALUES
    ('""'), ('1'), ('null'), ('["sub"]'), ('"$a"'), ('"$."'), ('"$.a."'), ('"$..a"'), ('"$.a b"'), ('"$[0]"'),
    ('"$.a[*]"'), ('"$.\"a"'), ('"$.\"a\"b"'), ('"$.\"\\x\""')) AS refused (value),
    LATERAL refusal(format(
        $f$'a', secret => repeat('k', 32), claims => %L$f$, jsonb_build_object('user', value::jsonb)));
ROLLBACK;

-- Registering.

SELECT throws_ok($$SELECT fraiseql_unregister_issuer('a')$$, '42704', 'issuer "a" is not registered',
    'what is not registered cannot be removed');
SELECT accepts($$'a', 'https://a.example', secret => current_setting('test.secret')$$);
SELECT accepts($$'a', 'https://b.example', secret => current_setting('test.secret'), audiences => '{me}'$$);
SELECT results_eq('SELECT issuer, audiences, leeway, require_exp FROM fraiseql_subs.issuer',
    $$VALUES ('https://b.example', '{me}'::text[], interval '30 s', true)$$, 'registering anew replaces all of it');
SELECT accepts($$'b', secret => current_setting('test.secret')$$);
SELECT results_eq($$SELECT * FROM refusal($f$'c', 'https://b.example', secret => current_setting('test.secret')$f$)$$,
    $$VALUES ('23505', 'issuer "a" already has "iss" "https://b.example"', '',
        'To replace it, register it anew by its name; one issuer can have several keys.')$$,
    'an "iss" is one issuer''s');
SELECT is(message, 'issuer "b" already is the one for tokens whose "iss" no other has', 'and so is none')
FROM refusal($$'c', secret => current_setting('test.secret')$$);

-- Secrets.

SELECT is_empty(format($$
    SELECT arguments FROM (VALUES
        ('NULL'), ('''a'', algorithms => ''{HS512}'''), ('''a'', algorithms => ''{RS256}'''), ('''a'', leeway => NULL'),
        ('''a'', require_exp => NULL'), ('''a'', claims => ''[]'''), ('''a'', preset => '''''), ('''c''')) AS tried (arguments),
        LATERAL refusal(arguments || $f$, secret => current_setting('test.secret')$f$) AS r
    WHERE r.state IS NULL OR r::text LIKE '%%' || %L || '%%'$$, :'secret'), 'no refusal repeats a secret');
CREATE ROLE registrar;
CREATE ROLE everything IN ROLE pg_read_all_data, pg_write_all_data, pg_monitor;
GRANT USAGE ON SCHEMA fraiseql_subs TO registrar;
GRANT EXECUTE ON FUNCTION fraiseql_register_issuer, fraiseql_unregister_issuer TO registrar;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO registrar, everything;
SET ROLE registrar;
SELECT accepts($$'c', 'https://c.example', secret => repeat('k', 32)$$);
SELECT throws_ok('SELECT FROM fraiseql_subs.issuer', '42501', NULL, 'who registers issuers cannot read them');
RESET ROLE;
SET ROLE everything;
SELECT is_empty('SELECT * FROM fraiseql_subs.issuer', 'nor can who may read all tables');
SELECT throws_ok($$INSERT INTO fraiseql_subs.issuer (name, secret, leeway, require_exp) VALUES ('d', '', '0', true)$$,
    '42501', NULL, 'nor write them, who may write all');
UPDATE fraiseql_subs.issuer SET secret = repeat('x', 32);
DELETE FROM fraiseql_subs.issuer;
RESET ROLE;
SELECT results_eq('SELECT name, secret = repeat(''x'', 32) FROM fraiseql_subs.issuer ORDER BY name',
    $$VALUES ('a', false), ('b', false), ('c', false)$$, 'change them, or remove them');
SELECT fraiseql_unregister_issuer(name) FROM fraiseql_subs.issuer;
SELECT is_empty('SELECT FROM fraiseql_subs.issuer', 'what is unregistered is gone');

DROP OWNED BY registrar, everything;
DROP ROLE registrar, everything;
SELECT * FROM finish();
