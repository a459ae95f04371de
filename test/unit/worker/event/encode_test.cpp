#include "worker/event/encode.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/worker/served_catalog.hpp"
#include "worker/operation/errors_json.hpp"

namespace fsubs {
namespace {

using testing::ContainsRegex;
using testing::MatchesRegex;

class EncodeTest : public testing::Test {
 protected:
  // What stands between `{"data":` and `,"extensions":...`.
  std::string Encoded(const std::string& query, const std::string& event,
                      const std::string& variables = "") {
    const PrepareResult prepared = served_.Prepare(query, variables);
    if (!prepared.subscription) return ErrorsJson(prepared.errors);
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(event)) << tree.error();
    std::string out = "kept";
    Encode(*prepared.subscription->plan, tree.root(), {"1-8", 1767225600000001}, &out);
    const std::string head = "kept{\"data\":";
    const std::string tail = R"(,"extensions":{"position":"1-8"}})";
    EXPECT_EQ(out.substr(0, head.size()), head);
    EXPECT_EQ(out.substr(out.size() - tail.size()), tail);
    return out.substr(head.size(), out.size() - head.size() - tail.size());
  }

  std::string EncodedOrder(const std::string& selection, const std::string& event) {
    return Encoded("subscription { orderUpdated { " + selection + " } }", event);
  }

