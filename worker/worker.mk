# Builds the worker, its tests and fuzzers, and the archives of contract/ and graphql/, with which the
# extension is linked too. PGXS builds the rest of the extension (Makefile); this file knows nothing
# of PostgreSQL.
#
#   make -f worker/worker.mk [VARIANT=release|asan|tsan|fuzz] [BUILD=dir] worker|unit-tests|fuzzers|oracle|bench
#
# The tests of one file alone: make -f worker/worker.mk VARIANT=asan build/asan/test/unit/contract/ring_test

BUILD ?= build
VARIANT ?= release
OUT := $(BUILD)/$(VARIANT)

PACKAGES := libuv simdjson libssl libcrypto cjose jansson libcurl libseccomp
# hiredis by its headers' full names: its own flags would count for every file.
LDLIBS := $(shell pkg-config --libs $(PACKAGES) hiredis) -lprometheus-cpp-core -pthread

# -g1 is enough for backtraces; compiling takes half as long again with -g.
ifeq ($(VARIANT),release)
  CXXFLAGS ?= -O2 -g1 -fstack-protector-strong -D_FORTIFY_SOURCE=2
else
  CXXFLAGS ?= -O1 -g1
endif
override CXXFLAGS += -std=c++20 -Wall -Wextra -Wno-missing-field-initializers -I. -MMD -MP -pthread \
	$(shell pkg-config --cflags $(PACKAGES) | sed 's/-I/-isystem /g')

SANITIZE_ADDRESS := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ifeq ($(VARIANT),asan)
  override CXXFLAGS += -fsanitize=$(SANITIZE_ADDRESS)
else ifeq ($(VARIANT),tsan)
  # The ring's fences are invisible to TSan; the data they order is atomic, so no race is hidden.
  override CXXFLAGS += -fsanitize=thread -Wno-tsan
else ifeq ($(VARIANT),fuzz)
  CXX = clang++
  override CXXFLAGS += -fsanitize=fuzzer-no-link,$(SANITIZE_ADDRESS)
else ifneq ($(VARIANT),release)
  $(error VARIANT is one of release, asan, tsan, fuzz)
endif

# A compiler that the caller names is called as it is, any other through ccache where there is one.
ifneq ($(filter default file,$(origin CXX)),)
  CXX := $(shell command -v ccache) $(CXX)
endif

objects = $(patsubst %.cpp,$(OUT)/%.o,$(sort $(wildcard $(1))))
CONTRACT_OBJECTS := $(call objects,contract/*.cpp)
GRAPHQL_OBJECTS := $(call objects,graphql/*/*.cpp)
WORKER_OBJECTS := $(filter-out $(OUT)/worker/main.o,$(call objects,worker/*.cpp worker/*/*.cpp worker/*/*/*.cpp))
UNIT_TEST_OBJECTS := $(call objects,$(shell find test/unit -name '*_test.cpp'))
FUZZERS := $(patsubst test/fuzz/%.cpp,$(OUT)/fuzz/%,$(wildcard test/fuzz/*_fuzz.cpp))
BENCHES := $(patsubst bench/%.cpp,$(OUT)/bench/%,$(wildcard bench/*.cpp))

# Each in front of those that it needs.
CONTRACT := $(OUT)/libcontract.a
GRAPHQL := $(OUT)/libgraphql.a
ALL := $(OUT)/libworker.a $(GRAPHQL) $(CONTRACT)

.PHONY: worker unit-tests fuzzers oracle bench
worker: $(OUT)/fraiseql-worker
unit-tests: $(OUT)/unit-tests
fuzzers: $(FUZZERS)
oracle: $(OUT)/oracle
bench: $(BENCHES)

$(OUT)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

# These become part of the extension's library as well.
$(CONTRACT_OBJECTS) $(GRAPHQL_OBJECTS): override CXXFLAGS += -fPIC -fvisibility=hidden -fvisibility-inlines-hidden

VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" fraiseql_subs.control)
$(OUT)/worker/base/version.o: override CXXFLAGS += -DFSUBS_VERSION='"$(VERSION)"'
$(OUT)/worker/base/version.o: fraiseql_subs.control

PLAYGROUND := worker/playground
$(OUT)/worker/playground/playground_page.inc: $(filter-out %.cpp %.hpp,$(wildcard $(PLAYGROUND)/*))
	@mkdir -p $(@D)
	set -e; { printf 'R"playground('; \
	  awk -v directory=$(PLAYGROUND) -f $(PLAYGROUND)/join.awk $(PLAYGROUND)/index.html; \
	  echo ')playground"'; } >$@.new
	mv $@.new $@

$(OUT)/worker/playground/playground.o: $(OUT)/worker/playground/playground_page.inc
$(OUT)/worker/playground/playground.o: override CXXFLAGS += -I$(OUT)/worker/playground

$(OUT)/libcontract.a: $(CONTRACT_OBJECTS)
$(OUT)/libgraphql.a: $(GRAPHQL_OBJECTS)
$(OUT)/libworker.a: $(WORKER_OBJECTS)
$(ALL):
	@rm -f $@
	$(AR) rcs $@ $^

$(OUT)/fraiseql-worker: $(OUT)/worker/main.o $(ALL)
	$(CXX) $(CXXFLAGS) -o $@ $^ $(LDLIBS)

# The tests' own code need not be quick, but what it includes of the ring must be as it is elsewhere
# where races are looked for.
ifneq ($(VARIANT),tsan)
  $(UNIT_TEST_OBJECTS): override CXXFLAGS += -O0
endif

# All unit tests, and those of one file with no more than they need.
link_tests = $(CXX) $(CXXFLAGS) -o $@ $^ -lgmock -lgtest -lgtest_main $(LDLIBS)
$(OUT)/unit-tests: $(UNIT_TEST_OBJECTS) $(ALL)
	$(link_tests)
$(OUT)/test/unit/contract/%: $(OUT)/test/unit/contract/%.o $(CONTRACT)
	$(link_tests)
$(OUT)/test/unit/graphql/%: $(OUT)/test/unit/graphql/%.o $(GRAPHQL)
	$(link_tests)
$(OUT)/test/unit/%: $(OUT)/test/unit/%.o $(ALL)
	$(link_tests)

$(OUT)/fuzz/%: $(OUT)/test/fuzz/%.o $(ALL)
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

$(OUT)/oracle: $(OUT)/test/oracle/oracle.o $(ALL)
	$(CXX) $(CXXFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/bench/%.o: CXXFLAGS += $(shell pkg-config --cflags libpq)
$(OUT)/bench/%: $(OUT)/bench/%.o $(ALL)
	$(CXX) $(CXXFLAGS) -o $@ $^ -lpq -lcrypto $(BENCH_LDLIBS) $(LDLIBS)
$(OUT)/bench/lws_server: BENCH_LDLIBS := -lwebsockets

.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
