"""Types of columns, and literals for them: ordinary ones, those at the limits and wrong ones."""

INTEGERS = ["0", "1", "-1", "2", "7", "42", "1000"]

# Each is what stands in a statement.
LITERALS = {
    "smallint": [*INTEGERS, "32767", "-32768"],
    "int": [*INTEGERS, "2147483647", "-2147483648"],
    "bigint": [*INTEGERS, "9223372036854775807", "-9223372036854775808", "9007199254740993"],
    "numeric": [
        *INTEGERS,
        "1.50",
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "1e-40",
        "12345678901234567890123456789012345678.000001",
        "power(10::numeric, 400)",
    ],
    "numeric(5,2)": [*INTEGERS, "999.99", "-0.004"],
    "float8": [*INTEGERS, "0.1", "1e308", "'NaN'", "'-Infinity'", "'-0'"],
    "real": [*INTEGERS, "0.1", "3.4e38", "'NaN'", "16777217"],
    "boolean": ["true", "false"],
    "text": [
        "''",
        "'pen'",
        "'größer 漢字 🎉'",
        r"""E'\t\n\r\\"''/\x01\x1f\x7f'""",
        "E'\\u2028\\u2029</script>'",
        "repeat('a', 3000)",
        "repeat('é\"', 9000)",
        "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 700) AS i)",
    ],
    "varchar(5)": ["''", "'abc'", "'ab   '", "'漢字漢字漢'"],
    "char(4)": ["''", "'a'", "'abcd'"],
    "bytea": [r"'\x'", r"'\x00ff'", "decode(repeat('00', 2000), 'hex')"],
    "date": ["'2024-02-29'", "'infinity'", "'-infinity'", "'0044-03-15 BC'"],
    "timestamptz": [
        "'2024-02-29 12:00:00.000001+02'",
        "'infinity'",
        "'4713-01-01 BC'",
        "'294276-01-01'",
    ],
    "timestamp": ["'2024-02-29 12:00'", "'-infinity'"],
    "interval": ["'1 mon -3 days 00:00:00.5'", "'-178000000 years'", "'0'"],
    "time": ["'00:00'", "'24:00'"],
    "uuid": ["'00000000-0000-0000-0000-000000000000'", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    "jsonb": [
        "'null'",
        "'1'",
        "'[]'",
        """'{"a": [1, 2.50, {"b": "\\u00e9\\\\"}], "": null}'""",
        "'1e400'",
        "to_jsonb(repeat('x', 5000))",
    ],
    "json": [
        "'null'",
        """' { "b" : 1 , "a" : [ ] } '""",
        """'{"a": 1, "a": 2}'""",
        r"""'"\u0041"'""",
        # json, not jsonb, takes what is no text elsewhere: half of a character.
        r"""'"\ud800"'""",
    ],
    "int[]": ["'{}'", "'{1,NULL,-3}'", "'{{1,2},{3,4}}'", "'[-1:1]={1,2,3}'"],
    "text[]": ["'{}'", """'{"a,b","\\"",NULL,""}'"""],
    "inet": ["'192.168.0.1/24'", "'::1'"],
    "int4range": ["'[1,5)'", "'empty'", "'(,)'"],
    "int4multirange": ["'{}'", "'{[1,3),[7,9)}'"],
    "bit varying(8)": ["B''", "B'10101'"],
    "point": ["'(1,2)'", "'(NaN,Infinity)'"],
    "money": ["'1.00'", "'-92233720368547758.08'"],
    "tsvector": ["'a fat cat'", "''"],
    "xml": ["'<a b=\"1\">&amp;</a>'"],
    "mood": ["'sad'", "'ok'"],
    "pair": ["ROW(1, 'one')", "ROW(NULL, NULL)", "NULL"],
    "positive": ["1", "2147483647"],
    "pair[]": ["'{}'", "ARRAY[ROW(1, 'a,b')::pair, NULL]"],
    "oid": ["0", "4294967295"],
    "name": ["'pg_class'", "repeat('n', 70)"],
}

# What does not fit: statements have to fail, too.
WRONG = {
    "smallint": "32768",
    "int": "2147483648",
    "bigint": "9223372036854775808",
    "numeric(5,2)": "999.995",
    "float8": "1e309",
    "varchar(5)": "'abcdef'",
    "char(4)": "'abcde'",
    "date": "'2023-02-29'",
    "timestamptz": "'294277-01-01'",
    "timestamp": "'294277-01-01'",
    "time": "'25:00'",
    "uuid": "'no'",
    "jsonb": "'{'",
    "int[]": "'{1,{2}}'",
    "inet": "'no'",
    "int4range": "'[5,1)'",
    "bit varying(8)": "B'101010101'",
    "xml": "'<a'",
    "mood": "'furious'",
    "positive": "0",
}

# Types of the schema itself.
DEFINITIONS = [
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE TYPE pair AS (number int, word text)",
    "CREATE DOMAIN positive AS int CHECK (value > 0)",
]

# Of these a column can be in a UNIQUE constraint, and hold small numbers that conflict.
INTEGER_TYPES = ("smallint", "int", "bigint")


def literal(rng, type):
    choice = rng.random()
    if choice < 0.02 and type in WRONG:
        return WRONG[type]
    return "NULL" if choice < 0.1 else rng.choice(LITERALS[type])
