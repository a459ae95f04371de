#include "worker/hosted/session_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/echo_host.hpp"

namespace fsubs {
namespace {

using session::CommandKind;
using session::FrameKind;
using session::Take;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr size_t kPlenty = 1'000'000;

class SessionLinkTest : public testing::Test {
 protected:
  void Do(std::string commands, size_t units = kPlenty) {
    link_.Add(std::move(commands));
    Go(units);
  }
  // A turn of the shard.
  bool Go(size_t units = kPlenty) {
    WorkBudget budget(units);
    const bool done = link_.Continue(&budget);
    link_.Settle();
    report_ = link_.TakeReport();
    handled_ += report_.handled;
    return done;
  }
  void Open(uint32_t number, std::string_view opening = "{}") {
    Do(MakeCommand(CommandKind::kOpen, number, opening));
  }
  void Text(uint32_t number, std::string_view text) {
    Do(MakeCommand(CommandKind::kText, number, text));
  }
  std::vector<ReadFrame> TakeAll() {
    std::vector<ReadFrame> all;
    do {
      link_.Add(Take::kAtOnce);
      Go();
      EXPECT_EQ(report_.frames.size(), 1u);
      for (ReadFrame& frame : ReadFrames(report_.frames[0])) all.push_back(std::move(frame));
    } while (!report_.frames[0].empty());
    return all;
  }
  // "kind session payload"
  std::vector<std::string> Told() {
    static constexpr const char* kNames[] = {"",       "message", "event",  "ended",
                                             "closed", "ping",    "started"};
    std::vector<std::string> told;
    for (const ReadFrame& frame : TakeAll()) {
      std::string payload = frame.payload;
      if (frame.kind == FrameKind::kClosed) {
        payload = std::to_string(session::Load<uint16_t>(payload.data())) + " " + payload.substr(2);
      }
      told.push_back(std::string(kNames[static_cast<int>(frame.kind)]) + " " +
                     std::to_string(frame.session) + " " + payload);
    }
    return told;
  }

  EchoHost host_;
  SessionLink link_{&host_};
  LinkReport report_;
  size_t handled_ = 0;
};

TEST_F(SessionLinkTest, ASessionHearsItsCommandsAndSaysItsOwn) {
  Open(1);
  Open(7);
  Text(7, "seven");
  Text(1, "one");
  EXPECT_THAT(Told(), ElementsAre("message 7 seven", "message 1 one"));
}

TEST_F(SessionLinkTest, FramesNameOperationAndPosition) {
  Open(1);
  Text(1, "3");
  Do(MakeCommand(CommandKind::kResume, 1, std::string("\x09\0\0\0\0\0\0\0", 8) + "again"));
  Text(1, "ping");
  const auto frames = TakeAll();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].kind, FrameKind::kEvent);
  EXPECT_EQ(frames[0].id, "id");
  EXPECT_EQ(frames[0].position, 5u);
  EXPECT_EQ(frames[0].payload, "xxx");
  EXPECT_EQ(frames[1].kind, FrameKind::kStarted);
  EXPECT_EQ(frames[1].id, "again");
  EXPECT_EQ(frames[1].position, 9u);
  EXPECT_EQ(frames[2].kind, FrameKind::kPing);
  EXPECT_EQ(frames[2].position, 7u);
}

TEST_F(SessionLinkTest, ASessionEndsByItsCloseFrame) {
  Open(1);
  Do(MakeCommand(CommandKind::kClose, 1, std::string("\xe8\x03", 2) + "bye"));
  EXPECT_THAT(host_.told, ElementsAre("gone"));
  EXPECT_THAT(Told(), ElementsAre("closed 1 1000 bye"));
}

TEST_F(SessionLinkTest, WhatThePeerMayNotSendIsHeardAsSuch) {
  for (uint32_t number : {1, 2, 3}) Open(number);
  Do(MakeCommand(CommandKind::kBinary, 1) + MakeCommand(CommandKind::kTooBig, 2));
  Text(3, std::string(1001, 'x'));
  EXPECT_THAT(Told(), ElementsAre("closed 1 4400 binary", "closed 2 1009 too big",
                                  "closed 3 1009 too big"));
}

TEST_F(SessionLinkTest, ARefusedSessionIsClosedAndItsNumberFree) {
  Open(1, R"({"peer":"refused"})");
  EXPECT_THAT(Told(), ElementsAre("closed 1 4403 Forbidden"));
  Open(1);
  Text(1, "one");
  EXPECT_THAT(Told(), ElementsAre("message 1 one"));
}

TEST_F(SessionLinkTest, WhatAnOwnerThrowsEndsItsSessionAlone) {
  Open(1);
  Open(2);
  Text(1, "boom");
  Text(2, "two");
  Open(3, R"({"peer":"boom"})");
  EXPECT_THAT(Told(), ElementsAre("closed 1 4500 Internal server error", "message 2 two",
                                  "closed 3 4500 Internal server error"));
}

