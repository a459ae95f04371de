#include "worker/filter/filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>

#include "test/operation_limits.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/operation/errors_json.hpp"
#include "worker/operation/filter_compiler.hpp"

namespace fsubs {
namespace {

using testing::HasSubstr;

constexpr char kSnapshot[] = R"json({"extension_version": "1", "server_version": "15",
  "types": "type O { id: ID n: Int f: Float s: String b: Boolean e: E at: DateTime big: BigInt any: Any tags: [String] os: [O] o: O row: R old: R } enum E { A B } scalar DateTime scalar BigInt scalar Any type R { u: ID json: String doc: JSON flag: Boolean us: [String] any: Any r: R } scalar JSON scalar uuid scalar Duration scalar Bytes scalar CIDR type P { uuid: uuid for: Duration bytes: Bytes net: CIDR doc: JSON } input Nullable { n: NullableInt or: [Nullable] and: [Nullable] } input NullableInt { eq: Int in: [Int] }",
  "subscriptions": [{"name": "o", "field": "o(id: ID, u: ID, doc: JSON, where: OFilter): O", "channel": "c"},
                    {"name": "p", "field": "p(uuid: uuid, where: PFilter): P", "channel": "c"},
                    {"name": "byDefault", "field": "byDefault(where: OFilter = null): O", "channel": "c"},
                    {"name": "some", "field": "some(where: Nullable): O", "channel": "d"}],
  "columns": {"c": {"id": "uuid", "u": "uuid", "json": "jsonb", "doc": "jsonb", "flag": "int4", "us": "uuid[]", "any": "jsonb"}}})json";

struct Subscriber final : Member {
  void Deliver(const EventPlace&, std::string_view) override { ++received; }

  int received = 0;
};

class FilterTest : public testing::Test {
 protected:
  FilterTest() {
    std::string error;
    catalog_ = Catalog::FromSnapshot(kSnapshot, &error);
    EXPECT_TRUE(catalog_) << error;
  }
  ~FilterTest() override {
    for (Subscriber& subscriber : subscribers_) dispatcher_.Remove(&subscriber);
  }

  PrepareResult Prepare(const std::string& query, const std::string& variables = "{}") {
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(variables)) << variables;
    OperationRequest request;
    request.query = query;
    request.variables = tree.root();
    return fsubs::Prepare(catalog_, &plans_, request, catalog_->anonymous(), limits_);
  }

  Subscriber* Subscribe(const std::string& query, const std::string& variables = "{}") {
    PrepareResult prepared = Prepare(query, variables);
    EXPECT_TRUE(prepared.subscription) << ErrorsJson(prepared.errors);
    Subscriber* const subscriber = &subscribers_.emplace_back();
    dispatcher_.Add(subscriber, std::move(*prepared.subscription));
    return subscriber;
  }

  Subscriber* Where(const std::string& where) {
    return Subscribe("subscription { o(where: " + where + ") { id } }");
  }

  Dispatcher::Outcome Publish(const std::string& data) {
    const std::string padded = data + std::string(kJsonPadding, '\0');
    EventRecord record;
    record.channel = "c";
    record.data = std::string_view(padded).substr(0, data.size());
    WorkBudget budget(1'000'000);
    EXPECT_TRUE(dispatcher_.Begin(record, "1-0", &budget));
    return dispatcher_.outcome();
  }

  // Whether a filter, given as a literal and as a variable, lets an event through.
  bool Matches(const std::string& literal, const std::string& data) {
    Subscriber* const subscriber = Where(literal);
    Publish(data);
    return subscriber->received == 1;
  }

  OperationLimits limits_ = kTestLimits;
  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
  Dispatcher dispatcher_;
  std::deque<Subscriber> subscribers_;
};

TEST_F(FilterTest, LostEventsAreToldOnceWhateverTheFilterUnlessItLetsNothingThrough) {
  for (const char* where : {"{n: {in: [1, 2, 3]}}", "{n: {gt: 5}}", "{s: {contains: \"x\"}}",
                            "{n: {in: [1, 2]}, f: {lt: 7}, tags: {some: {eq: \"a\"}}}", "{}"}) {
    EXPECT_EQ(Where(where)->received, 0);
  }
  Subscriber* const nobody = Where("{n: {in: []}}");
  EventRecord loss;
  loss.kind = RecordKind::kEventsLost;
  loss.channel = "c";
  loss.data = "2";
  WorkBudget budget(1'000'000);
  EXPECT_TRUE(dispatcher_.Begin(loss, "1-0", &budget));
  for (const Subscriber& subscriber : subscribers_) {
    EXPECT_EQ(subscriber.received, &subscriber == nobody ? 0 : 1);
  }
}

