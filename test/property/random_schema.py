"""Random tables with constraints, partitions and triggers, as statements that name no schema."""

from dataclasses import dataclass, field

from random_values import INTEGER_TYPES, LITERALS

# Triggers fire in the order of their names. These come before those of the product and of foreign
# keys, between them, and after both: what a user calls his must not matter.
NAMES = ("AAA", "aaa", "zzz")


@dataclass
class Table:
    name: str
    key: list  # columns of the primary key; the first is called id
    columns: dict  # types of the others that can be written
    generated: dict = field(default_factory=dict)
    partitions: list = field(default_factory=list)
    statements: list = field(default_factory=list)
    parent: str = None  # the table that it refers to
    is_deleted_by_cascade: bool = False
    is_unique_at_any_time: bool = True  # the key; otherwise at the end of the transaction

    def of_type(self, *types):
        return [name for name, type in self.columns.items() if type in types]


def random_tables(rng):
    """Tables, each with the statements that create it; a table refers only to those before it."""
    tables = []
    for number in range(rng.randint(2, 4)):
        table = Table(f"t{number}", ["id"], {})
        if rng.random() < 0.25:
            table.key.append("part")
        for i in range(rng.randint(2, 7)):
            table.columns[f"c{i}"] = rng.choice(sorted(LITERALS))
        # Something to count with, and something to refer with.
        table.columns["n"] = rng.choice(INTEGER_TYPES)
        table.columns["parent"] = "int"
        _create(rng, table, tables)
        tables.append(table)
    for table in tables:
        table.statements.append(
            f"CREATE FUNCTION count_{table.name}(which int) RETURNS SETOF numeric LANGUAGE sql AS"
            f" $$ UPDATE {table.name} SET n = n + 1 WHERE id = which RETURNING n $$"
        )
        _add_triggers(rng, table, tables)
    return tables


def _create(rng, table, earlier):
    parts = ["id int NOT NULL"]
    if "part" in table.key:
        parts.append("part text NOT NULL DEFAULT 'a'")
    for name, type in table.columns.items():
        default = f" DEFAULT {LITERALS[type][0]}"
        constraint = rng.choices(["", f" NOT NULL{default}", default], [8, 1, 2])[0]
        parts.append(f"{name} {type}{constraint}")
    if rng.random() < 0.4:
        table.generated["g"] = "bigint"
        parts.append("g bigint GENERATED ALWAYS AS (n::bigint * 2 + id) STORED")
    deferral = rng.choice(["", "", " DEFERRABLE", " DEFERRABLE INITIALLY DEFERRED"])
    partitioned = rng.random() < 0.3
    if partitioned:
        deferral = ""  # ON CONFLICT would never have an arbiter
    table.is_unique_at_any_time = not deferral
    parts.append(f"PRIMARY KEY ({', '.join(table.key)}){deferral}")
    if rng.random() < 0.3 and not partitioned:
        parts.append(f"UNIQUE (n){rng.choice(['', ' DEFERRABLE INITIALLY DEFERRED'])}")
    if rng.random() < 0.3:
        parts.append("CHECK (n <> 42)")
    if rng.random() < 0.7:
        targets = [
            each for each in [*earlier, table] if each.key == ["id"] and each.is_unique_at_any_time
        ]
        if targets:
            target = table.parent = rng.choice(targets).name
            actions = ["NO ACTION", "RESTRICT", "CASCADE", "CASCADE", "SET NULL", "SET DEFAULT"]
            on_delete = rng.choice(actions)
            table.is_deleted_by_cascade = on_delete == "CASCADE"
            parts.append(
                f"FOREIGN KEY (parent) REFERENCES {target}"
                f" ON DELETE {on_delete} ON UPDATE {rng.choice(actions)}"
                f"{rng.choice(['', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED'])}"
            )
    create = f"CREATE TABLE {table.name} ({', '.join(parts)})"
    if partitioned:
        _partition(rng, table, create)
    else:
        table.statements.append(f"{create} WITH (fillfactor = {rng.choice([10, 70, 100])})")
        if rng.random() < 0.2:
            table.statements.append(f"ALTER TABLE {table.name} REPLICA IDENTITY FULL")


