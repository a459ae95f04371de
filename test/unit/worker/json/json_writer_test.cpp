#include "worker/json/json_writer.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "worker/json/json_tree.hpp"

namespace fsubs {
namespace {

class JsonWriterTest : public testing::Test {
 protected:
  std::string out_;
  JsonWriter json_{&out_};
};

TEST_F(JsonWriterTest, CommasStandBetweenElementsAndMembers) {
  json_.BeginArray();
  json_.Number(1);
  json_.BeginObject();
  json_.Key("a");
  json_.Null();
  json_.Key("b");
  json_.BeginArray();
  json_.BeginArray();
  json_.EndArray();
  json_.BeginObject();
  json_.EndObject();
  json_.String("x");
  json_.EndArray();
  json_.Key("c");
  json_.Raw("[2,3]");
  json_.EndObject();
  json_.Bool(true);
  json_.Bool(false);
  json_.EndArray();
  EXPECT_EQ(out_, R"([1,{"a":null,"b":[[],{},"x"],"c":[2,3]},true,false])");
}

TEST_F(JsonWriterTest, EmptyContainersHoldNothing) {
  json_.BeginObject();
  json_.EndObject();
  EXPECT_EQ(out_, "{}");
}

TEST_F(JsonWriterTest, ValuesOutsideOfContainersAreAListWithoutBrackets) {
  json_.Number(1);
  json_.BeginObject();
  json_.EndObject();
  json_.Number(2);
  EXPECT_EQ(out_, "1,{},2");
}

TEST_F(JsonWriterTest, WhatStandsInTheStringAlreadyGetsNoComma) {
  out_ = "event: ";
  json_.Key("id");
  json_.String("1");
  EXPECT_EQ(out_, R"(event: "id":"1")");
}

TEST_F(JsonWriterTest, WholeNumbersKeepEveryDigit) {
  json_.Number(std::numeric_limits<int64_t>::min());
  json_.Number(std::numeric_limits<uint64_t>::max());
  json_.Number(uint8_t{65});
  EXPECT_EQ(out_, "-9223372036854775808,18446744073709551615,65");
}

TEST_F(JsonWriterTest, StringsAndKeysAreEscaped) {
  std::string all;
  for (int c = 0; c < 0x80; ++c) all += static_cast<char>(c);
  all += "\u00e9\U0001f600";
  json_.BeginObject();
  json_.Key(all);
  json_.String(all);
  json_.EndObject();
  EXPECT_EQ(out_.substr(2, 16), R"(\u0000\u0001\u00)");
  JsonTree tree;
  ASSERT_TRUE(tree.ParseCopy(out_)) << out_;
  tree.root().ForEachMember([&](std::string_view name, const JsonValue& value) {
    EXPECT_EQ(name, all);
    EXPECT_EQ(value.text(), all);
  });
  EXPECT_FALSE(tree.root().empty());
}

}  // namespace
}  // namespace fsubs
