#include "worker/bus/memory/line_buffer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fsubs {
namespace {

using testing::ElementsAre;

std::vector<std::string> Take(LineBuffer* buffer) {
  std::vector<std::string> lines;
  while (const auto line = buffer->Next()) {
    lines.push_back(line->is_too_long ? "too long" : std::string(line->text));
  }
  return lines;
}

TEST(LineBufferTest, LinesComeWholeHoweverTheirBytesDo) {
  const std::string text = "one\n\ntwo\r\nthree";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer buffer(10);
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size(); at += piece) {
      buffer.Add(std::string_view(text).substr(at, piece));
      for (std::string& line : Take(&buffer)) lines.push_back(std::move(line));
    }
    EXPECT_THAT(lines, ElementsAre("one", "", "two"));
    buffer.End();
    EXPECT_THAT(Take(&buffer), ElementsAre("three"));
    EXPECT_THAT(Take(&buffer), ElementsAre());
    EXPECT_EQ(buffer.lines(), 4u);
  }
}

TEST(LineBufferTest, WhatIsTooLongIsPassedOverAndCounted) {
  const std::string text = "12345\n123456\n123456789012345\n1\n";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineBuffer buffer(5);
    std::vector<std::string> lines;
    for (size_t at = 0; at < text.size(); at += piece) {
      buffer.Add(std::string_view(text).substr(at, piece));
      for (std::string& line : Take(&buffer)) lines.push_back(std::move(line));
    }
    EXPECT_THAT(lines, ElementsAre("12345", "too long", "too long", "1"));
    EXPECT_EQ(buffer.lines(), 4u);
  }
}

TEST(LineBufferTest, ALastLineWithoutAnEndMayBeTooLong) {
  LineBuffer buffer(5);
  buffer.Add("1234567890");
  EXPECT_THAT(Take(&buffer), ElementsAre());
  buffer.End();
  EXPECT_THAT(Take(&buffer), ElementsAre("too long"));
  EXPECT_THAT(Take(&buffer), ElementsAre());
}

}  // namespace
}  // namespace fsubs