def _partition(rng, table, create):
    name = table.name
    kind = rng.choice(["RANGE", "LIST", "HASH"])
    table.statements.append(f"{create} PARTITION BY {kind} (id)")
    bounds = {
        "RANGE": ["FROM (MINVALUE) TO (8)", "FROM (8) TO (15)", "FROM (15) TO (25)"],
        "LIST": ["IN (1, 2, 3, 4, 5)", "IN (6, 7, 8, 9, 10, 11, 12)", "IN (13, 14, 15, 16)"],
        "HASH": ["WITH (MODULUS 2, REMAINDER 0)", "WITH (MODULUS 2, REMAINDER 1)"],
    }[kind]
    for i, bound in enumerate(bounds):
        child = f"{name}_p{i}"
        below = ""
        if i == 0 and rng.random() < 0.5:
            below = " PARTITION BY HASH (id)"
        table.statements.append(
            f"CREATE TABLE {child} PARTITION OF {name} FOR VALUES {bound}{below}"
        )
        if below:
            table.statements += [
                f"CREATE TABLE {child}_{j} PARTITION OF {child}"
                f" FOR VALUES WITH (MODULUS 2, REMAINDER {j})"
                for j in range(2)
            ]
        table.partitions.append(child)
    if kind != "HASH" and rng.random() < 0.5:
        table.statements.append(f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT")
        table.partitions.append(f"{name}_rest")


def _add_triggers(rng, table, tables):
    for number in range(rng.choice([0, 0, 1, 1, 2, 3])):
        make = rng.choice(TRIGGERS)
        if make is _makes_the_parent_before and table.partitions:
            continue  # changing a key can insert there
        prefix = rng.choice(NAMES)
        body, when = make(rng, table, tables)
        function = f"{prefix}_{table.name}_{number}"
        table.statements += [
            f'CREATE FUNCTION "{function}"() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$',
            when.format(
                trigger=f'TRIGGER "{function}"',
                table=table.name,
                execute=f'EXECUTE FUNCTION "{function}"()',
            ),
        ]


# Each makes the body of a trigger function and the statement that creates the trigger.


def _changes_the_new_row(rng, table, tables):
    return (
        "BEGIN IF NEW.id % 3 = 0 THEN NEW.n := coalesce(NEW.n, 0) + 1; END IF; RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _suppresses_rows(rng, table, tables):
    return (
        "BEGIN IF (coalesce(NEW.id, OLD.id)) % 5 = 0 THEN RETURN NULL; END IF;"
        " RETURN coalesce(NEW, OLD); END",
        "CREATE {trigger} BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW {execute}",
    )


def _changes_other_rows_before(rng, table, tables):
    return (
        f"BEGIN IF pg_trigger_depth() < 2 THEN UPDATE {table.name} SET n = n + 1"
        " WHERE id = NEW.id + 1; END IF; RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _changes_changed_rows_before(rng, table, tables):
    depth, rows = (
        rng.choice([2, 3]),
        rng.choice(["= NEW.id - 1", "BETWEEN NEW.id - 3 AND NEW.id - 1"]),
    )
    return (
        f"BEGIN IF pg_trigger_depth() < {depth} THEN UPDATE {table.name} SET n = n + 1"
        f" WHERE id {rows}; END IF; RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _makes_room_before(rng, table, tables):
    return (
        f"BEGIN UPDATE {table.name} SET n = n + 1 WHERE id = NEW.id - 1;"
        f" DELETE FROM {table.name} WHERE id = NEW.id; RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT ON {table} FOR EACH ROW {execute}",
    )


def _makes_the_parent_before(rng, table, tables):
    # A statement that frees keys sets no parent above 0. A row that takes a key while the statement
    # runs that freed it is told too early (docs/data-path.md, Order).
    other = table.parent or rng.choice(tables).name
    return (
        "BEGIN IF pg_trigger_depth() < 3 AND NEW.parent > 0 THEN"
        f" INSERT INTO {other} (id, n) VALUES (NEW.parent, 3) ON CONFLICT DO NOTHING;"
        f" UPDATE {other} SET n = n + 1 WHERE id = NEW.parent AND id <> NEW.id; END IF;"
        " RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT ON {table} FOR EACH ROW {execute}",
    )


def _survives_errors_before(rng, table, tables):
    return (
        "BEGIN IF pg_trigger_depth() < 2 THEN"
        f" BEGIN UPDATE {table.name} SET n = n + 1 WHERE id = NEW.id - 1;"
        " PERFORM 1 / (NEW.id % 2); EXCEPTION WHEN division_by_zero THEN"
        f" UPDATE {table.name} SET n = n - 1 WHERE id = NEW.id - 2; END; END IF; RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _replaces_the_row_before(rng, table, tables):
    return (
        f"BEGIN DELETE FROM {table.name} WHERE id = NEW.id AND n > 10; RETURN NEW; END",
        "CREATE {trigger} BEFORE INSERT ON {table} FOR EACH ROW {execute}",
    )


def _changes_the_same_row_after(rng, table, tables):
    return (
        f"BEGIN IF pg_trigger_depth() < 2 THEN UPDATE {table.name} SET n = n + 1"
        " WHERE id IN (NEW.id, NEW.id + 1); END IF; RETURN NULL; END",
        "CREATE {trigger} AFTER INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _deletes_the_row_after(rng, table, tables):
    return (
        f"BEGIN IF NEW.id % 4 = 0 THEN DELETE FROM {table.name} WHERE id = NEW.id; END IF;"
        " RETURN NULL; END",
        "CREATE {trigger} AFTER INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _writes_another_table_after(rng, table, tables):
    target = rng.choice(tables)
    other = target.name
    insert = (
        f" INSERT INTO {other} (id, n) VALUES (coalesce(NEW.id, OLD.id) + 1, 5)"
        " ON CONFLICT DO NOTHING;"
    )
    # Here, too, a key could be taken that the statement has just freed.
    if target.is_deleted_by_cascade:
        insert = ""
    return (
        f"BEGIN IF pg_trigger_depth() < 3 THEN{insert}"
        f" UPDATE {other} SET n = n - 1 WHERE id = coalesce(NEW.id, OLD.id); END IF;"
        " RETURN NULL; END",
        "CREATE {trigger} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW {execute}",
    )


def _writes_at_the_end_of_the_statement(rng, table, tables):
    return (
        f"BEGIN IF pg_trigger_depth() < 2 THEN UPDATE {table.name} SET n = n + 1"
        " WHERE id IN (SELECT id FROM changed); END IF; RETURN NULL; END",
        "CREATE {trigger} AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT {execute}",
    )


def _writes_before_the_statement(rng, table, tables):
    return (
        f"BEGIN IF pg_trigger_depth() < 2 THEN UPDATE {table.name} SET n = n + 1 WHERE id = 3;"
        " END IF; RETURN NULL; END",
        "CREATE {trigger} BEFORE INSERT OR UPDATE OR DELETE ON {table}"
        " FOR EACH STATEMENT {execute}",
    )


def _writes_at_the_end_of_the_transaction(rng, table, tables):
    return (
        f"BEGIN UPDATE {table.name} SET n = 6 WHERE id = NEW.id AND n IS DISTINCT FROM 6;"
        " RETURN NULL; END",
        "CREATE CONSTRAINT {trigger} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW {execute}",
    )


def _refuses_some_rows_after(rng, table, tables):
    return (
        "BEGIN IF NEW.n = 7 THEN RAISE 'no sevens' USING ERRCODE = 'P0777'; END IF;"
        " RETURN NULL; END",
        "CREATE {trigger} AFTER INSERT OR UPDATE ON {table} FOR EACH ROW {execute}",
    )


def _survives_errors_after(rng, table, tables):
    return (
        f"BEGIN BEGIN UPDATE {table.name} SET n = n + 1 WHERE id = OLD.id + 1;"
        " PERFORM 1 / (OLD.id % 2); EXCEPTION WHEN division_by_zero THEN NULL; END;"
        " RETURN NULL; END",
        "CREATE {trigger} AFTER DELETE ON {table} FOR EACH ROW {execute}",
    )


def _fills_after_truncate(rng, table, tables):
    return (
        f"BEGIN INSERT INTO {table.name} (id, n) VALUES (1, 1) ON CONFLICT DO NOTHING;"
        " RETURN NULL; END",
        "CREATE {trigger} AFTER TRUNCATE ON {table} FOR EACH STATEMENT {execute}",
    )


TRIGGERS = [
    _changes_the_new_row,
    _suppresses_rows,
    _changes_other_rows_before,
    _changes_changed_rows_before,
    _makes_room_before,
    _makes_the_parent_before,
    _survives_errors_before,
    _replaces_the_row_before,
    _changes_the_same_row_after,
    _deletes_the_row_after,
    _writes_another_table_after,
    _writes_at_the_end_of_the_statement,
    _writes_before_the_statement,
    _writes_at_the_end_of_the_transaction,
    _refuses_some_rows_after,
    _survives_errors_after,
    _fills_after_truncate,
]