TEST_F(FilterTest, EachOperatorDoesWhatItsNameSays) {
  EXPECT_TRUE(Matches("{n: {eq: 1}}", R"({"n":1.0})"));
  EXPECT_FALSE(Matches("{n: {eq: 1}}", R"({"n":2})"));
  EXPECT_TRUE(Matches("{n: {ne: 1}}", R"({"n":2})"));
  EXPECT_TRUE(Matches("{n: {gt: 1, lt: 3}}", R"({"n":2})"));
  EXPECT_FALSE(Matches("{n: {gt: 1, lt: 3}}", R"({"n":3})"));
  EXPECT_TRUE(Matches("{n: {gte: 1, lte: 3}}", R"({"n":3})"));
  EXPECT_TRUE(Matches("{n: {in: [1, 2]}}", R"({"n":2})"));
  EXPECT_FALSE(Matches("{n: {in: []}}", R"({"n":2})"));
  EXPECT_TRUE(Matches("{n: {notIn: [1, 2]}}", R"({"n":3})"));
  EXPECT_TRUE(Matches(R"({s: {contains: "b"}})", R"({"s":"abc"})"));
  EXPECT_TRUE(Matches(R"({s: {startsWith: "a"}})", R"({"s":"abc"})"));
  EXPECT_FALSE(Matches(R"({s: {startsWith: "b"}})", R"({"s":"abc"})"));
  EXPECT_TRUE(Matches("{e: {in: [B]}}", R"({"e":"B"})"));
  EXPECT_TRUE(Matches("{b: {eq: true}}", R"({"b":1})"));
}

TEST_F(FilterTest, NullEqualsWhatIsNotThereAndHasNoOrder) {
  EXPECT_TRUE(Matches("{n: {eq: null}}", "{}"));
  EXPECT_TRUE(Matches("{n: {eq: null}}", R"({"n":null})"));
  EXPECT_FALSE(Matches("{n: {ne: null}}", "{}"));
  EXPECT_TRUE(Matches("{n: {ne: 1}}", "{}"));
  EXPECT_TRUE(Matches("{n: {notIn: [1]}}", "{}"));
  EXPECT_FALSE(Matches("{n: {lt: 1}}", "{}"));
  EXPECT_FALSE(Matches("{n: {lt: 1}}", R"({"n":null})"));
  EXPECT_FALSE(Matches(R"({s: {contains: ""}})", "{}"));
  EXPECT_TRUE(Matches("{n: {exists: true}}", R"({"n":0})"));
  EXPECT_TRUE(Matches("{n: {exists: false}}", R"({"n":null})"));
  EXPECT_TRUE(Matches("{o: {exists: true}}", R"({"o":{}})"));
  EXPECT_TRUE(Matches("{o: {o: {exists: false}}}", "{}"));
}

TEST_F(FilterTest, WhatIsLeftOutDemandsNothing) {
  const std::string members =
      "subscription ($min: Int, $max: Int, $s: StringFilter, $not: OFilter, $or: [OFilter!], $id: "
      "ID) { o(id: $id, where: {n: {gte: $min, lte: $max}, s: $s, not: $not, or: $or}) { id } }";
  Subscriber* const all = Subscribe(members);
  Subscriber* const everything =
      Subscribe("subscription ($where: OFilter) { o(where: $where) { id } }");
  Subscriber* const some = Subscribe(members, R"({"min":5})");
  Publish(R"({"n":3})");
  Publish(R"({"n":7})");
  EXPECT_EQ(all->received, 2);
  EXPECT_EQ(everything->received, 2);
  EXPECT_EQ(some->received, 1);
}

