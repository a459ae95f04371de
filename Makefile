# The extension, by PGXS. worker/worker.mk builds the worker and the archives that both are linked
# with.

PG_CONFIG ?= pg_config

WORKER := build/release/fraiseql-worker
ARCHIVES := build/release/libgraphql.a build/release/libcontract.a

MODULE_big = fraiseql_subs
EXTENSION = fraiseql_subs
DATA = $(wildcard sql/fraiseql_subs--*.sql)
OBJS = $(patsubst %.cpp,%.o,$(wildcard src/*.cpp src/*/*.cpp))
REGRESS = $(sort $(patsubst sql/%.sql,%,$(wildcard sql/regress_*.sql)))
# The server serves one database, which must be this one: it cannot be dropped while it is served.
REGRESS_OPTS = --use-existing
EXTRA_CLEAN = $(OBJS:.o=.d) build

# As system headers, PostgreSQL's own do not count for -Wextra.
PG_CPPFLAGS = -I. -isystem $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
PG_CXXFLAGS = -std=c++20 -Wall -Wextra -Wno-register -fvisibility=hidden -fvisibility-inlines-hidden \
	-MMD -MP
# As in worker/worker.mk; PostgreSQL's own flags say -g.
ifneq ($(origin CXXFLAGS),command line)
  PG_CXXFLAGS += -g1
endif
SHLIB_LINK = $(ARCHIVES) -lstdc++ -Wl,--version-script=src/exports.map

# The compilers: those that the caller names, in the environment too, or else PostgreSQL's.
ifeq ($(origin CC),environment)
  override CC := $(CC)
endif
ifeq ($(origin CXX),environment)
  override CXX := $(CXX)
endif

# First, as it takes the longest.
all: worker

# Bitcode lets PostgreSQL inline small functions into queries; none of these is one.
override with_llvm := no
# Not there before the packages are installed, by make demo for one.
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
include $(PGXS)

ifeq ($(origin CXX),file)
  CXX := $(shell command -v ccache) $(CXX)
endif

.PHONY: worker
worker:
	$(if $(PGXS),,$(error "$(PG_CONFIG)" leads to no PGXS: install a postgresql-server-dev package, or set PG_CONFIG))
	$(MAKE) -f worker/worker.mk BUILD=build VARIANT=release CXX='$(CXX)' worker

$(ARCHIVES): worker ;
$(shlib): $(ARCHIVES)

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
