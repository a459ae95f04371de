#include "contract/limit.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fsubs {
namespace {

constexpr uint64_t kSecond = 1'000'000;

std::optional<LimitValue> Read(LimitForm form, std::string_view text) {
  LimitValue value;
  return ParseLimit(form, text, &value) == nullptr ? std::optional(value) : std::nullopt;
}

std::optional<LimitValue> Rate(std::string_view text) {
  return Read(LimitForm::kRate, text);
}

LimitValue ValueOf(uint32_t count, uint64_t seconds, uint32_t burst) {
  return {.count = count, .burst = burst, .period_us = seconds * kSecond};
}

TEST(LimitTest, ANumberIsDigits) {
  EXPECT_EQ(Read(LimitForm::kNumber, "100"), LimitValue{.count = 100});
  EXPECT_EQ(Read(LimitForm::kNumber, "0"), LimitValue{});
  EXPECT_EQ(Read(LimitForm::kNumber, "1000000000"), LimitValue{.count = kMaxLimit});
  for (const char* const text : {"", " ", "-1", "+1", "1.0", "1e3", "01", "1 ", " 1", "0x1", "1/s",
                                 "1000000001", "99999999999999999999", "none", "\xD9\xA1"}) {
    EXPECT_FALSE(Read(LimitForm::kNumber, text)) << text;
  }
}

TEST(LimitTest, ARateIsANumberInASecondAMinuteOrAnHour) {
  EXPECT_EQ(Rate("100/s burst 200"), ValueOf(100, 1, 200));
  EXPECT_EQ(Rate("600/min burst 1"), ValueOf(600, 60, 1));
  EXPECT_EQ(Rate("5000/h  burst   1000000000"), ValueOf(5000, 3600, kMaxLimit));
  for (const char* const text : {"",
                                 "100",
                                 "/s",
                                 "100/",
                                 "100/ s",
                                 "100 /s",
                                 " 100/s",
                                 "100/s ",
                                 "100/S",
                                 "100/sec",
                                 "100/m",
                                 "100/d",
                                 "1.5/s",
                                 "-1/s",
                                 "01/s",
                                 "1000000001/s",
                                 "100/sburst 5",
                                 "100/s burst",
                                 "100/s burst ",
                                 "100/s burst 0",
                                 "100/s burst -1",
                                 "100/s burst 1000000001",
                                 "100/s burst 5 ",
                                 "100/s burst5",
                                 "100/s 5",
                                 "100/s burst 5 burst 5",
                                 "100/s, burst 5"}) {
    EXPECT_FALSE(Rate(text)) << text;
  }
}

TEST(LimitTest, WithoutABurstItIsWhatASecondBringsRoundedUp) {
  EXPECT_EQ(Rate("100/s"), ValueOf(100, 1, 100));
  EXPECT_EQ(Rate("600/min"), ValueOf(600, 60, 10));
  EXPECT_EQ(Rate("61/min"), ValueOf(61, 60, 2));
  EXPECT_EQ(Rate("1/h"), ValueOf(1, 3600, 1));
  EXPECT_EQ(Rate("1000000000/s"), ValueOf(kMaxLimit, 1, kMaxLimit));
}

TEST(LimitTest, ARateOfZeroIsNoneAndHasNoBurst) {
  EXPECT_EQ(Rate("0")->count, 0u);
  EXPECT_EQ(Rate("0/h"), ValueOf(0, 3600, 0));
  EXPECT_FALSE(Rate("0/s burst 5"));
  EXPECT_FALSE(Rate("0 burst 5"));
}

TEST(LimitTest, ARefusalSaysWhatIsWrong) {
  LimitValue value{.count = 7};
  EXPECT_NE(std::string(ParseLimit(LimitForm::kRate, "5/day", &value)).find("\"/min\""),
            std::string::npos);
  EXPECT_NE(std::string(ParseLimit(LimitForm::kRate, "5/s bursts 2", &value)).find("burst"),
            std::string::npos);
  EXPECT_EQ(value, LimitValue{.count = 7}) << "and leaves the value alone";
}

TEST(LimitTest, RatesCompareWhateverTheirPeriods) {
  EXPECT_TRUE(IsLarger(*Rate("2/s"), *Rate("100/min")));
  EXPECT_FALSE(IsLarger(*Rate("100/min"), *Rate("2/s")));
  EXPECT_TRUE(IsLarger(*Rate("1000000000/s"), *Rate("1000000000/h")));
  EXPECT_FALSE(IsLarger(*Rate("1/s burst 60"), *Rate("60/min burst 60")));
  EXPECT_TRUE(IsLarger(*Rate("60/min burst 61"), *Rate("1/s burst 60"))) << "then the burst counts";
  EXPECT_TRUE(IsLarger({.count = 2}, {.count = 1}));
  EXPECT_FALSE(IsLarger({.count = 1}, {.count = 1}));
}

TEST(LimitTest, KeysAreFoundByName) {
  EXPECT_EQ(FindLimit("events_per_user"), LimitKey::kEventsPerUser);
  EXPECT_EQ(FindLimit("connections_per_user"), LimitKey::kConnectionsPerUser);
  EXPECT_FALSE(FindLimit("rate_limit")) << "a field's";
  EXPECT_FALSE(FindLimit(""));
  EXPECT_FALSE(FindLimit("Events_per_user"));
}

}  // namespace
}  // namespace fsubs