TEST_F(SessionLinkTest, AnAbortedSessionIsTold) {
  Open(1);
  Text(1, "abort");
  EXPECT_THAT(Told(), ElementsAre("closed 1 1001 "));
}

TEST_F(SessionLinkTest, ASessionThatWasNeverOpenedEndsTheLink) {
  Open(5);
  Text(6, "x");
  EXPECT_EQ(report_.failure, "session 6 was not opened");
}

TEST_F(SessionLinkTest, ASessionThatMayBeClosedAlreadyIsNoProblem) {
  Open(5);
  Text(4, "x");
  Do(MakeCommand(CommandKind::kBinary, 5));
  Text(5, "x");
  EXPECT_EQ(report_.failure, "");
}

TEST_F(SessionLinkTest, ASessionIsOpenedOnce) {
  Open(1);
  Open(1);
  EXPECT_EQ(report_.failure, "session 1 is open already");
}

TEST_F(SessionLinkTest, AnOpeningThatCannotBeReadEndsItsSessionAlone) {
  Open(1);
  Do(MakeCommand(CommandKind::kOpen, 2, "[]"));
  Do(MakeCommand(CommandKind::kOpen, 3, R"({"path":"/?%"})"));
  Do(MakeCommand(CommandKind::kOpen, 4, std::string(session::kMaxOpening + 1, ' ')));
  Text(2, "behind");
  Text(1, "one");
  EXPECT_EQ(report_.failure, "");
  EXPECT_THAT(Told(),
              ElementsAre("closed 2 4400 Invalid opening: its payload is no JSON object",
                          "closed 3 4400 Invalid opening: \"path\" is not that of a URL",
                          "closed 4 4400 Invalid opening: it is too long", "message 1 one"));
}

TEST_F(SessionLinkTest, NothingIsHandledBehindAProblem) {
  Do(MakeCommand(CommandKind::kText, 1, "x") + MakeCommand(CommandKind::kOpen, 2, "{}"));
  EXPECT_EQ(report_.failure, "session 1 was not opened");
  EXPECT_THAT(host_.openings, IsEmpty());
}

TEST_F(SessionLinkTest, AFrameLargerThanWhatMayWaitEndsNothing) {
  Open(1);
  Text(1, std::to_string(4 * session::kMaxWaiting));
  EXPECT_EQ(report_.failure, "");
  EXPECT_THAT(TakeAll(), SizeIs(1));
}

TEST_F(SessionLinkTest, ATakeIsAnsweredOnceThereAreFrames) {
  Open(1);
  link_.Add(Take::kWhenThere);
  Go();
  EXPECT_THAT(report_.frames, IsEmpty());
  Text(1, "x");
  EXPECT_EQ(report_.frames.size(), 1u);
  Text(1, "y");
  EXPECT_THAT(report_.frames, IsEmpty());
}

TEST_F(SessionLinkTest, ATakeAtOnceIsAnsweredAndThoseBeforeIt) {
  link_.Add(Take::kWhenThere);
  Go();
  link_.Add(Take::kAtOnce);
  Go();
  EXPECT_THAT(report_.frames, ElementsAre("", ""));
}