TEST_F(FilterTest, NullIsRefusedWhereItDemandsNothing) {
  const auto refusal = [&](const std::string& where) {
    return ErrorsJson(Prepare("subscription { o(where: " + where + ") { id } }").errors);
  };
  for (const char* operation : {"gt", "gte", "lt", "lte", "in", "notIn", "exists"}) {
    EXPECT_THAT(refusal("{n: {" + std::string(operation) + ": null}}"),
                HasSubstr("\\\"" + std::string(operation) + "\\\" must not be null: leave it out"));
  }
  EXPECT_THAT(refusal("{n: {gt: null}}"), HasSubstr("BAD_USER_INPUT"));
  for (const char* where :
       {"{s: {contains: null}}", "{s: {startsWith: null}}", "{tags: {some: null}}",
        "{tags: {every: null}}", "{tags: {none: null}}", "{tags: {contains: null}}", "{n: null}",
        "{o: null}", "{tags: null}", "{and: null}", "{or: null}", "{not: null}", "null",
        "{or: [{n: {gt: null}}, {}]}", "{o: {exists: null}}"}) {
    EXPECT_THAT(refusal(where), HasSubstr("leave it out to demand nothing")) << where;
  }
  const std::string query = "subscription ($v: Int) { o(where: {n: {gt: $v}}) { id } }";
  EXPECT_FALSE(Prepare(query, R"({"v":null})").subscription);
  EXPECT_TRUE(Prepare(query).subscription);
  const std::string whole = "subscription ($w: OFilter) { o(where: $w) { id } }";
  EXPECT_FALSE(Prepare(whole, R"({"w":null})").subscription);
  EXPECT_FALSE(Prepare(whole, R"({"w":{"not":null}})").subscription);
  // A default of the definition is no mistake of the client.
  EXPECT_TRUE(Prepare("subscription { byDefault { id } }").subscription);
  EXPECT_FALSE(Prepare("subscription { byDefault(where: null) { id } }").subscription);
}

TEST_F(FilterTest, AFilterInAListIsNotNull) {
  for (const char* where : {"{or: [null]}", "{and: [null, {n: {eq: 1}}]}"}) {
    EXPECT_FALSE(
        Prepare("subscription { some(where: " + std::string(where) + ") { id } }").subscription)
        << where;
  }
  const PrepareResult in = Prepare("subscription { some(where: {n: {in: [null]}}) { id } }");
  ASSERT_TRUE(in.subscription);
  const Filter null =
      Prepare("subscription { some(where: {n: {eq: null}}) { id } }").subscription->filter;
  EXPECT_EQ(in.subscription->filter.keys, null.keys);
}

// The lines of the table in docs/filters.md.
TEST_F(FilterTest, EmptyOperandsAndNullValuesHaveOneMeaning) {
  const char* const null = R"({"n":null,"s":null,"tags":null,"o":null})";
  const char* const empty = R"({"n":0,"s":"","tags":[],"o":{}})";
  const char* const full = R"({"n":1,"s":"a","tags":["a"],"o":{"n":1}})";
  struct {
    const char* where;
    const char* data;
    bool holds;
  } const lines[] = {
      {"{}", "{}", true},
      {"{not: {}}", full, false},
      {"{n: {}}", null, true},
      {"{o: {}}", null, true},
      {"{and: []}", full, true},
      {"{or: []}", full, false},
      {"{or: [{}]}", null, true},
      {"{n: {eq: null}}", null, true},
      {"{n: {eq: null}}", "{}", true},
      {"{n: {eq: null}}", empty, false},
      {"{n: {ne: null}}", null, false},
      {"{n: {ne: null}}", "{}", false},
      {"{n: {ne: null}}", empty, true},
      {"{n: {eq: 0}}", null, false},
      {"{n: {ne: 0}}", null, true},
      {"{n: {in: []}}", full, false},
      {"{n: {in: []}}", null, false},
      {"{n: {notIn: []}}", full, true},
      {"{n: {notIn: []}}", null, true},
      {"{n: {notIn: [1]}}", null, true},
      {"{n: {notIn: [1]}}", full, false},
      {"{n: {lt: 5}}", null, false},
      {"{n: {gte: 0}}", "{}", false},
      {"{not: {n: {lt: 5}}}", null, true},
      {R"({s: {contains: ""}})", empty, true},
      {R"({s: {contains: ""}})", full, true},
      {R"({s: {contains: ""}})", null, false},
      {R"({s: {startsWith: ""}})", empty, true},
      {R"({s: {startsWith: ""}})", null, false},
      {R"({s: {startsWith: ""}})", R"({"s":["a"]})", false},
      {R"({s: {eq: ""}})", null, false},
      {"{o: {exists: true}}", empty, true},
      {"{o: {exists: true}}", null, false},
      {"{o: {n: {eq: null}}}", null, true},
      {"{tags: {exists: true}}", empty, true},
      {"{tags: {exists: false}}", null, true},
      {"{tags: {some: {}}}", empty, false},
      {"{tags: {some: {}}}", null, false},
      {"{tags: {some: {}}}", full, true},
      {R"({tags: {every: {eq: "b"}}})", empty, true},
      {R"({tags: {every: {eq: "b"}}})", null, true},
      {R"({tags: {every: {eq: "b"}}})", full, false},
      {R"({tags: {none: {eq: "a"}}})", empty, true},
      {R"({tags: {none: {eq: "a"}}})", null, true},
      {R"({tags: {none: {eq: "a"}}})", full, false},
      {R"({tags: {contains: "a"}})", null, false},
      {R"({tags: {some: {eq: null}}})", R"({"tags":[null]})", true},
      {R"({tags: {some: {eq: null}}})", null, false},
  };
  for (const auto& line : lines) {
    EXPECT_EQ(Matches(line.where, line.data), line.holds) << line.where << " " << line.data;
  }
}

