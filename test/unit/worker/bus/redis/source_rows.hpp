// Tables of sources for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "worker/bus/redis/source_table.hpp"

namespace fsubs {

// Epochs and the values of their fields.
using SourceRows = std::vector<std::pair<std::string, std::string>>;

inline SourceTable MakeSourceTable(const SourceRows& rows) {
  Reply reply{.type = Reply::Type::kArray};
  for (const auto& [epoch, value] : rows) {
    reply.elements.push_back({.type = Reply::Type::kText, .text = epoch});
    reply.elements.push_back({.type = Reply::Type::kText, .text = value});
  }
  SourceTable table;
  EXPECT_TRUE(SourceTable::Read(reply, &table));
  return table;
}

}  // namespace fsubs
