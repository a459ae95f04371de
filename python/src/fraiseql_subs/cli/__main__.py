"""`python -m fraiseql_subs.cli`, where the program is not on the path."""

from fraiseql_subs.cli import main

main()
