#include "worker/filter/range_index.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

namespace fsubs {
namespace {

struct Entry : RangeIndex::Item {
  explicit Entry(Interval interval) : Item(std::move(interval)) {}
};

std::string FormOf(int number) {
  char text[8];
  std::snprintf(text, sizeof(text), "n%04d", number);
  return text;
}

TEST(RangeIndexTest, ItFindsWhatAScanFindsHoweverItIsChanged) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](int limit) {
    return static_cast<int>(random() % static_cast<unsigned>(limit));
  };
  RangeIndex index;
  std::deque<Entry> entries;
  std::set<Entry*> added;
  for (int step = 0; step < 3000; ++step) {
    const int dice = below(10);
    if (dice < 6) {
      const int from = below(1000);
      entries.emplace_back(
          Interval{FormOf(from), FormOf(from + below(100)), below(2) == 0, below(2) == 0});
      index.Add(&entries.back());
      added.insert(&entries.back());
    } else if (dice < 9 && !added.empty()) {
      auto gone = added.begin();
      std::advance(gone, below(static_cast<int>(added.size())));
      index.Remove(*gone);
      added.erase(gone);
    } else {
      const std::string form = FormOf(below(1100));
      std::set<Entry*> expected;
      for (Entry* entry : added) {
        if (entry->interval().Contains(form)) expected.insert(entry);
      }
      std::set<Entry*> found;
      index.ForEachContaining(form, [&](RangeIndex::Item* item) {
        EXPECT_TRUE(found.insert(static_cast<Entry*>(item)).second) << "found twice";
      });
      ASSERT_EQ(found, expected) << form;
    }
  }
  for (Entry* entry : added) index.Remove(entry);
  EXPECT_TRUE(index.empty());
}

TEST(RangeIndexTest, BoundsAreIncludedOnlyIfTheySaySo) {
  RangeIndex index;
  Entry closed({"n1", "n2", true, true});
  Entry open({"n1", "n2", false, false});
  index.Add(&closed);
  index.Add(&open);
  const auto found = [&](const char* form) {
    int count = 0;
    index.ForEachContaining(form, [&](RangeIndex::Item*) { ++count; });
    return count;
  };
  EXPECT_EQ(found("n1"), 1);
  EXPECT_EQ(found("n15"), 2);
  EXPECT_EQ(found("n2"), 1);
  EXPECT_EQ(found("n3"), 0);
  index.Remove(&closed);
  index.Remove(&open);
}

}  // namespace
}  // namespace fsubs