TEST_F(FilterTest, AFieldOfARowComparesAsItsColumnDoes) {
  constexpr char kRow[] = R"("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")";
  const std::string upper = R"("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")";
  const std::string u = std::string(R"({"u":)") + kRow + "}";
  const auto row = [&](const std::string& value) { return R"({"row":)" + value + "}"; };
  EXPECT_TRUE(Matches("{row: {u: {eq: " + upper + "}}}", row(u)));
  EXPECT_TRUE(Matches("{row: {u: {in: [" + upper + "]}}}", row(u)));
  EXPECT_FALSE(Matches("{row: {u: {ne: " + upper + "}}}", row(u)));
  EXPECT_TRUE(Matches("{old: {u: {eq: " + upper + "}}}", R"({"old":)" + u + "}"));
  EXPECT_TRUE(Matches("{or: [{row: {u: {eq: " + upper + "}}}]}", row(u)));
  EXPECT_TRUE(Matches("{row: {us: {contains: " + upper + "}}}",
                      row(R"({"us":[)" + std::string(kRow) + "]}")));
  // Parts are those of the text that clients see.
  EXPECT_TRUE(Matches(R"({row: {u: {startsWith: "a0ee"}}})", row(u)));
  EXPECT_FALSE(Matches(R"({row: {u: {startsWith: "A0EE"}}})", row(u)));
  // What is not below "row" is no column, whatever its name.
  EXPECT_FALSE(Matches("{id: {eq: " + upper + "}}", std::string(R"({"id":)") + kRow + "}"));
  EXPECT_FALSE(Matches("{row: {r: {u: {eq: " + upper + "}}}}", row(R"({"r":)" + u + "}")));
  EXPECT_FALSE(Matches("{o: {row: {u: {eq: " + upper + "}}}}", R"({"o":)" + row(u) + "}"));
  Subscriber* const argument = Subscribe("subscription { o(u: " + upper + ") { id } }");
  Publish(row(u));
  EXPECT_EQ(argument->received, 1);
}

TEST_F(FilterTest, AColumnDoesNotHideWhatGraphqlMakesOfItsValue) {
  // Any number but zero is true.
  EXPECT_TRUE(Matches("{row: {flag: {eq: true}}}", R"({"row":{"flag":2}})"));
  // A String of a jsonb column is the text that clients see.
  EXPECT_TRUE(Matches(R"({row: {json: {eq: "7"}}})", R"({"row":{"json":7}})"));
  EXPECT_TRUE(Matches(R"({row: {json: {gt: "6"}}})", R"({"row":{"json":"7"}})"));
  EXPECT_TRUE(
      Matches("{row: {doc: {eq: {b: [1.0], a: null}}}}", R"({"row":{"doc":{"a":null,"b":[1]}}})"));
}

