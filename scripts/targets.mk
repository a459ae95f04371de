# What a user or developer runs besides building; each is a script that also runs alone.

.PHONY: demo demo-stop test test-next bench docs format

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
