"""Random statements that write to random tables."""

from random_values import literal


class Writer:
    """Makes one statement after another, and keeps to what makes sense in a transaction."""

    def __init__(self, rng, tables):
        self.rng = rng
        self.tables = tables
        self.in_transaction = False
        self.savepoints = 0
        self.writes = [
            (self.insert, 6),
            (self.insert_series, 2),
            (self.upsert, 4),
            (self.update, 6),
            (self.update_key, 3),
            (self.update_from, 2),
            (self.delete, 3),
            (self.delete_using, 1),
            (self.merge, 3),
            (self.with_writes, 2),
            (self.truncate, 1),
            (self.block, 2),
            (self.cursor, 1),
            (self.copy, 2),
            (self.large, 1),
        ]

    def next(self, is_aborted):
        """A statement; a pair is a COPY and its input.

        :param is_aborted: whether the transaction can only be rolled back, as far as a savepoint.
        """
        if is_aborted and self.rng.random() < 0.9:
            if self.savepoints and self.rng.random() < 0.5:
                self.savepoints = self.rng.randint(1, self.savepoints)
                return f"ROLLBACK TO s{self.savepoints}"
            return self.end("ROLLBACK")
        if self.rng.random() < 0.25:
            return self.control()
        makers, weights = zip(*self.writes, strict=True)
        return self.rng.choices(makers, weights)[0]()

    def quiesce(self):
        """Statements that end what is open."""
        return [self.end()] if self.in_transaction else []

    def end(self, how=None):
        self.in_transaction = False
        self.savepoints = 0
        return how or self.rng.choice(["COMMIT", "COMMIT", "ROLLBACK"])

    def control(self):
        if not self.in_transaction:
            self.in_transaction = True
            level = self.rng.choice(
                ["", "", " ISOLATION LEVEL REPEATABLE READ", " ISOLATION LEVEL SERIALIZABLE"]
            )
            return f"BEGIN{level}"
        choice = self.rng.random()
        if choice < 0.3:
            return self.end()
        if choice < 0.4:
            return f"SET CONSTRAINTS ALL {self.rng.choice(['DEFERRED', 'IMMEDIATE'])}"
        if choice < 0.45:
            return f"SET LOCAL session_replication_role = {self.rng.choice(['replica', 'origin'])}"
        if choice < 0.75 or self.savepoints == 0:
            self.savepoints += 1
            return f"SAVEPOINT s{self.savepoints}"
        at = self.rng.randint(1, self.savepoints)
        if choice < 0.85:
            self.savepoints = at - 1
            return f"RELEASE s{at}"
        self.savepoints = at
        return f"ROLLBACK TO s{at}"

    # Parts ---------------------------------------------------------------------------------------

    def table(self):
        return self.rng.choice(self.tables)

    def id(self):
        return self.rng.randint(0, 20)

    def value(self, table, column):
        if column == "parent":
            return str(self.id()) if self.rng.random() < 0.4 else "NULL"
        if column == "n" and self.rng.random() < 0.5:
            return str(self.rng.randint(0, 50))
        return literal(self.rng, table.columns[column])

    def target(self, table):
        """The table, or a partition of it."""
        if table.partitions and self.rng.random() < 0.2:
            return self.rng.choice(table.partitions)
        return table.name

    def some_columns(self, table):
        names = list(table.columns)
        return self.rng.sample(names, self.rng.randint(1, len(names)))

    def where(self, table, alias=""):
        kind = self.rng.randrange(6)
        if kind == 0:
            return ""
        if kind == 1:
            return f" WHERE {alias}n > {self.rng.randint(-5, 50)}"
        if kind == 2:
            low = self.id()
            return f" WHERE {alias}id BETWEEN {low} AND {low + self.rng.randint(0, 6)}"
        if kind == 3:
            return f" WHERE 100 / ({alias}id - {self.id()}) > -1000"
        return f" WHERE {alias}id = {self.id()}"

    def assignments(self, table):
        made = []
        for name in self.some_columns(table):
            if table.columns[name] in ("smallint", "int", "bigint") and self.rng.random() < 0.6:
                made.append(f"{name} = {table.name}.{name} + {self.rng.randint(0, 2)}")
            elif self.rng.random() < 0.2:
                made.append(f"{name} = {table.name}.{name}")
            else:
                made.append(f"{name} = {self.value(table, name)}")
        return ", ".join(made)

    def returning(self, table):
        count = (
            f" RETURNING (SELECT count(*) FROM count_{table.name}(id - {self.rng.randint(0, 1)}))"
        )
        return self.rng.choice(["", "", "", " RETURNING *", " RETURNING id, n", count])

    def keys(self, table):
        return [str(self.id())] + [self.rng.choice(["'a'", "'b'"]) for _ in table.key[1:]]

    def rows(self, table, columns, count):
        return ", ".join(
            f"({', '.join(self.keys(table) + [self.value(table, c) for c in columns])})"
            for _ in range(count)
        )

    # Statements ----------------------------------------------------------------------------------

    def insert(self):
        table = self.table()
        columns = self.some_columns(table)
        rows = self.rows(table, columns, self.rng.choice([1, 1, 2, 5]))
        conflict = self.rng.choice(["", "", " ON CONFLICT DO NOTHING"])
        return (
            f"INSERT INTO {self.target(table)} ({', '.join(table.key + columns)})"
            f" VALUES {rows}{conflict}{self.returning(table)}"
        )

    def insert_series(self):
        table = self.table()
        low = self.id()
        return (
            f"INSERT INTO {table.name} (id, n) SELECT i, i FROM"
            f" generate_series({low}, {low + self.rng.randint(0, 12)}) AS i"
            f"{self.rng.choice(['', ' ON CONFLICT DO NOTHING'])}"
        )

    def upsert(self):
        table = self.table()
        columns = self.some_columns(table)
        rows = self.rows(table, columns, self.rng.choice([1, 2, 4]))
        set = self.rng.choice(
            [self.assignments(table), ", ".join(f"{c} = excluded.{c}" for c in columns)]
        )
        return (
            f"INSERT INTO {table.name} ({', '.join(table.key + columns)}) VALUES {rows}"
            f" ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {set}"
            f"{self.where(table, table.name + '.') if self.rng.random() < 0.3 else ''}"
            f"{self.returning(table)}"
        )

    def update(self):
        table = self.table()
        target = self.target(table)
        set = self.assignments(table).replace(f"{table.name}.", f"{target}.")
        return f"UPDATE {target} SET {set}{self.where(table)}{self.returning(table)}"

    def update_key(self):
        table = self.table()
        by = self.rng.choice([1, -1, 5])
        return f"UPDATE {self.target(table)} SET id = id + {by}{self.where(table)}"

    def update_from(self):
        table, other = self.table(), self.table()
        return (
            f"UPDATE {table.name} SET n = o.n FROM {other.name} AS o"
            f" WHERE o.id = {table.name}.id AND o.id > {self.id()}"
        )

    def delete(self):
        table = self.table()
        return f"DELETE FROM {self.target(table)}{self.where(table)}{self.returning(table)}"

    def delete_using(self):
        table, other = self.table(), self.table()
        return (
            f"DELETE FROM {table.name} USING {other.name} AS o"
            f" WHERE o.parent = {table.name}.id AND o.id < {self.id()}"
        )

    def merge(self):
        table, other = self.table(), self.table()
        set = self.rng.choice(["n = s.n", "n = t.n + 1", "id = t.id + 30", "parent = NULL"])
        return (
            f"MERGE INTO {table.name} AS t USING"
            f" (SELECT id, min(n) AS n FROM {other.name} GROUP BY id) AS s"
            f" ON t.id = s.id + {self.rng.randint(0, 2)}"
            f" WHEN MATCHED AND t.id < {self.id()} THEN DELETE"
            f" WHEN MATCHED THEN UPDATE SET {set}"
            " WHEN NOT MATCHED AND s.id < 12 THEN INSERT (id, n) VALUES (s.id + 1, s.n)"
            " WHEN NOT MATCHED THEN DO NOTHING"
        )

    def with_writes(self):
        table, other, third = self.table(), self.table(), self.table()
        return (
            f"WITH gone AS (DELETE FROM {table.name}{self.where(table)} RETURNING id, n),"
            f" changed AS (UPDATE {other.name} SET n = n + 1 WHERE id IN (SELECT id FROM gone)"
            f" RETURNING id)"
            f" INSERT INTO {third.name} (id, n) SELECT id + 1, n FROM gone"
            f" WHERE id NOT IN (SELECT id FROM changed)"
            f"{self.rng.choice(['', ' ON CONFLICT DO NOTHING'])}"
        )

    def truncate(self):
        names = {table.name for table in self.rng.sample(self.tables, self.rng.randint(1, 2))}
        option = self.rng.choice(["", " CASCADE", " RESTART IDENTITY"])
        return f"TRUNCATE {', '.join(sorted(names))}{option}"

    def block(self):
        """Subtransactions of PL/pgSQL, some of which fail."""
        table = self.table()
        low = self.id()
        return (
            f"DO $$ BEGIN FOR i IN {low}..{low + 6} LOOP BEGIN"
            f" INSERT INTO {table.name} (id, n) VALUES (i, i);"
            f" UPDATE {table.name} SET n = 100 / (id % 3) WHERE id = i;"
            " EXCEPTION WHEN others THEN"
            f" UPDATE {table.name} SET parent = NULL WHERE id = i; END; END LOOP; END $$"
        )

    def cursor(self):
        table = self.table()
        action = self.rng.choice(
            [f"UPDATE {table.name} SET n = n + 1", f"DELETE FROM {table.name}"]
        )
        return (
            f"DO $$ DECLARE c CURSOR FOR SELECT * FROM {table.name} ORDER BY id FOR UPDATE; BEGIN"
            " FOR r IN c LOOP IF r.id % 2 = 0 THEN"
            f" {action} WHERE CURRENT OF c; END IF; END LOOP; END $$"
        )

    def copy(self):
        table = self.table()
        lines = []
        for _ in range(self.rng.randint(1, 6)):
            key = [str(self.id())] + [self.rng.choice("ab") for _ in table.key[1:]]
            n = self.rng.choice(["\\N", "5", "7", "42", "99999999999999999999", str(self.id())])
            lines.append("\t".join([*key, n]) + "\n")
        if self.rng.random() < 0.1:
            lines.append("wrong\n")
        freeze = " (FREEZE)" if self.rng.random() < 0.2 else ""
        copy = f"COPY {table.name} ({', '.join(table.key)}, n) FROM STDIN{freeze}"
        return copy, "".join(lines)

    def large(self):
        """A row whose event is larger than the largest that is made whole."""
        table = self.table()
        texts = table.of_type("text")
        if not texts:
            return self.update()
        size = self.rng.choice([200_000, 400_000, 700_000])
        return (
            f"INSERT INTO {table.name} ({', '.join(table.key)}, {texts[0]})"
            f" VALUES ({', '.join(self.keys(table))}, repeat('\"', {size}))"
            f" ON CONFLICT DO NOTHING"
        )
