#include "worker/json/json_number.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

std::string FormOf(std::string_view number) {
  std::string form;
  AppendNumberForm(number, &form);
  return form;
}

TEST(JsonNumberTest, EqualNumbersShareAFormHoweverTheyAreWritten) {
  for (const char* same : {"42.5", "42.50", "4.25e1", "425e-1", "0.0425E+3"}) {
    EXPECT_EQ(FormOf(same), FormOf("42.5")) << same;
  }
  for (const char* zero : {"0", "-0", "0.0", "0e9", "-0.00e-99999999999999999999"}) {
    EXPECT_EQ(FormOf(zero), FormOf("0")) << zero;
    EXPECT_TRUE(IsZero(zero)) << zero;
  }
}

TEST(JsonNumberTest, NumbersThatADoubleConfusesAreDifferent) {
  EXPECT_NE(FormOf("9007199254740993"), FormOf("9007199254740992"));
  EXPECT_NE(FormOf("0.1000000000000000055511151231257827"), FormOf("0.1"));
  EXPECT_NE(FormOf("1e400"), FormOf("1e401"));
  EXPECT_NE(FormOf("1"), FormOf("-1"));
}

TEST(JsonNumberTest, IntsAreWholeAndHave32Bits) {
  int32_t value = 0;
  EXPECT_EQ(ToInt("2147483647", &value), IntResult::kOk);
  EXPECT_EQ(value, INT32_MAX);
  EXPECT_EQ(ToInt("-2.147483648e9", &value), IntResult::kOk);
  EXPECT_EQ(value, INT32_MIN);
  EXPECT_EQ(ToInt("2147483648", &value), IntResult::kOutOfRange);
  EXPECT_EQ(ToInt("1.5", &value), IntResult::kNotWhole);
}

TEST(JsonNumberTest, OnlyJsonsNumbersAreNumbers) {
  for (const char* number : {"0", "-0", "10", "1.5", "1e5", "1E-5", "1.5e+10"}) {
    EXPECT_TRUE(IsJsonNumber(number)) << number;
  }
  for (const char* other : {"", "-", "03", "1.", ".5", "+1", "0x1f", "1e", "1e+", "1 ", "NaN"}) {
    EXPECT_FALSE(IsJsonNumber(other)) << other;
  }
}

}  // namespace
}  // namespace fsubs
