"""Plugins of all tests: the package's own, whether it is installed or not, and pytest's for it."""

pytest_plugins = ["pytest_fraiseql_subs", "pytester"]
