#include "worker/encode.hpp"

#include <gtest/gtest.h>

#include "test/unit/served_catalog.hpp"

namespace fsubs {
namespace {

class EncodeTest : public testing::Test {
 protected:
  // What stands between `{"data":` and `,"extensions":...`.
  std::string Encoded(const std::string& query, const std::string& event,
                      const std::string& variables = "") {
    const PrepareResult prepared = served_.Prepare(query, variables);
    if (!prepared.subscription) return prepared.errors;
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

}  // namespace
}  // namespace fsubs
