-- Changes of rows ---------------------------------------------------------------------------------
--
-- fraiseql_capture() has its owner's rights, so that whoever writes to a watched table needs none on
-- events. Code that others wrote must not get them: casts to json and text are made by the owners of
-- types. So a value goes to to_json() only where no such cast can be found; else it is written by its
-- type's output function, which only superusers make.

-- Whether to_json() of a type calls nobody's code but superusers' and the owner's own: whoever owns
-- the types that it is made of could make a cast at any time.
CREATE OR REPLACE FUNCTION fraiseql_subs.is_trusted_type(type oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE made_of (type) AS (
        SELECT $1
        UNION
        SELECT part.type
        FROM made_of AS m JOIN pg_type AS t ON t.oid = m.type, LATERAL (
            SELECT t.typelem WHERE t.typelem <> 0
            UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'
            UNION ALL SELECT a.atttypid FROM pg_attribute AS a
                WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL SELECT r.rngsubtype FROM pg_range AS r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)
        ) AS part (type)
    )
    SELECT NOT EXISTS (
        SELECT FROM made_of AS m JOIN pg_type AS t ON t.oid = m.type JOIN pg_roles AS r ON r.oid = t.typowner
        WHERE t.oid >= 16384 AND r.rolname <> current_user AND NOT r.rolsuper);
$$;

-- Whether that holds for all columns of a table. Most types that are made are enumerations.
CREATE OR REPLACE FUNCTION fraiseql_subs.has_trusted_types(watched oid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
        WHERE a.attrelid = watched AND a.attnum > 0 AND a.atttypid >= 16384
            AND NOT (t.typtype = 'e' AND t.typowner = current_user::regrole)
            AND NOT fraiseql_subs.is_trusted_type(t.oid));
END
$$;

-- Each returns null for what cannot be part of an event.
CREATE OR REPLACE FUNCTION fraiseql_subs.checked_json(value text, levels integer) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF value ~* E'\\\\ud[89a-f]' THEN
        PERFORM value::jsonb;  -- half of a surrogate pair is an error
    END IF;
    IF getdatabaseencoding() <> 'UTF8' THEN
        PERFORM convert_to(value, 'UTF8');
    END IF;
    IF fraiseql_subs.is_too_deep(value, levels) THEN
        RETURN NULL;
    END IF;
    RETURN value;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.value_json(value anyelement) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET DateStyle = ISO SET TimeZone = UTC SET IntervalStyle = postgres SET extra_float_digits = 3
SET bytea_output = hex SET lc_monetary = 'C' SET quote_all_identifiers = off AS $$
BEGIN
    RETURN fraiseql_subs.checked_json(coalesce(to_json(value)::text, 'null'), 498);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION fraiseql_subs.value_text(value anyelement) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET DateStyle = ISO SET TimeZone = UTC SET IntervalStyle = postgres SET extra_float_digits = 3
SET bytea_output = hex SET lc_monetary = 'C' SET quote_all_identifiers = off AS $$
BEGIN
    RETURN fraiseql_subs.checked_json(
        CASE WHEN num_nulls(value) = 1 THEN 'null' ELSE to_json(format('%s', value))::text END, 498);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$$;

-- A row with the settings pinned that its values are written by.
CREATE OR REPLACE FUNCTION fraiseql_subs.pinned_json(value record) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET DateStyle = ISO SET TimeZone = UTC SET IntervalStyle = postgres SET extra_float_digits = 3
SET bytea_output = hex SET lc_monetary = 'C' SET quote_all_identifiers = off AS $$
BEGIN
    RETURN to_json(value)::text;
END
$$;