TEST_F(SessionLinkTest, OneTakeGetsAboutAMegabyteOfWholeFrames) {
  Open(1);
  for (int i = 0; i < 30; ++i) Text(1, "100000");
  link_.Add(Take::kAtOnce);
  Go();
  const size_t taken = report_.frames.at(0).size();
  EXPECT_GE(taken, session::kMaxTaken);
  EXPECT_LT(taken, session::kMaxTaken + 200'000);
  EXPECT_EQ(ReadFrames(report_.frames[0]).size() + TakeAll().size(), 30u);
}

TEST_F(SessionLinkTest, ASessionIsStoppedWhileTooMuchWaitsAndGoesOnWhenThereIsRoom) {
  Open(1);
  while (host_.peers[0]->unsent() == 0) Text(1, "500000");
  EXPECT_THAT(host_.told, IsEmpty());
  size_t bytes = 0;
  for (const ReadFrame& frame : TakeAll()) bytes += frame.payload.size();
  EXPECT_THAT(host_.told, ElementsAre("writable"));
  EXPECT_EQ(host_.peers[0]->unsent(), 0u);
  EXPECT_EQ(bytes % 500'000, 0u);
  EXPECT_LT(bytes, session::kMaxWaiting + 1'100'000);
}

TEST_F(SessionLinkTest, SessionsGetRoomInTheOrderInWhichTheyAskedForIt) {
  for (uint32_t number : {1, 2, 3}) Open(number);
  while (host_.peers[0]->unsent() == 0) Text(1, "500000");
  Text(3, "three");
  Text(2, "two");
  std::vector<uint32_t> order;
  for (const ReadFrame& frame : TakeAll()) order.push_back(frame.session);
  ASSERT_GE(order.size(), 3u);
  EXPECT_EQ(order[order.size() - 2], 3u);
  EXPECT_EQ(order[order.size() - 1], 2u);
}

TEST_F(SessionLinkTest, AnEndIsToldWhateverWaits) {
  Open(1);
  Open(2);
  while (host_.peers[0]->unsent() == 0) Text(1, "500000");
  Text(2, "dropped");
  host_.peers[1]->Close(4413, "Slow");
  host_.peers[0]->Close(4413, "Slow");
  Go();
  EXPECT_THAT(host_.told, ElementsAre("gone", "gone"));
  const auto told = Told();
  ASSERT_GE(told.size(), 2u);
  EXPECT_EQ(told[told.size() - 2], "closed 2 4413 Slow");
  EXPECT_EQ(told[told.size() - 1], "closed 1 4413 Slow");
}

TEST_F(SessionLinkTest, ALinkForWhichTooManyEndsWaitEnds) {
  host_.refusal.assign(100'000, 'x');
  const size_t end = session::kLengthSize + session::kFrameHeader + sizeof(uint16_t) + 100'000;
  const size_t with_room = (session::kMaxWaiting + end - 1) / end;
  const size_t beyond = session::kMaxBeyondRoom / end;
  uint32_t number = 0;
  while (number < with_room + beyond) {
    Open(++number, R"({"peer":"refused"})");
    ASSERT_EQ(report_.failure, "") << number;
  }
  Open(++number, R"({"peer":"refused"})");
  EXPECT_EQ(report_.failure, "its frames are not taken");
}

TEST_F(SessionLinkTest, AFrameThatNoLinkCarriesEndsItsSession) {
  Open(1);
  Text(1, std::to_string(session::kMaxFrame));
  EXPECT_THAT(Told(), ElementsAre("closed 1 1009 A message is larger than what its link carries"));
}

TEST_F(SessionLinkTest, CommandsWaitWhileASessionDoesNotReadAndCountAsUnread) {
  Open(1);
  Open(2);
  Text(1, "shut");
  const size_t before = handled_;
  Text(1, "one");
  Text(1, "more");
  Text(2, "two");
  EXPECT_THAT(Told(), ElementsAre("message 2 two"));
  const size_t all = 3 * (session::kLengthSize + session::kCommandHeader) + 10;
  EXPECT_EQ(handled_ - before, session::kLengthSize + session::kCommandHeader + 3);
  host_.peers[0]->Open();
  EXPECT_TRUE(Go());
  EXPECT_THAT(Told(), ElementsAre("message 1 one", "message 1 more"));
  EXPECT_EQ(handled_ - before, all);
}

TEST_F(SessionLinkTest, CommandsThatWaitForASessionThatEndsCountAsHandled) {
  Open(1);
  Text(1, "shut");
  const size_t before = handled_;
  Text(1, std::string(900, 'x'));
  host_.peers[0]->Close(4413, "Slow");
  Go();
  EXPECT_THAT(Told(), ElementsAre("closed 1 4413 Slow"));
  EXPECT_EQ(handled_ - before, session::kLengthSize + session::kCommandHeader + 900);
}

TEST_F(SessionLinkTest, MuchIsHandledInSeveralTurns) {
  Open(1);
  std::string commands;
  for (int i = 0; i < 100; ++i)
    commands += MakeCommand(CommandKind::kText, 1, "x" + std::to_string(i));
  link_.Add(commands);
  size_t turns = 1;
  while (!Go(50)) ++turns;
  EXPECT_GT(turns, 5u);
  const auto told = Told();
  ASSERT_EQ(told.size(), 100u);
  EXPECT_EQ(told.front(), "message 1 x0");
  EXPECT_EQ(told.back(), "message 1 x99");
  EXPECT_EQ(handled_, commands.size() + MakeCommand(CommandKind::kOpen, 1, "{}").size());
}

TEST_F(SessionLinkTest, AHostThatTellsNothingVouchesForItsClients) {
  Open(1);
  Text(1, "ping");
  EXPECT_EQ(host_.peers[0]->heard, 2u);
  Do(MakeCommand(CommandKind::kHeard, 1));
  EXPECT_EQ(host_.peers[0]->heard, 3u);
  Text(1, "ping");
  EXPECT_EQ(host_.peers[0]->heard, 4u);
}

TEST_F(SessionLinkTest, ALinkThatIsGivenUpKeepsNothing) {
  Open(1);
  Text(1, "x");
  link_.GiveUp();
  EXPECT_TRUE(link_.is_empty());
  Text(1, "y");
  EXPECT_THAT(TakeAll(), IsEmpty());
}

TEST_F(SessionLinkTest, ManySessionsAreBuriedInSeveralTurns) {
  for (uint32_t number = 1; number <= 100; ++number) Open(number);
  size_t turns = 0;
  bool done;
  do {
    WorkBudget budget(200);
    done = link_.Bury(&budget);
    ++turns;
  } while (!done);
  EXPECT_GT(turns, 2u);
  EXPECT_EQ(host_.told.size(), 100u);
}

}  // namespace
}  // namespace fsubs
