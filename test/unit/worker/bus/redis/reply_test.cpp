#include "worker/bus/redis/reply.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fsubs {
namespace {

using Result = ReplyReader::Result;

Reply ReadOne(const std::string& bytes) {
  ReplyReader reader({});
  EXPECT_TRUE(reader.Feed(bytes));
  Reply reply;
  EXPECT_EQ(reader.Next(&reply), Result::kReply) << bytes;
  return reply;
}

TEST(ReplyReader, ReadsEachKindOfReply) {
  EXPECT_EQ(ReadOne("+OK\r\n").type, Reply::Type::kStatus);
  EXPECT_TRUE(ReadOne("-READONLY no\r\n").is_error("READONLY"));
  EXPECT_FALSE(ReadOne("-READONLYX no\r\n").is_error("READONLY"));
  EXPECT_EQ(ReadOne(":-7\r\n").integer, -7);
  EXPECT_TRUE(ReadOne("$-1\r\n").is_nil());
  EXPECT_TRUE(ReadOne("*-1\r\n").is_nil());
  EXPECT_TRUE(ReadOne("*0\r\n").is_array());
  EXPECT_EQ(ReadOne(std::string("$3\r\na\0b\r\n", 9)).text, std::string("a\0b", 3));
  const Reply nested = ReadOne("*2\r\n*1\r\n$1\r\na\r\n:3\r\n");
  EXPECT_EQ(nested.elements[0].elements[0].text, "a");
  EXPECT_EQ(nested.elements[1].integer, 3);
}

TEST(ReplyReader, ReadsRepliesThatComeByteByByte) {
  ReplyReader reader({});
  Reply reply;
  const std::string bytes = "*2\r\n$5\r\nhello\r\n:1\r\n";
  for (const char byte : bytes.substr(0, bytes.size() - 1)) {
    ASSERT_TRUE(reader.Feed({&byte, 1}));
    ASSERT_EQ(reader.Next(&reply), Result::kMore);
  }
  ASSERT_TRUE(reader.Feed("\n"));
  EXPECT_EQ(reader.Next(&reply), Result::kReply);
  EXPECT_EQ(reply.elements[0].text, "hello");
}

TEST(ReplyReader, BreaksAtWhatIsNoReply) {
  for (const char* bytes : {"hello\r\n", "*x\r\n", "$x\r\n", ":x\r\n", "*2\r\n?", "*-7\r\n",
                            "$-7\r\n", "%1\r\n+a\r\n+b\r\n", ",1.5\r\n", "#t\r\n"}) {
    ReplyReader reader({});
    Reply reply;
    ASSERT_TRUE(reader.Feed(bytes));
    EXPECT_EQ(reader.Next(&reply), Result::kBroken) << bytes;
    EXPECT_NE(reader.error(), "");
    EXPECT_FALSE(reader.is_too_large());
  }
}

TEST(ReplyReader, MakesNoRoomForElementsThatAreOnlyAnnounced) {
  for (const char* bytes : {"*2000000000\r\n", "*101\r\n", "*60\r\n*60\r\n"}) {
    ReplyReader reader({.bytes = 1000, .elements = 100});
    Reply reply;
    ASSERT_TRUE(reader.Feed(bytes));
    EXPECT_EQ(reader.Next(&reply), Result::kBroken) << bytes;
  }
}

TEST(ReplyReader, KeepsNoMoreThanItsLimitOfWhatIsNotWhole) {
  ReplyReader reader({.bytes = 1000, .elements = 10});
  Reply reply;
  ASSERT_TRUE(reader.Feed("$1000\r\n"));
  EXPECT_EQ(reader.Next(&reply), Result::kMore);
  size_t fed = 0;
  while (fed < 10'000 && reader.Feed(std::string(100, 'x'))) fed += 100;
  EXPECT_LE(fed, 1200u);
  EXPECT_TRUE(reader.is_too_large());
}

TEST(ReplyReader, BreaksAtALineThatDoesNotEnd) {
  for (const std::string start : {"+", "-", ":", "$", "*", "*1\r\n+"}) {
    ReplyReader reader({.bytes = size_t{1} << 30});
    Reply reply;
    ASSERT_TRUE(reader.Feed(start));
    const std::string piece(16 * 1024, '1');
    Result result = Result::kMore;
    for (int i = 0; i < 5 && result == Result::kMore; ++i) {
      ASSERT_TRUE(reader.Feed(piece));
      result = reader.Next(&reply);
    }
    EXPECT_EQ(result, Result::kBroken) << start;
  }
}

TEST(ReplyReader, TakesNothingOfATextThatIsAnnouncedLargerThanItsLimit) {
  for (const char* start : {"$1001\r\n", "*1\r\n$1001\r\nab", "$9000000000000000000\r\n"}) {
    ReplyReader reader({.bytes = 1000});
    Reply reply;
    ASSERT_TRUE(reader.Feed(start));
    EXPECT_EQ(reader.Next(&reply), Result::kBroken) << start;
    EXPECT_TRUE(reader.is_too_large());
  }
}

TEST(ReplyReader, CountsTheTextsOfOneReplyTogether) {
  ReplyReader reader({.bytes = 100, .elements = 10});
  const std::string text = "$60\r\n" + std::string(60, 'x') + "\r\n";
  Reply reply;
  ASSERT_TRUE(reader.Feed(text));
  EXPECT_EQ(reader.Next(&reply), Result::kReply);
  ASSERT_TRUE(reader.Feed(text));
  EXPECT_EQ(reader.Next(&reply), Result::kReply);
  ASSERT_TRUE(reader.Feed("*2\r\n" + text + text));
  EXPECT_EQ(reader.Next(&reply), Result::kBroken);
  EXPECT_TRUE(reader.is_too_large());
}

TEST(ReplyReader, OutlivesAnyBytes) {
  std::mt19937 random(1);
  const std::string alphabet = "*$+-:%,#_(\r\n0123456789xEOF";
  for (int round = 0; round < 20'000; ++round) {
    ReplyReader reader({.bytes = 200, .elements = 20});
    std::string bytes;
    for (int i = 0; i < 60; ++i) bytes += alphabet[random() % alphabet.size()];
    Reply reply;
    Result result = Result::kReply;
    if (reader.Feed(bytes)) {
      while (result == Result::kReply) result = reader.Next(&reply);
    }
  }
}

}  // namespace
}  // namespace fsubs