TEST_F(FilterTest, WhatIsNoValueOfTheColumnIsRefused) {
  const auto errors = [&](const std::string& argument) {
    return ErrorsJson(Prepare("subscription { o(" + argument + ") { id } }").errors);
  };
  const char* const message = R"(\"soon\" is not a value of \"uuid\", the type of its column)";
  EXPECT_THAT(errors(R"(u: "soon")"), HasSubstr(message));
  EXPECT_THAT(errors(R"(where: {row: {u: {eq: "soon"}}})"), HasSubstr(message));
  EXPECT_THAT(errors(R"(where: {row: {u: {notIn: ["soon"]}}})"), HasSubstr(message));
  EXPECT_THAT(errors(R"(where: {row: {us: {contains: "soon"}}})"), HasSubstr("uuid[]"));
  EXPECT_THAT(errors("where: {row: {any: {gt: 1}}}"), HasSubstr("needs values that have an order"));
  EXPECT_EQ(Prepare("subscription { o(u: null) { id } }").errors.size(), 0u);
}

TEST_F(FilterTest, AVariableIsNoPartOfAValue) {
  EXPECT_THAT(ErrorsJson(Prepare("subscription ($n: Int) { o(where: {row: {doc: {eq: {a: $n}}}}) "
                                 "{ id } }",
                                 R"({"n":1})")
                             .errors),
              HasSubstr("a variable cannot be a part of a value"));
  Subscriber* const whole =
      Subscribe("subscription ($j: JSON) { o(doc: $j) { id } }", R"({"j":{"a":1.0}})");
  Publish(R"({"row":{"doc":{"a":1}}})");
  EXPECT_EQ(whole->received, 1);
}

TEST_F(FilterTest, ConditionsCombine) {
  const char* const where =
      R"({s: {eq: "x"}, or: [{n: {lt: 0}}, {n: {gt: 9}}], not: {b: {eq: true}}})";
  EXPECT_TRUE(Matches(where, R"({"s":"x","n":10})"));
  EXPECT_TRUE(Matches(where, R"({"s":"x","n":-1,"b":false})"));
  EXPECT_FALSE(Matches(where, R"({"s":"x","n":5})"));
  EXPECT_FALSE(Matches(where, R"({"s":"x","n":10,"b":true})"));
  EXPECT_FALSE(Matches(where, R"({"s":"y","n":10})"));
  EXPECT_FALSE(Matches("{or: []}", "{}"));
  EXPECT_TRUE(Matches("{and: []}", "{}"));
  EXPECT_TRUE(Matches("{and: {n: {eq: 1}}}", R"({"n":1})"));  // a lone value is a list
}

TEST_F(FilterTest, NestedObjectsAndListsAreReached) {
  EXPECT_TRUE(Matches("{o: {o: {n: {eq: 1}}}}", R"({"o":{"o":{"n":1}}})"));
  EXPECT_FALSE(Matches("{o: {o: {n: {eq: 1}}}}", R"({"o":null})"));
  EXPECT_TRUE(Matches(R"({tags: {contains: "b"}})", R"({"tags":["a","b"]})"));
  EXPECT_FALSE(Matches(R"({tags: {contains: "b"}})", R"({"tags":"b"})"));
  EXPECT_TRUE(Matches(R"({tags: {some: {startsWith: "b"}}})", R"({"tags":["a","bc"]})"));
  EXPECT_FALSE(Matches(R"({tags: {every: {startsWith: "b"}}})", R"({"tags":["a","bc"]})"));
  EXPECT_TRUE(Matches("{os: {none: {n: {gt: 5}}}}", R"({"os":[{"n":1},{"n":5}]})"));
  EXPECT_TRUE(Matches("{os: {every: {n: {gt: 5}}}}", R"({"os":[]})"));
  EXPECT_FALSE(Matches("{os: {exists: true}}", "{}"));
}

