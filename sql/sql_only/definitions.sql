-- Definitions -------------------------------------------------------------------------------------
--
-- Whether they are valid GraphQL and fit together, nodes find out when they load them. What is done
-- here is to tell one from another, and each one's name.

CREATE OR REPLACE FUNCTION fraiseql_subs.refuse_sdl(problem text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE invalid_object_definition USING MESSAGE = 'the definition is not valid', DETAIL = problem;
END
$$;

-- The tokens of an SDL document in their order, those without a meaning too: all together they are
-- the document. `kind` is n for a name, s for a string, i for what is ignored, p for the rest.
CREATE OR REPLACE FUNCTION fraiseql_subs.sdl_tokens(sdl text) RETURNS TABLE (place bigint, token text, kind text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.place, m.token[1],
        CASE WHEN m.token[1] ~ '^[_A-Za-z]' THEN 'n' WHEN m.token[1] ~ '^"' THEN 's'
             WHEN m.token[1] ~ E'^(#|[\\s,\uFEFF])' THEN 'i' ELSE 'p' END
    FROM regexp_matches(sdl,
        E'"""(?:[^"\\\\]|\\\\"""|\\\\(?!""")|"(?!""))*"""'
        '|"(?:[^"\\\\\\n]|\\\\.)*"|#[^\\n\\r]*|[_A-Za-z][_0-9A-Za-z]*|[\\s,\uFEFF]+|.', 'g')
        WITH ORDINALITY AS m (token, place);
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.split_types(sdl text) RETURNS TABLE (name text, definition text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    kinds CONSTANT text[] := '{type,interface,union,enum,input,scalar,directive,extend,schema}';
    composed CONSTANT text[] := '{Query,Mutation,Subscription,SubscriptionField,_Service,FraiseqlRenewal}';
    opened text;  -- the brackets that are open
    previous text;
    keyword text;  -- of the definition being read, null before it
    is_extension boolean;
    text_so_far text;
    pending text;  -- ignored tokens behind it
    one record;
    names text[] := '{}';
BEGIN
    opened := '';
    text_so_far := '';
    pending := '';
    FOR one IN SELECT * FROM fraiseql_subs.sdl_tokens($1)
               UNION ALL SELECT NULL, NULL, 'end' ORDER BY place NULLS LAST LOOP
        IF one.kind = 'i' THEN
            pending := pending || one.token;
            CONTINUE;
        END IF;
        -- A definition begins at its description or its keyword.
        IF one.kind = 'end' OR opened = '' AND name IS NOT NULL AND (one.kind = 's' OR one.kind = 'n'
            AND one.token = ANY (kinds) AND previous NOT IN ('@', '|', '=', '&', 'implements', 'on')) THEN
            IF opened <> '' THEN
                PERFORM fraiseql_subs.refuse_sdl('A bracket is not closed.');
            END IF;
            IF name IS NOT NULL THEN
                definition := text_so_far;
                IF name = ANY (names) THEN
                    RAISE duplicate_object USING MESSAGE = format('type "%s" is defined twice', name);
                END IF;
                names := names || name;
                RETURN NEXT;
            ELSIF text_so_far <> '' THEN
                PERFORM fraiseql_subs.refuse_sdl(format('"%s" is not a definition.', left(text_so_far, 60)));
            END IF;
            EXIT WHEN one.kind = 'end';
            name := NULL;
            keyword := NULL;
            text_so_far := '';
            pending := '';
        END IF;
        IF keyword IS NULL AND one.kind = 'n' THEN
            IF one.token <> ALL (kinds) THEN
                PERFORM fraiseql_subs.refuse_sdl(format('"%s" is not a definition.', one.token));
            END IF;
            keyword := one.token;
            is_extension := keyword = 'extend';
        ELSIF keyword IS NULL AND one.kind = 'p' THEN
            PERFORM fraiseql_subs.refuse_sdl(format('"%s" stands where a definition should begin.', one.token));
        ELSIF name IS NULL AND one.kind = 'n' THEN
            IF is_extension THEN
                IF one.token <> 'schema' THEN
                    PERFORM fraiseql_subs.refuse_sdl('A type cannot be extended: register it anew, whole.');
                END IF;
                name := 'schema';
            ELSE
                name := CASE WHEN keyword = 'directive' THEN '@' ELSE '' END || one.token;
                IF name = ANY (composed) OR name = 'schema' THEN
                    PERFORM fraiseql_subs.refuse_sdl(format('"%s" is composed and cannot be registered.', name));
                END IF;
            END IF;
        ELSIF keyword = 'schema' THEN
            PERFORM fraiseql_subs.refuse_sdl('The schema definition is composed and cannot be registered.');
        ELSIF one.token IN ('{', '(', '[') THEN
            opened := opened || one.token;
        ELSIF one.token IN ('}', ')', ']') THEN
            IF right(opened, 1) <> translate(one.token, '})]', '{([') THEN
                PERFORM fraiseql_subs.refuse_sdl(format('"%s" closes nothing.', one.token));
            END IF;
            opened := left(opened, -1);
        END IF;
        text_so_far := CASE WHEN text_so_far = '' THEN '' ELSE text_so_far || pending END || one.token;
        pending := '';
        previous := one.token;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.field_name(field text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first record;
BEGIN
    SELECT t.token, t.kind INTO first FROM fraiseql_subs.sdl_tokens(field) AS t
    WHERE t.kind NOT IN ('i', 's') ORDER BY t.place LIMIT 1;
    IF first.kind IS DISTINCT FROM 'n' OR field !~ ':' THEN
        PERFORM fraiseql_subs.refuse_sdl(format('"%s" is not a field, as in "orderUpdated(id: ID): Order".', field));
    END IF;
    RETURN first.token;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.compose_schema(definitions text, fields text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws(E'\n\n', definitions,
        CASE WHEN cardinality(fields) > 0 THEN E'type Subscription {\n  ' || array_to_string(fields, E'\n  ') || E'\n}\n' END);
$$;

-- The extension's has the same parameters. Here it is a node's.
CREATE OR REPLACE FUNCTION fraiseql_subs.check_catalog(
    types text DEFAULT NULL, field text DEFAULT NULL, removed text DEFAULT NULL, scope text[] DEFAULT NULL
) RETURNS void
LANGUAGE sql AS $$ $$;
