# What a user or developer runs besides building; each is a script that also runs alone.

.PHONY: demo demo-stop test test-next bench docs format sql-only

demo:
	scripts/demo

demo-stop:
	scripts/stop-demo

test:
	scripts/test

test-next:
	scripts/test-next

bench:
	scripts/bench

docs:
	scripts/docs

format:
	scripts/format

sql-only: build/fraiseql_subs_sql_only.sql

build/fraiseql_subs_sql_only.sql: scripts/sql-only $(wildcard sql/sql_only/*.sql sql/fraiseql_subs--*.sql) \
		src/catalog/snapshot.cpp src/catalog/watched_columns.cpp
	mkdir -p build
	scripts/sql-only >$@.new
	mv $@.new $@