TEST_F(FilterTest, ValuesCompareByTheirType) {
  EXPECT_TRUE(Matches(R"({id: {eq: 7}})", R"({"id":"7"})"));
  EXPECT_TRUE(Matches(R"({big: {gt: "9007199254740992"}})", R"({"big":9007199254740993})"));
  EXPECT_FALSE(Matches(R"({big: {gt: "9007199254740993"}})", R"({"big":9007199254740993})"));
  EXPECT_TRUE(Matches(R"({big: {lt: 10}})", R"({"big":"9"})"));
  EXPECT_TRUE(Matches(R"({f: {lt: -1.5}})", R"({"f":-1e300})"));
  EXPECT_TRUE(
      Matches(R"({at: {eq: "2026-01-01T00:00:00Z"}})", R"({"at":"2026-01-01 01:00:00+01"})"));
  EXPECT_TRUE(Matches(R"({at: {lt: "2026-01-01T00:00:00+01:00"}})",
                      R"({"at":"2025-12-31 22:59:59.999999+00"})"));
  EXPECT_TRUE(Matches(R"({any: {gt: 9}})", R"({"any":10})"));
  EXPECT_TRUE(Matches(R"({any: {gt: "a"}})", R"({"any":"b"})"));
  EXPECT_FALSE(Matches(R"({any: {gt: "a"}})", R"({"any":10})"));
  EXPECT_TRUE(Matches(R"({s: {gt: "Z"}})", "{\"s\":\"\u00e9\"}"));
}

TEST_F(FilterTest, ScalarsOfPublishedEventsAreKnownByTheirName) {
  const auto matches = [&](const std::string& where, const std::string& data) {
    Subscriber* const subscriber =
        Subscribe("subscription { p(where: " + where + ") { __typename } }");
    Publish(data);
    return subscriber->received == 1;
  };
  EXPECT_TRUE(matches(R"({uuid: {eq: "A0EEBC999C0B4EF8BB6D6BB9BD380A11"}})",
                      R"({"uuid":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"})"));
  EXPECT_TRUE(matches(R"({for: {gt: "PT59M"}})", R"({"for":"01:00:00"})"));
  EXPECT_TRUE(matches(R"({bytes: {in: ["\\xAB"]}})", R"({"bytes":"\\xab"})"));
  EXPECT_TRUE(matches(R"({net: {eq: "::1"}})", R"({"net":"0:0::1/128"})"));
  EXPECT_TRUE(matches("{doc: {ne: {a: 1}}}", R"({"doc":{"a":2}})"));
  EXPECT_TRUE(matches("{doc: {eq: [{a: 1.0}]}}", R"({"doc":[{"a":1}]})"));
  EXPECT_THAT(ErrorsJson(Prepare(R"(subscription { p(uuid: "soon") { __typename } })").errors),
              HasSubstr(R"(\"soon\" is not a value of \"uuid\".)"));
  EXPECT_FALSE(Prepare("subscription { p(where: {doc: {gt: 1}}) { __typename } }").subscription);
}

TEST_F(FilterTest, DataOfAnotherShapeMatchesNothingByAccident) {
  for (const char* data : {"[]", "1", "null", R"("n")", R"({"n":[1]})", R"({"n":{"eq":1}})"}) {
    EXPECT_FALSE(Matches("{n: {eq: 1}}", data)) << data;
    EXPECT_FALSE(Matches("{n: {gte: 0}}", data)) << data;
    EXPECT_FALSE(Matches("{os: {some: {n: {eq: 1}}}}", data)) << data;
  }
}

TEST_F(FilterTest, WhatIsNoValueOfTheTypeIsRefused) {
  const auto errors = [&](const std::string& where) {
    return ErrorsJson(Prepare("subscription { o(where: " + where + ") { id } }").errors);
  };
  EXPECT_THAT(errors(R"({at: {gt: "soon"}})"),
              HasSubstr(R"(\"soon\" is not a value of \"DateTime\")"));
  EXPECT_THAT(errors(R"({at: {gt: "soon"}})"), HasSubstr("BAD_USER_INPUT"));
  EXPECT_THAT(errors(R"({big: {in: [1, "x"]}})"), HasSubstr("BigInt"));
  std::string many = "{or: [";
  for (int i = 0; i < 1001; ++i) many += "{n: {eq: 1}} ";
  EXPECT_THAT(errors(many + "]}"), HasSubstr("more than 1000 conditions"));
}