  ServedCatalog served_;
};

TEST_F(EncodeTest, FieldsComeInTheOrderOfTheSelectionUnderTheirAliases) {
  EXPECT_EQ(Encoded("subscription { o: orderUpdated { t: total id __typename } }",
                    R"({"id":1,"total":42.5,"unasked":true})"),
            R"({"o":{"t":42.5,"id":"1","__typename":"Order"}})");
}

TEST_F(EncodeTest, NumbersKeepEveryDigit) {
  EXPECT_EQ(EncodedOrder("total extra",
                         R"({"total":12345678901234567890.0000000001,"extra":{"n":1.10}})"),
            R"({"orderUpdated":{"total":12345678901234567890.0000000001,"extra":{"n":1.10}}})");
}

TEST_F(EncodeTest, LineBreaksOfTheDataAreNotCopied) {
  EXPECT_EQ(EncodedOrder("extra", "{\n\"extra\":{\r\n  \"n\":[1,\n\"a\\n\"]}\n}"),
            R"({"orderUpdated":{"extra":{    "n":[1, "a\n"]}}})");
}

TEST_F(EncodeTest, LeavesAreCoercedAsGraphqlJsDoes) {
  EXPECT_EQ(EncodedOrder("note paid quantity total",
                         R"({"note":1.5,"paid":1,"quantity":"12","total":true})"),
            R"({"orderUpdated":{"note":"1.5","paid":true,"quantity":12,"total":1}})");
  EXPECT_EQ(EncodedOrder("paid quantity", R"({"paid":0.0,"quantity":3e2})"),
            R"({"orderUpdated":{"paid":false,"quantity":300}})");
}

TEST_F(EncodeTest, AMisfitIsNullWithAnErrorThatNamesItsPath) {
  EXPECT_EQ(
      EncodedOrder("quantity", R"({"quantity":1.5})"),
      R"({"orderUpdated":{"quantity":null}},"errors":[{"message":"Int cannot represent non-integer value: 1.5",)"
      R"("locations":[{"line":1,"column":31}],"path":["orderUpdated","quantity"],"extensions":{"code":"DATA_MISMATCH"}}])");
  for (const char* event :
       {R"({"quantity":3000000000})", R"({"quantity":"x"})", R"({"quantity":[]})",
        R"({"quantity":""})", R"({"quantity":"1 "})", R"({"quantity":"03"})"}) {
    EXPECT_EQ(EncodedOrder("quantity", event).substr(0, 50),
              R"({"orderUpdated":{"quantity":null}},"errors":[{"mes)")
        << event;
  }
  EXPECT_NE(
      EncodedOrder("status", R"({"status":"LOST"})").find("cannot represent value: \\\"LOST\\\""),
      std::string::npos);
}

TEST_F(EncodeTest, NullPropagatesToTheNearestNullableField) {
  EXPECT_EQ(
      EncodedOrder("items { sku }", R"({"items":[{"sku":"a"},{"sku":null},null]})"),
      R"({"orderUpdated":{"items":[{"sku":"a"},null,null]}},"errors":[{"message":"Cannot return null for non-nullable field Item.sku.",)"
      R"("locations":[{"line":1,"column":39}],"path":["orderUpdated","items",1,"sku"],"extensions":{"code":"DATA_MISMATCH"}}])");
  EXPECT_EQ(EncodedOrder("tags", R"({"tags":["a",null]})").substr(0, 32),
            R"({"orderUpdated":{"tags":null}},")");
  EXPECT_EQ(Encoded("subscription { orderPaid { id } }", "{}").substr(0, 15), R"(null,"errors":[)");
  EXPECT_EQ(Encoded("subscription { orderUpdated { id } }", "{}").substr(0, 24),
            R"({"orderUpdated":null},"e)");
}

TEST_F(EncodeTest, AbsentAndNullFieldsAreNull) {
  EXPECT_EQ(EncodedOrder("note items { sku } owner { name }", R"({"note":null})"),
            R"({"orderUpdated":{"note":null,"items":null,"owner":null}})");
  EXPECT_EQ(Encoded("subscription { orderUpdated { note } }", "null"), R"({"orderUpdated":null})");
}

TEST_F(EncodeTest, AListMustBeAList) {
  EXPECT_NE(EncodedOrder("tags", R"({"tags":"a"})").find("Expected Iterable"), std::string::npos);
}

TEST_F(EncodeTest, FragmentsAndConditionsApply) {
  EXPECT_EQ(
      Encoded(
          "subscription($y: Boolean!) { orderUpdated { ...F ... on Order { note @include(if: $y) } "
          "... { paid @skip(if: $y) } } } fragment F on Order { id note }",
          R"({"id":1,"note":"n","paid":true})", R"({"y":false})"),
      R"({"orderUpdated":{"id":"1","note":"n","paid":true}})");
}

TEST_F(EncodeTest, SelectionsOfOneFieldAreMerged) {
  EXPECT_EQ(EncodedOrder("items { sku } items { order { id } }",
                         R"({"items":[{"sku":"a","order":{"id":2}}]})"),
            R"({"orderUpdated":{"items":[{"sku":"a","order":{"id":"2"}}]}})");
}

TEST_F(EncodeTest, AbstractTypesAreResolvedByTypename) {
  const std::string selection =
      "owner { __typename name ... on Person { age } ... on Firm { tax } }";
  EXPECT_EQ(
      EncodedOrder(selection, R"({"owner":{"__typename":"Firm","name":"x","tax":"t","age":3}})"),
      R"({"orderUpdated":{"owner":{"__typename":"Firm","name":"x","tax":"t"}}})");
  EXPECT_NE(EncodedOrder(selection, R"({"owner":{"name":"x"}})").find("__typename"),
            std::string::npos);
  EXPECT_NE(
      EncodedOrder(selection, R"({"owner":{"__typename":"Order"}})").find("not a possible type"),
      std::string::npos);
}

// Specification, section 6.3.2: a fragment applies to the objects that its type includes.
TEST_F(EncodeTest, FragmentsOnInterfacesApplyInsideUnions) {
  const std::string query =
      "subscription { boxed { things { ... on Node { id ... on Named { name } } ...L "
      "... on Stone { weight } } } } fragment L on Cat { lives }";
  EXPECT_EQ(
      Encoded(query, R"({"things":[{"__typename":"Cat","id":1,"name":"Tom","lives":9},)"
                     R"({"__typename":"Dog","id":2,"name":"Rex"},)"
                     R"({"__typename":"Stone","id":3,"weight":1.50}]})"),
      R"({"boxed":{"things":[{"id":"1","name":"Tom","lives":9},{"id":"2"},{"weight":1.50}]}})");
}

TEST_F(EncodeTest, AnInterfaceIsResolvedThroughTheInterfacesThatImplementIt) {
  EXPECT_EQ(Encoded("subscription { boxed { node { __typename id ... on Named { name } } } }",
                    R"({"node":{"__typename":"Cat","id":1,"name":"Tom"}})"),
            R"({"boxed":{"node":{"__typename":"Cat","id":"1","name":"Tom"}}})");
  // Of its implementations only object types are types of values.
  EXPECT_NE(
      Encoded("subscription { boxed { node { id } } }", R"({"node":{"__typename":"Named","id":1}})")
          .find("was resolved to a non-object type \\\"Named\\\""),
      std::string::npos);
  EXPECT_NE(
      Encoded("subscription { boxed { named { id } } }", R"({"named":{"__typename":"Dog","id":1}})")
          .find("Runtime Object type \\\"Dog\\\" is not a possible type for \\\"Named\\\""),
      std::string::npos);
}

// Specification, section 6.4.4.
TEST_F(EncodeTest, NullPropagatesThroughListsAndUnions) {
  const std::string cat = R"({"__typename":"Cat","id":1,"lives":null})";
  const std::string message = R"("message":"Cannot return null for non-nullable field Cat.lives.")";
  const std::string things = Encoded("subscription { boxed { things { ... on Cat { lives } } } }",
                                     R"({"things":[)" + cat + "]}");
  EXPECT_EQ(things.find(R"({"boxed":{"things":null}},"errors":[{)" + message), 0u) << things;
  const std::string must = Encoded("subscription { boxed { must { ... on Cat { lives } } } }",
                                   R"({"must":)" + cat + "}");
  EXPECT_EQ(must.find(R"({"boxed":null},"errors":[{)" + message), 0u) << must;
  EXPECT_NE(must.find(R"("path":["boxed","must","lives"])"), std::string::npos);
  const std::string nodes =
      Encoded("subscription { boxed { nodes { id } } }", R"({"nodes":[[null],null]})");
  EXPECT_EQ(nodes.find(R"({"boxed":{"nodes":null}},"errors")"), 0u) << nodes;
  EXPECT_EQ(Encoded("subscription { boxed { nodes { id } } }", R"({"nodes":[[null],[]]})"),
            R"({"boxed":{"nodes":[[null],[]]}})");
}

TEST_F(EncodeTest, ConditionsApplyToEveryKindOfSelection) {
  const std::string query =
      "subscription($y: Boolean!, $n: Boolean!) { boxed { a: thing @include(if: $n) { __typename } "
      "b: thing { ...F @skip(if: $y) ... on Dog @include(if: $y) { bark @skip(if: $n) } "
      "... @include(if: $n) { __typename } } } } fragment F on Dog { id }";
  EXPECT_EQ(Encoded(query, R"({"thing":{"__typename":"Dog","id":1,"bark":true}})",
                    R"({"y":true,"n":false})"),
            R"({"boxed":{"b":{"bark":true}}})");
  EXPECT_EQ(Encoded(query, R"({"thing":{"__typename":"Dog","id":1,"bark":true}})",
                    R"({"y":false,"n":true})"),
            R"({"boxed":{"a":{"__typename":"Dog"},"b":{"id":"1","__typename":"Dog"}}})");
}

// Specification, section 3.5: results of the scalars. Digits are the data's own.
TEST_F(EncodeTest, NumbersAreCopiedAsTheyAreWritten) {
  for (const char* number :
       {"123456789012345678901234567890", "0.1000000000000000055511151231257827", "-0", "-0.0",
        "1e400", "2E-7", "1.0", "100"}) {
    EXPECT_EQ(
        EncodedOrder("total extra",
                     std::string(R"({"total":)") + number + R"(,"extra":[)" + number + "]}"),
        std::string(R"({"orderUpdated":{"total":)") + number + R"(,"extra":[)" + number + "]}}");
  }
}

TEST_F(EncodeTest, AnIntIsWrittenAsItsDigitsAndWithin32Bits) {
  const auto quantity = [&](const std::string& number) {
    return EncodedOrder("quantity", R"({"quantity":)" + number + "}").substr(0, 45);
  };
  EXPECT_EQ(quantity("-0"), R"({"orderUpdated":{"quantity":0}})");
  EXPECT_EQ(quantity("1.20e1"), R"({"orderUpdated":{"quantity":12}})");
  EXPECT_EQ(quantity("2147483647.0"), R"({"orderUpdated":{"quantity":2147483647}})");
  EXPECT_EQ(quantity("-2147483648"), R"({"orderUpdated":{"quantity":-2147483648}})");
  for (const char* misfit : {"2147483648", "-2147483649", "1e100", "0.5", "1e-1"}) {
    EXPECT_EQ(quantity(misfit), R"({"orderUpdated":{"quantity":null}},"errors":[)") << misfit;
  }
}

TEST_F(EncodeTest, AResponseThatIsTenTimesItsEventIsNotWrittenToTheEnd) {
  std::string fields;
  for (int i = 0; i < 20; ++i) fields += "a" + std::to_string(i) + ": note ";
  const std::string event = R"({"note":")" + std::string(100'000, 'x') + "\"}";
  const std::string encoded = EncodedOrder(fields, event);
  EXPECT_EQ(
      encoded,
      R"({"orderUpdated":null},"errors":[{"message":"The response would be larger than 1048576 bytes.",)"
      R"("locations":[{"line":1,"column":16}],"path":["orderUpdated"],"extensions":{"code":"RESPONSE_TOO_LARGE"}}])");
  fields.resize(fields.find("a9"));
  EXPECT_GT(EncodedOrder(fields, event).size(), 900'000u);
}

TEST_F(EncodeTest, AnEventThatLacksColumnsComesWithAnErrorInFrontOfOthers) {
  const auto encoded = [&](const std::string& selection) {
    const PrepareResult prepared =
        served_.Prepare("subscription { o: orderUpdated { " + selection + " } }", "");
    JsonTree tree;
    EXPECT_TRUE(tree.ParseCopy(R"({"id":1,"quantity":1.5})"));
    std::string out;
    Encode(*prepared.subscription->plan, tree.root(), {"1-8", 0, true}, &out);
    return out;
  };
  EXPECT_THAT(
      encoded("id note"),
      MatchesRegex(
          R"re(\{"data":\{"o":\{"id":"1","note":null\}\},"errors":\[\{"message":"Columns [^{]*)re"
          R"re("locations":\[\{"line":1,"column":16\}\],"path":\["o"\],)re"
          R"re("extensions":\{"code":"EVENT_INCOMPLETE"\}\}\],"extensions".*)re"));
  EXPECT_THAT(encoded("quantity"), ContainsRegex("EVENT_INCOMPLETE.*DATA_MISMATCH"));
}

TEST_F(EncodeTest, WhereThereIsNoEventItsFieldIsNullAndTellsWhy) {
  const auto failure = [&](const std::string& query) {
    return EncodeFailure(*served_.Prepare(query, "").subscription->plan,
                         {.message = "gone", .code = kErrorEventsLost});
  };
  EXPECT_EQ(
      failure("subscription { o: orderUpdated { id } }"),
      R"({"data":{"o":null},"errors":[{"message":"gone","locations":[{"line":1,"column":16}],)"
      R"("path":["o"],"extensions":{"code":"EVENTS_LOST"}}]})");
  EXPECT_EQ(failure("subscription { orderPaid { id } }").substr(0, 24),
            R"({"data":null,"errors":[{)");
}

}  // namespace
}  // namespace fsubs
