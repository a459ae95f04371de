#include "worker/bus/memory/line_intake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fsubs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kCatalog[] =
    R"({"catalog": {"types": "type A { b: Int }", "subscriptions": [{"field": "a: A", "channel": "c"}]}})";

class LineIntakeTest : public testing::Test, private BusReader::Sink {
 protected:
  LineIntakeTest()
      : intake_(this, [this](bool is_error, std::string_view json) {
          answers_.emplace_back(json);
          errors_ += is_error ? 1 : 0;
        }) {}

  static std::string Line(const std::string& data) {
    return R"({"type": "t", "channel": "c", "data": ")" + data + "\"}\n";
  }

  LineIntake intake_;
  std::vector<std::string> taken_;  // data of events, and "catalog"
  std::vector<std::string> answers_;
  size_t errors_ = 0;
  uint64_t room_ = 1000;

 private:
  void OnEvents(std::span<const BusEvent> events) override {
    for (const BusEvent& event : events) {
      EXPECT_GT(event.record.commit_time_us, 0);
      EXPECT_LE(EncodedSize(event.record), room_);
      room_ -= EncodedSize(event.record);
      taken_.emplace_back(event.record.data);
    }
  }
  void OnCatalog(std::string) override { taken_.emplace_back("catalog"); }
  void OnState(const BusState&) override {}
  void OnEnd() override {}
  uint64_t Room() const override { return room_; }
  uint64_t LargestRecord() const override { return 500; }
};

TEST_F(LineIntakeTest, WhatHasNoRoomWaitsAndWhatIsBehindItToo) {
  room_ = 100;
  intake_.Add(Line("1") + Line("2") + kCatalog + "\n" + Line("3") + R"({"sync": 7})" + "\n");
  EXPECT_THAT(taken_, ElementsAre("\"1\""));
  EXPECT_TRUE(intake_.waits());
  intake_.Continue();
  EXPECT_TRUE(intake_.waits());
  EXPECT_THAT(answers_, IsEmpty());
  room_ = 1000;
  intake_.Continue();
  EXPECT_FALSE(intake_.waits());
  EXPECT_THAT(taken_, ElementsAre("\"1\"", "\"2\"", "catalog", "\"3\""));
  EXPECT_THAT(answers_, ElementsAre(R"({"line":5,"sync":7})"));
  EXPECT_EQ(errors_, 0u);
}

TEST_F(LineIntakeTest, ALineThatIsRefusedIsToldAndTheNextIsTaken) {
  intake_.Add("{\n" + Line(std::string(500, 'x')) + R"({"catalog": {"types": 1}})" + "\n" +
              Line("1"));
  EXPECT_THAT(taken_, ElementsAre("\"1\""));
  EXPECT_THAT(answers_, ElementsAre(HasSubstr("it is not JSON"), HasSubstr("increase ring_size"),
                                    HasSubstr("the catalog stays as it was")));
  EXPECT_EQ(errors_, 3u);
}

TEST_F(LineIntakeTest, BlankLinesAreNothing) {
  intake_.Add("\n \t\n\r\n");
  EXPECT_THAT(answers_, IsEmpty());
}

TEST_F(LineIntakeTest, TheLastLineNeedsNoEnd) {
  std::string line = Line("1");
  line.pop_back();
  intake_.Add(line);
  EXPECT_THAT(taken_, IsEmpty());
  intake_.End();
  EXPECT_THAT(taken_, ElementsAre("\"1\""));
}

}  // namespace
}  // namespace fsubs
