#include "worker/socket/outbox.hpp"

#include <gtest/gtest.h>

namespace fsubs {
namespace {

constexpr size_t kNoLimit = SIZE_MAX;

TEST(OutboxTest, FramesAreJoinedInOrder) {
  BufferPool pool;
  Outbox outbox(&pool);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.AppendFrame(Opcode::kText, "a", "bc", "d", kNoLimit), Outbox::Result::kAppended);
  EXPECT_EQ(outbox.AppendFrame(Opcode::kPing, {}, {}, {}, kNoLimit), Outbox::Result::kAppended);
  EXPECT_EQ(outbox.bytes(), std::string("\x81\x04"
                                        "abcd"
                                        "\x89\x00",
                                        8));
}

TEST(OutboxTest, WhatDoesNotFitIsRefusedWhole) {
  BufferPool pool;
  Outbox outbox(&pool);
  EXPECT_EQ(outbox.AppendBytes("abc", 3), Outbox::Result::kAppended);
  EXPECT_EQ(outbox.AppendBytes("de", 1), Outbox::Result::kFull);
  EXPECT_EQ(outbox.AppendFrame(Opcode::kText, "d", {}, {}, 1), Outbox::Result::kFull);
  EXPECT_EQ(outbox.bytes(), "abc");
}

TEST(OutboxTest, BuffersAreSharedByThePool) {
  BufferPool pool;
  Outbox first(&pool);
  EXPECT_EQ(first.AppendFrame(Opcode::kText, "x", {}, {}, kNoLimit), Outbox::Result::kAppended);
  const char* const buffer = first.bytes().data();
  first.Clear();
  Outbox second(&pool);
  EXPECT_EQ(second.AppendFrame(Opcode::kText, "y", {}, {}, kNoLimit), Outbox::Result::kAppended);
  EXPECT_EQ(second.bytes(), buffer);
  EXPECT_EQ(second.bytes(), "\x81\x01y");
}

std::unique_ptr<std::string> Buffer(size_t bytes) {
  auto buffer = std::make_unique<std::string>();
  buffer->reserve(bytes);
  return buffer;
}

TEST(BufferPoolTest, KeepsABoundedNumberOfBytes) {
  constexpr size_t kBuffer = 256 * 1024;
  BufferPool pool;
  for (int i = 0; i < 1000; ++i) pool.Return(Buffer(kBuffer));
  pool.Return(Buffer(kBuffer + 1));
  // All but 16 MB went back at once; the next call finds the others unused.
  EXPECT_EQ(pool.Shrink(), (1000 - 64) * kBuffer + kBuffer + 1);
  EXPECT_EQ(pool.Shrink(), 64 * kBuffer);
  EXPECT_EQ(pool.Shrink(), 0u);
}

TEST(BufferPoolTest, BuffersThatWereNeededStay) {
  BufferPool pool;
  for (int i = 0; i < 3; ++i) pool.Return(Buffer(1000));
  EXPECT_EQ(pool.Shrink(), 0u);
  auto first = pool.Take();
  auto second = pool.Take();
  pool.Return(std::move(first));
  pool.Return(std::move(second));
  EXPECT_EQ(pool.Shrink(), 1000u);
  EXPECT_EQ(pool.Take()->capacity(), 1000u);
}

TEST(WsFrameTest, LengthsTakeTheirThreeForms) {
  const auto header = [](size_t length) {
    std::string bytes;
    AppendFrameHeader(Opcode::kText, length, &bytes);
    return bytes;
  };
  EXPECT_EQ(header(125), std::string("\x81\x7d", 2));
  EXPECT_EQ(header(126), std::string("\x81\x7e\x00\x7e", 4));
  EXPECT_EQ(header(65535), std::string("\x81\x7e\xff\xff", 4));
  EXPECT_EQ(header(65536), std::string("\x81\x7f\0\0\0\0\0\1\0\0", 10));
}

TEST(WsFrameTest, ReasonsAreCutBetweenCharacters) {
  EXPECT_EQ(LimitCloseReason("short"), "short");
  const std::string ascii(200, 'x');
  EXPECT_EQ(LimitCloseReason(ascii).size(), 123u);
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xF0\x9F\x98\x80";
  EXPECT_EQ(LimitCloseReason(wide).size(), 120u);
}

TEST(WsFrameTest, ACloseCodeIsTwoBytesBigEndian) {
  EXPECT_EQ(CloseCodeBytes(4400), "\x11\x30");
}

}  // namespace
}  // namespace fsubs