-- A query of a row, $1, for its values in the order of columns_of().
CREATE OR REPLACE FUNCTION fraiseql_subs.projection(watched oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('SELECT ARRAY[%s]::text[]', string_agg(
        format(CASE WHEN fraiseql_subs.is_trusted_type(a.atttypid) THEN 'fraiseql_subs.value_json(($1).%I)'
                    ELSE 'fraiseql_subs.value_text(($1).%I)' END, a.attname), ', ' ORDER BY a.attnum))
    FROM pg_attribute AS a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped;
$$;

-- The columns of a table, and whether they are of its primary key or replica identity.
CREATE OR REPLACE FUNCTION fraiseql_subs.columns_of(watched oid, OUT names text[], OUT is_key boolean[])
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(a.attname::text ORDER BY a.attnum),
        array_agg(EXISTS (
            SELECT FROM pg_index AS i
            WHERE i.indrelid = $1 AND (i.indisprimary OR i.indisreplident) AND a.attnum = ANY (i.indkey))
            ORDER BY a.attnum)
    FROM pg_attribute AS a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped;
$$;

-- One row of an event, with those columns that `keep` says: `all`, `changed`, `short` or `key`, each of
-- which has what the ones behind it have. Null in `is_lost`: a column of the key cannot be written.
CREATE OR REPLACE FUNCTION fraiseql_subs.row_member(
    member text, names text[], is_key boolean[], contents text[], others text[], keep text,
    OUT body text, OUT omitted text[], OUT is_lost boolean
)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT '{' || coalesce(string_agg(to_json(c.name) || ':' || c.content, ',' ORDER BY c.place)
                           FILTER (WHERE c.is_kept), '') || '}',
        array_agg(member || '.' || c.name ORDER BY c.place) FILTER (WHERE NOT c.is_kept),
        coalesce(bool_or(c.is_key AND c.content IS NULL), false)
    FROM (
        SELECT u.name, u.content, u.place, u.is_key, u.content IS NOT NULL AND (
            keep = 'all' OR u.is_key
            OR keep = 'changed' AND u.content IS DISTINCT FROM u.other
            OR keep IN ('changed', 'short') AND octet_length(u.content) <= 64) AS is_kept
        FROM unnest(names, is_key, contents, others) WITH ORDINALITY AS u (name, is_key, content, other, place)
    ) AS c;
$$;

-- The data of a change that cannot be written as it is, without as few columns as need be; null if not
-- even the key can. docs/operations.md has the stages.
CREATE OR REPLACE FUNCTION fraiseql_subs.reduced_change(
    head text, watched oid, row_contents text[], old_contents text[], OUT data text, OUT is_incomplete boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    allowed CONSTANT integer := (SELECT max_event_size FROM fraiseql_subs.bus);
    columns record;
    stage record;
    one record;
    two record;
    omitted text[];
BEGIN
    SELECT * INTO columns FROM fraiseql_subs.columns_of(watched);
    FOR stage IN SELECT * FROM (VALUES
        ('all', 'all'), ('all', 'changed'), ('changed', 'changed'), ('short', 'short'), ('key', 'key')) AS s (row, old)
    LOOP
        CONTINUE WHEN old_contents IS NULL AND 'changed' IN (stage.row, stage.old);
        SELECT * INTO one FROM fraiseql_subs.row_member(
            'row', columns.names, columns.is_key, row_contents, old_contents, stage.row);
        IF old_contents IS NULL THEN
            two := ROW ('null', NULL::text[], false);
            SELECT 'null' AS body, NULL::text[] AS omitted, false AS is_lost INTO two;
        ELSE
            SELECT * INTO two FROM fraiseql_subs.row_member(
                'old', columns.names, columns.is_key, old_contents, row_contents, stage.old);
        END IF;
        EXIT WHEN one.is_lost OR two.is_lost;
        omitted := two.omitted || one.omitted;
        is_incomplete := omitted IS NOT NULL;
        data := head || ',"row":' || one.body || ',"old":' || two.body
            || coalesce(',"omitted":' || to_json(omitted), '') || '}';
        IF octet_length(data) <= allowed THEN
            RETURN;
        END IF;
    END LOOP;
    data := NULL;
END
$$;

-- The table whose trigger was copied to a partition.
CREATE OR REPLACE FUNCTION fraiseql_subs.watched_parent(partition oid, trigger name) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE line (trigger, relid, parent) AS (
        SELECT t.oid, t.tgrelid, t.tgparentid FROM pg_trigger AS t WHERE t.tgrelid = $1 AND t.tgname = $2
        UNION ALL
        SELECT t.oid, t.tgrelid, t.tgparentid FROM line JOIN pg_trigger AS t ON t.oid = line.parent
    )
    SELECT relid FROM line WHERE parent = 0;
$$;

-- Nothing that goes wrong here fails the write. What can raise an error stands in a block of its own,
-- in which nothing is written: so it takes no transaction number.
CREATE OR REPLACE FUNCTION fraiseql_capture() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $$
DECLARE
    watched oid := TG_RELID;
    is_partition boolean;
    has_types boolean;
    head text;
    row_contents text[];
    old_contents text[];
    data text;
    is_incomplete boolean := false;
BEGIN
    IF TG_WHEN <> 'AFTER' OR (TG_LEVEL = 'ROW') = (TG_OP = 'TRUNCATE') OR TG_NARGS <> 1
        OR coalesce(TG_ARGV[0], '') = '' THEN
        RAISE trigger_protocol_violated USING
            MESSAGE = 'fraiseql_capture() must be AFTER, FOR EACH ROW but for TRUNCATE, and needs one argument, the channel',
            HINT = 'Create its triggers with fraiseql_watch().';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD *= NEW THEN
        RETURN NULL;
    END IF;
    BEGIN
        SELECT c.relispartition, EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = TG_RELID AND a.attnum > 0 AND a.atttypid >= 16384)
        INTO is_partition, has_types
        FROM pg_class AS c WHERE c.oid = TG_RELID;
        IF is_partition THEN
            watched := coalesce(fraiseql_subs.watched_parent(TG_RELID, TG_NAME), TG_RELID);
            SELECT format('%I.%I', n.nspname, c.relname) INTO head
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = watched;
        ELSE
            head := quote_ident(TG_TABLE_SCHEMA) || '.' || quote_ident(TG_TABLE_NAME);
        END IF;
        head := '{"operation":"' || TG_OP || '","table":' || to_json(head);
        IF TG_OP = 'TRUNCATE' THEN
            data := head || ',"row":null,"old":null}';
        ELSIF NOT has_types OR fraiseql_subs.has_trusted_types(TG_RELID) THEN
            IF current_setting('TimeZone') IN ('UTC', 'Etc/UTC', 'GMT') AND current_setting('DateStyle') LIKE 'ISO%'
                AND current_setting('IntervalStyle') = 'postgres' AND current_setting('bytea_output') = 'hex'
                AND current_setting('extra_float_digits') IN ('1', '2', '3')
                AND current_setting('lc_monetary') IN ('C', 'POSIX', 'C.UTF-8') THEN
                data := head || ',"row":' || to_json(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END)::text
                    || ',"old":' || CASE WHEN TG_OP = 'UPDATE' THEN to_json(OLD)::text ELSE 'null' END || '}';
            ELSE
                data := head || ',"row":' || fraiseql_subs.pinned_json(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END)
                    || ',"old":' || CASE WHEN TG_OP = 'UPDATE' THEN fraiseql_subs.pinned_json(OLD) ELSE 'null' END || '}';
            END IF;
            IF octet_length(data) > 1000 OR strpos(data, E'\\u') > 0 OR getdatabaseencoding() <> 'UTF8' THEN
                data := fraiseql_subs.checked_json(data, 500);
            END IF;
            IF octet_length(data) > 1024 AND octet_length(data) > (SELECT max_event_size FROM fraiseql_subs.bus) THEN
                data := NULL;
            END IF;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        data := NULL;
    END;
    IF data IS NULL AND head IS NOT NULL THEN
        BEGIN
            IF TG_OP = 'DELETE' THEN
                EXECUTE fraiseql_subs.projection(TG_RELID) INTO row_contents USING OLD;
            ELSE
                EXECUTE fraiseql_subs.projection(TG_RELID) INTO row_contents USING NEW;
            END IF;
            IF TG_OP = 'UPDATE' THEN
                EXECUTE fraiseql_subs.projection(TG_RELID) INTO old_contents USING OLD;
            END IF;
            SELECT r.data, r.is_incomplete INTO data, is_incomplete
            FROM fraiseql_subs.reduced_change(head, TG_RELID, row_contents, old_contents) AS r;
        EXCEPTION WHEN OTHERS THEN
            data := NULL;
        END;
    END IF;
    IF data IS NULL THEN
        PERFORM fraiseql_subs.append(3::smallint, 0::smallint, NULL, TG_ARGV[0], '1');
    ELSE
        PERFORM fraiseql_subs.append(1::smallint, is_incomplete::integer::smallint, TG_OP, TG_ARGV[0], data);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION fraiseql_capture() IS 'trigger function that fraiseql_watch() uses';
