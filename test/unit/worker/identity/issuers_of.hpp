// Issuers as a snapshot gives them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "worker/identity/issuers.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {

inline std::string JsonText(std::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

// From the rows between the brackets. What is left out fails the test, unless it is asked for.
inline std::shared_ptr<const Issuers> IssuersOf(const std::string& rows,
                                                std::vector<std::string>* left_out = nullptr) {
  JsonTree tree;
  EXPECT_TRUE(tree.ParseCopy("[" + rows + "]")) << rows;
  std::vector<std::string> unexpected;
  auto issuers = Issuers::FromSnapshot(tree.root(), left_out != nullptr ? left_out : &unexpected);
  EXPECT_TRUE(unexpected.empty()) << unexpected.front();
  return issuers;
}

}  // namespace fsubs
