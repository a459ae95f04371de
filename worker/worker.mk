# Builds the worker, its unit tests and its fuzzers. PGXS builds the extension (Makefile); this file
# knows nothing of PostgreSQL.
#
#   make -f worker/worker.mk [VARIANT=release|asan|tsan|fuzz] [BUILD=dir] worker|unit-tests|fuzzers|oracle|bench

BUILD ?= build
VARIANT ?= release
OUT := $(BUILD)/$(VARIANT)

PACKAGES := libwebsockets libuv simdjson
CXXFLAGS ?= -O2 -g
override CXXFLAGS += -std=c++20 -Wall -Wextra -Wno-missing-field-initializers -I. -MMD -MP -pthread \
	$(shell pkg-config --cflags $(PACKAGES) | sed 's/-I/-isystem /g')
LDLIBS := $(shell pkg-config --libs $(PACKAGES)) -lprometheus-cpp-core -pthread

ifeq ($(VARIANT),asan)
  override CXXFLAGS += -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(VARIANT),tsan)
  # The ring's fences are invisible to TSan; the data they order is atomic, so no race is hidden.
  override CXXFLAGS += -O1 -fsanitize=thread -Wno-tsan
else ifeq ($(VARIANT),fuzz)
  CXX := clang++
  override CXXFLAGS += -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else ifneq ($(VARIANT),release)
  $(error VARIANT is one of release, asan, tsan, fuzz)
endif

SOURCES := $(wildcard contract/*.cpp graphql/*/*.cpp worker/*.cpp worker/*/*.cpp)
LIBRARY_OBJECTS := $(patsubst %.cpp,$(OUT)/%.o,$(filter-out worker/main.cpp,$(SOURCES)))
TESTS := $(patsubst test/%.cpp,$(OUT)/test/%,$(shell find test/unit -name "*_test.cpp"))
FUZZERS := $(patsubst test/fuzz/%.cpp,$(OUT)/fuzz/%,$(wildcard test/fuzz/*_fuzz.cpp))
BENCHES := $(patsubst bench/%.cpp,$(OUT)/bench/%,$(wildcard bench/*.cpp))

.PHONY: worker unit-tests fuzzers oracle bench
worker: $(OUT)/fraiseql-worker
unit-tests: $(TESTS)
fuzzers: $(FUZZERS)
oracle: $(OUT)/oracle
bench: $(BENCHES)

$(OUT)/%.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c -o $@ $<

PLAYGROUND := worker/playground
$(OUT)/worker/playground/playground_page.inc: $(filter-out %.cpp %.hpp,$(wildcard $(PLAYGROUND)/*))
	@mkdir -p $(@D)
	set -e; { printf 'R"playground('; \
	  awk -v directory=$(PLAYGROUND) -f $(PLAYGROUND)/join.awk $(PLAYGROUND)/index.html; \
	  echo ')playground"'; } >$@.new
	mv $@.new $@

$(OUT)/worker/playground/playground.o: $(OUT)/worker/playground/playground_page.inc
$(OUT)/worker/playground/playground.o: override CXXFLAGS += -I$(OUT)/worker/playground

$(OUT)/libworker.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $^

$(OUT)/fraiseql-worker: $(OUT)/worker/main.o $(OUT)/libworker.a
	$(CXX) $(CXXFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/test/%: $(OUT)/test/%.o $(OUT)/libworker.a
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -o $@ $^ -lgmock -lgtest -lgtest_main $(LDLIBS)

$(OUT)/fuzz/%: $(OUT)/test/fuzz/%.o $(OUT)/libworker.a
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

$(OUT)/oracle: $(OUT)/test/oracle/oracle.o $(OUT)/libworker.a
	$(CXX) $(CXXFLAGS) -o $@ $^ $(LDLIBS)

$(OUT)/bench/%.o: CXXFLAGS += $(shell pkg-config --cflags libpq)
$(OUT)/bench/%: $(OUT)/bench/%.o $(OUT)/libworker.a
	$(CXX) $(CXXFLAGS) -o $@ $^ -lpq -lcrypto $(LDLIBS)

.SECONDARY:
-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
