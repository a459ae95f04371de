# The extension, by PGXS. worker/worker.mk builds the worker.

PG_CONFIG ?= pg_config

MODULE_big = fraiseql_subs
EXTENSION = fraiseql_subs
DATA = $(wildcard sql/fraiseql_subs--*.sql)
OBJS = $(patsubst %.cpp,%.o,$(wildcard src/*.cpp src/*/*.cpp contract/*.cpp graphql/*/*.cpp))
REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/regress_*.sql)))
# The server serves one database, which must be this one: it cannot be dropped while it is served.
REGRESS_OPTS = --use-existing
EXTRA_CLEAN = $(OBJS:.o=.d) build

# As system headers, PostgreSQL's own do not count for -Wextra.
PG_CPPFLAGS = -I. -isystem $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
PG_CXXFLAGS = -std=c++20 -Wall -Wextra -Wno-register -fvisibility=hidden -fvisibility-inlines-hidden \
	-MMD -MP
SHLIB_LINK = -lstdc++ -Wl,--version-script=src/exports.map

# Bitcode lets PostgreSQL inline small functions into queries; none of these is one.
override with_llvm := no
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
include $(PGXS)

WORKER := build/release/fraiseql-worker

.PHONY: worker
worker:
	$(MAKE) -f worker/worker.mk VARIANT=release worker

all: worker

install: install-worker
.PHONY: install-worker
install-worker: worker
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(WORKER) '$(DESTDIR)$(bindir)/fraiseql-worker'

uninstall: uninstall-worker
.PHONY: uninstall-worker
uninstall-worker:
	rm -f '$(DESTDIR)$(bindir)/fraiseql-worker'

-include $(OBJS:.o=.d)

include scripts/targets.mk