TEST_F(FilterTest, EveryMemberAndItemIsACondition) {
  const auto conditions = [&](const std::string& where) {
    for (limits_.max_conditions = 1;; ++limits_.max_conditions) {
      if (Prepare("subscription { o(where: " + where + ") { id } }").subscription) {
        return limits_.max_conditions;
      }
    }
  };
  EXPECT_EQ(conditions("{n: {eq: 1}}"), 2u);
  EXPECT_EQ(conditions("{n: {gt: 1, lt: 5}}"), 3u);
  EXPECT_EQ(conditions("{n: {in: [1, 2, 2]}}"), 5u);
  EXPECT_EQ(conditions("{n: {notIn: [1]}}"), 3u);
  EXPECT_EQ(conditions("{or: [{}, {}, {}]}"), 4u);
  EXPECT_EQ(conditions("{and: [{n: {eq: 1}}], not: {}}"), 5u);
  EXPECT_EQ(conditions("{os: {some: {n: {exists: true}}}}"), 4u);
}

TEST_F(FilterTest, OneThatIsTooLargeIsNotBuilt) {
  limits_.max_filter = 10'000;
  limits_.max_conditions = 100'000;
  const auto errors = [&](const std::string& where) {
    return ErrorsJson(
        Prepare("subscription($w: OFilter) { o(where: $w) { id } }", "{\"w\":" + where + "}")
            .errors);
  };
  EXPECT_THAT(errors(R"({"s":{"contains":")" + std::string(10'000, 'x') + "\"}}"),
              HasSubstr("MEMORY_LIMIT"));
  std::string items = R"({"or":[{})";
  for (int i = 0; i < 1000; ++i) items += ",{}";
  EXPECT_THAT(errors(items + "]}"), HasSubstr("a filter of more than 10000 bytes"));
  EXPECT_THAT(errors(items + "]}"), HasSubstr(R"("locations":[{"line":1,"column":38}])"));
}

TEST_F(FilterTest, ValuesTooLongForTheIndexAreTried) {
  const auto filter = [&](size_t length) {
    const std::string s = "\"" + std::string(length, 's') + "\"";
    return Prepare(
               "subscription($s: String) { o(where: {s: {eq: $s}, n: {in: [1, 2, 3, 4]}}) { id } }",
               "{\"s\":" + s + "}")
        .subscription->filter;
  };
  EXPECT_EQ(filter(kMaxKeyBytes / 5).equal.size(), 2u);
  const Filter longer = filter(kMaxKeyBytes / 4);
  EXPECT_EQ(longer.equal.size(), 1u);
  EXPECT_TRUE(longer.residual);
  EXPECT_TRUE(Matches("{s: {eq: \"" + std::string(kMaxKeyBytes + 1, 's') + "\"}}",
                      "{\"s\":\"" + std::string(kMaxKeyBytes + 1, 's') + "\"}"));
}

TEST_F(FilterTest, EqualityAndInGoThroughTheIndexAndRangesMakeAnInterval) {
  const auto filter = [&](const std::string& where) {
    return Prepare("subscription { o(where: " + where + ") { id } }").subscription->filter;
  };
  const Filter equal = filter(R"({id: {in: [1, 2]}, and: [{o: {s: {eq: "x"}}}]})");
  EXPECT_EQ(equal.equal.size(), 2u);
  EXPECT_EQ(equal.keys.size(), 2u);
  EXPECT_FALSE(equal.residual);
  const Filter range = filter("{n: {gt: 1, lte: 5}, f: {gt: 1}}");
  ASSERT_TRUE(range.ranged);
  EXPECT_EQ(range.ranged->path, FieldPath{"n"});
  EXPECT_FALSE(range.interval.lower_included);
  EXPECT_TRUE(range.interval.upper_included);
  EXPECT_TRUE(range.residual);
  const Filter argument =
      Prepare("subscription { o(id: 1, where: {id: {in: [1, 2]}}) { id } }").subscription->filter;
  EXPECT_EQ(argument.keys.size(), 1u);
  EXPECT_TRUE(argument.residual);
}

TEST_F(FilterTest, EqualDemandsAreTriedAndEncodedOnceForAll) {
  for (int i = 0; i < 100; ++i) Where(R"({s: {contains: "x"}})");
  const Dispatcher::Outcome outcome = Publish(R"({"s":"xyz"})");
  EXPECT_EQ(outcome.matched, 100u);
  EXPECT_EQ(outcome.encoded, 1u);
}

