#include "worker/authenticate_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace fsubs {
namespace {

constexpr uint64_t kFarOff = 1'000'000;

class AuthenticateQueueTest : public testing::Test {
 protected:
  // The log-in of that name; its answer goes to answers_.
  void Add(const std::string& name, uint64_t deadline_ms = kFarOff,
           std::optional<std::weak_ptr<const void>> asker = std::nullopt) {
    AddCall({.init_payload = name, .asker = std::move(asker)}, deadline_ms);
  }
  void AddWithToken(const std::string& name) {
    AddCall({.claims = "{}", .init_payload = name}, kFarOff);
  }
  void AddCall(const AuthenticateQueue::Call& call, uint64_t deadline_ms) {
    queue_.Add(call, deadline_ms,
               [this, name = call.init_payload](const AuthenticateQueue::Answer& answer) {
                 answers_.push_back(name + ": " +
                                    (answer.error.empty() ? answer.claims : "! " + answer.error));
               });
  }
  void AddMany(size_t count) {
    for (size_t i = 0; i < count; ++i) Add(std::to_string(i));
  }

  bool is_there_ = true;
  std::vector<std::string> sent_;  // numbers and names
  std::vector<std::string> answers_;
  AuthenticateQueue queue_{[this](uint64_t number, const AuthenticateQueue::Call& call) {
    if (is_there_) sent_.push_back(std::to_string(number) + " " + call.init_payload);
    return is_there_;
  }};
};

using Lines = std::vector<std::string>;

TEST_F(AuthenticateQueueTest, AnswersGoToThoseWhoAsked) {
  Add("a");
  Add("b");
  EXPECT_EQ(sent_, (Lines{"1 a", "2 b"}));
  queue_.OnAnswer(2, {.claims = "{}"});
  queue_.OnAnswer(1, {});
  EXPECT_EQ(answers_, (Lines{"b: {}", "a: "}));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(AuthenticateQueueTest, AFewAreSentAndTheOthersWaitTheirTurn) {
  AddMany(AuthenticateQueue::kMaxSent + 2);
  EXPECT_EQ(sent_.size(), AuthenticateQueue::kMaxSent);
  queue_.OnAnswer(1, {});
  ASSERT_EQ(sent_.size(), AuthenticateQueue::kMaxSent + 1);
  EXPECT_EQ(sent_.back(), "5 4");
}

TEST_F(AuthenticateQueueTest, ThoseWithATokenGoFirst) {
  AddMany(AuthenticateQueue::kMaxSent + 2);
  AddWithToken("a");
  AddWithToken("b");
  sent_.clear();
  for (uint64_t number = 1; number <= 3; ++number) queue_.OnAnswer(number, {});
  EXPECT_EQ(sent_, (Lines{"5 a", "6 b", "7 4"}));
}

TEST_F(AuthenticateQueueTest, ThoseWithoutATokenTakeNoRoomFromThoseWithOne) {
  is_there_ = false;
  AddMany(AuthenticateQueue::kMaxWaiting);
  AddWithToken("a");
  EXPECT_EQ(answers_, Lines{});
  for (size_t i = 1; i < AuthenticateQueue::kMaxWaiting; ++i) AddWithToken("b");
  AddWithToken("c");
  EXPECT_EQ(answers_, (Lines{"c: ! too many log-ins wait for the function"}));
  queue_.Expire(kFarOff);
  EXPECT_EQ(answers_.size(), 2 * AuthenticateQueue::kMaxWaiting + 1);
  EXPECT_TRUE(queue_.empty());
}

TEST_F(AuthenticateQueueTest, AnAnswerIsBelievedOnceAndNoneThatNobodyAskedFor) {
  Add("a");
  queue_.OnAnswer(7, {.claims = "{}"});
  EXPECT_EQ(answers_, Lines{});
  queue_.OnAnswer(1, {});
  queue_.OnAnswer(1, {.claims = "{}"});
  EXPECT_EQ(answers_, (Lines{"a: "}));
}

TEST_F(AuthenticateQueueTest, ThoseWhoseTimeHasRunOutAreRefusedSentOrNot) {
  AddMany(AuthenticateQueue::kMaxSent);
  Add("late", 10);
  Add("later", 20);
  queue_.Expire(9);
  EXPECT_EQ(answers_, Lines{});
  queue_.Expire(10);
  EXPECT_EQ(answers_, (Lines{"late: ! the function did not answer in time"}));

  answers_.clear();
  queue_.Expire(kFarOff);
  queue_.Expire(kFarOff);
  EXPECT_EQ(answers_.size(), AuthenticateQueue::kMaxSent + 1);
  // The process still works on those that it was sent.
  Add("next");
  EXPECT_EQ(sent_.size(), AuthenticateQueue::kMaxSent);
  queue_.OnAnswer(1, {.claims = "{}"});
  EXPECT_EQ(answers_.size(), AuthenticateQueue::kMaxSent + 1);
  EXPECT_EQ(sent_.back(), "5 next");
}

TEST_F(AuthenticateQueueTest, TheProcessIsNotAskedForThoseWhoAreGone) {
  AddMany(AuthenticateQueue::kMaxSent);
  auto gone = std::make_shared<const int>();
  auto here = std::make_shared<const int>();
  Add("gone", kFarOff, gone);
  Add("gone too", kFarOff, gone);
  Add("here", kFarOff, here);
  gone.reset();
  queue_.OnAnswer(1, {});
  EXPECT_EQ(sent_.back(), "5 here");

  gone = std::make_shared<const int>();
  Add("gone", kFarOff, gone);
  gone.reset();
  answers_.clear();
  queue_.Expire(0);
  EXPECT_EQ(answers_, (Lines{"gone: ! the client has gone"}));
}

TEST_F(AuthenticateQueueTest,
       WhoeverWasSentToAProcessThatEndedIsRefusedAndTheOthersWaitForTheNext) {
  AddMany(AuthenticateQueue::kMaxSent);
  Add("waits");
  is_there_ = false;
  queue_.OnProcessGone();
  EXPECT_EQ(answers_.size(), AuthenticateQueue::kMaxSent);
  EXPECT_EQ(answers_.front(), "0: ! the process that runs the function has ended");
  queue_.OnAnswer(1, {.claims = "{}"});
  EXPECT_EQ(answers_.size(), AuthenticateQueue::kMaxSent);
  is_there_ = true;
  queue_.OnProcess();
  EXPECT_EQ(sent_.back(), "5 waits");
}

TEST_F(AuthenticateQueueTest, ItIsBoundedInLogInsAndInBytes) {
  is_there_ = false;
  AddMany(AuthenticateQueue::kMaxWaiting);
  EXPECT_EQ(answers_, Lines{});
  Add("one more");
  EXPECT_EQ(answers_, (Lines{"one more: ! too many log-ins wait for the function"}));

  queue_.Expire(kFarOff);
  answers_.clear();
  const std::string large(AuthenticateQueue::kMaxCallBytes, ' ');
  for (size_t i = 0; i < AuthenticateQueue::kMaxWaitingBytes / large.size(); ++i) Add(large);
  EXPECT_EQ(answers_.size(), 0u);
  Add("x");
  EXPECT_EQ(answers_, (Lines{"x: ! too many log-ins wait for the function"}));
  queue_.Expire(kFarOff);
  answers_.clear();
  Add("x");
  EXPECT_EQ(answers_, Lines{});
}

TEST_F(AuthenticateQueueTest, WhatNoMessageCanCarryIsRefused) {
  Add(std::string(AuthenticateQueue::kMaxCallBytes + 1, ' '));
  Add("\xff");
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(sent_, Lines{});
}

}  // namespace
}  // namespace fsubs
