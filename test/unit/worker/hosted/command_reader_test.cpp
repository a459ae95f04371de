#include "worker/hosted/command_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/echo_host.hpp"

namespace fsubs {
namespace {

using session::CommandKind;
using testing::HasSubstr;

std::string Number(auto number) {
  std::string bytes;
  session::Append(number, &bytes);
  return bytes;
}

TEST(CommandReader, ReadsCommandsInTheirOrder) {
  const std::string bytes = MakeCommand(CommandKind::kText, 1, "one") +
                            MakeCommand(CommandKind::kHeard, 2) +
                            MakeCommand(CommandKind::kText, UINT32_MAX, "three");
  CommandReader reader(bytes);
  SessionCommand command;
  ASSERT_TRUE(reader.Next(&command));
  EXPECT_EQ(command.kind, CommandKind::kText);
  EXPECT_EQ(command.session, 1u);
  EXPECT_EQ(command.payload, "one");
  ASSERT_TRUE(reader.Next(&command));
  EXPECT_EQ(command.kind, CommandKind::kHeard);
  EXPECT_EQ(command.payload, "");
  ASSERT_TRUE(reader.Next(&command));
  EXPECT_EQ(command.session, UINT32_MAX);
  EXPECT_FALSE(reader.Next(&command));
  EXPECT_EQ(reader.problem(), "");
  EXPECT_EQ(reader.rest(), 0u);
}

TEST(CommandReader, TakesNumbersOffThePayload) {
  const std::string bytes =
      MakeCommand(CommandKind::kResume, 1, Number(uint64_t{1} << 40) + "message") +
      MakeCommand(CommandKind::kClose, 1, Number(uint16_t{1001}) + "reason");
  CommandReader reader(bytes);
  SessionCommand command;
  ASSERT_TRUE(reader.Next(&command));
  EXPECT_EQ(command.position, uint64_t{1} << 40);
  EXPECT_EQ(command.payload, "message");
  ASSERT_TRUE(reader.Next(&command));
  EXPECT_EQ(command.code, 1001);
  EXPECT_EQ(command.payload, "reason");
}

TEST(CommandReader, NothingIsNoProblem) {
  EXPECT_EQ(CheckCommands(""), "");
}

TEST(CommandReader, ReadsNothingBehindAProblem) {
  const std::string bytes =
      MakeCommand(CommandKind::kText, 0, "x") + MakeCommand(CommandKind::kText, 1, "x");
  CommandReader reader(bytes);
  SessionCommand command;
  EXPECT_FALSE(reader.Next(&command));
  EXPECT_FALSE(reader.Next(&command));
  EXPECT_EQ(reader.problem(), "no session has the number 0");
}

TEST(CommandReader, WhatIsNoCommandIsToldWithoutReadingBeyondIt) {
  const std::string good = MakeCommand(CommandKind::kText, 1, "x");
  const auto with_length = [&](uint32_t length) {
    return Number(length) + good.substr(session::kLengthSize);
  };
  const std::pair<std::string, std::string> cases[] = {
      {good.substr(0, 1), "ends within its length"},
      {good.substr(0, 3), "ends within its length"},
      {good.substr(0, good.size() - 1), "a command of 6 bytes has 5"},
      {with_length(0), "less than its header"},
      {with_length(4), "less than its header"},
      {with_length(7), "a command of 7 bytes has 6"},
      {with_length(UINT32_MAX), "a command of 4294967295 bytes has 6"},
      {MakeCommand(static_cast<CommandKind>(0), 1), "no command of the kind 0"},
      {MakeCommand(static_cast<CommandKind>(8), 1), "no command of the kind 8"},
      {MakeCommand(static_cast<CommandKind>(255), 1), "no command of the kind 255"},
      {MakeCommand(CommandKind::kResume, 1, "1234567"), "no position"},
      {MakeCommand(CommandKind::kClose, 1, "1"), "no code"},
      {good + good.substr(0, 2), "ends within its length"},
  };
  for (const auto& [bytes, problem] : cases) {
    // Of its own size, so that reading behind it is found.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    EXPECT_THAT(CheckCommands({exact.data(), exact.size()}), HasSubstr(problem));
  }
}

}  // namespace
}  // namespace fsubs