// A condition as text, and what it means told a second time, in plain C++.
struct Event {
  std::optional<int> n;
  std::optional<std::string> s;
  std::vector<std::string> tags;
};

struct Demand {
  std::string text;
  std::function<bool(const Event&)> holds;
};

class RandomFilterTest : public FilterTest {
 protected:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
  std::string Letters() { return std::string(static_cast<size_t>(Below(3)), "ab"[Below(2)]); }

  Demand Condition(int depth) {
    const int number = Below(20);
    const std::string text = Letters();
    const std::string quoted = "\"" + text + "\"";
    const auto n = [](const Event& event, auto compare) { return event.n && compare(*event.n); };
    switch (Below(depth > 0 ? 12 : 9)) {
      case 0:
        return {"n: {eq: " + std::to_string(number) + "}",
                [=](const Event& event) { return event.n == number; }};
      case 1:
        return {"n: {gt: " + std::to_string(number) + "}", [=](const Event& event) {
                  return n(event, [=](int value) { return value > number; });
                }};
      case 2:
        return {"n: {lte: " + std::to_string(number) + ", gte: " + std::to_string(number - 5) + "}",
                [=](const Event& event) {
                  return n(event,
                           [=](int value) { return value <= number && value >= number - 5; });
                }};
      case 3:
        return {"n: {in: [" + std::to_string(number) + ", " + std::to_string(number + 2) + "]}",
                [=](const Event& event) { return event.n == number || event.n == number + 2; }};
      case 4:
        return {"s: {ne: " + quoted + "}", [=](const Event& event) { return event.s != text; }};
      case 5:
        return {"s: {eq: " + quoted + "}", [=](const Event& event) { return event.s == text; }};
      case 6:
        return {"s: {startsWith: " + quoted + "}",
                [=](const Event& event) { return event.s && event.s->starts_with(text); }};
      case 7:
        return {"tags: {some: {eq: " + quoted + "}}", [=](const Event& event) {
                  return std::count(event.tags.begin(), event.tags.end(), text) > 0;
                }};
      case 8:
        return {"n: {exists: false}", [](const Event& event) { return !event.n; }};
      default:
        break;
    }
    const Demand a = Condition(depth - 1);
    const Demand b = Condition(depth - 1);
    switch (Below(3)) {
      case 0:
        return {"or: [{" + a.text + "}, {" + b.text + "}]",
                [=](const Event& event) { return a.holds(event) || b.holds(event); }};
      case 1:
        return {"and: [{" + a.text + "}, {" + b.text + "}]",
                [=](const Event& event) { return a.holds(event) && b.holds(event); }};
      default:
        return {"not: {" + a.text + "}", [=](const Event& event) { return !a.holds(event); }};
    }
  }

  std::mt19937 random_;
};

TEST_F(RandomFilterTest, TheIndexFindsWhatTryingEachFilterFinds) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  random_.seed(seed);
  std::vector<std::pair<Subscriber*, Demand>> subscribers;
  for (int i = 0; i < 1000; ++i) {
    const Demand demand = Condition(3);
    subscribers.emplace_back(Where("{" + demand.text + "}"), demand);
  }
  for (int i = 0; i < 100; ++i) {
    Event event;
    std::string data = "{\"tags\":[";
    for (int tags = Below(3); tags > 0; --tags) {
      event.tags.push_back(Letters());
      data += "\"" + event.tags.back() + (tags > 1 ? "\"," : "\"");
    }
    data += "]";
    if (Below(5) > 0) data += ",\"n\":" + std::to_string(*(event.n = Below(22)));
    if (Below(5) > 0) data += ",\"s\":\"" + *(event.s = Letters()) + "\"";
    data += "}";
    for (auto& [subscriber, demand] : subscribers) subscriber->received = 0;
    Publish(data);
    for (const auto& [subscriber, demand] : subscribers) {
      ASSERT_EQ(subscriber->received, demand.holds(event) ? 1 : 0) << demand.text << " " << data;
    }
  }
}

}  // namespace
}  // namespace fsubs
