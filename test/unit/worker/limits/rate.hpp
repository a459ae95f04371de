// Limits as users write them.
#pragma once

#include <gtest/gtest.h>

#include <string_view>

#include "contract/limit.hpp"

namespace fsubs {

inline LimitValue Rate(std::string_view text) {
  LimitValue value;
  EXPECT_EQ(ParseLimit(LimitForm::kRate, text, &value), nullptr) << text;
  return value;
}

inline constexpr uint64_t kSecondUs = 1'000'000;

}  // namespace fsubs
