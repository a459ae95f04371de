#include "worker/catalog_loader.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "test/unit/worker/test_loop.hpp"

namespace fsubs {
namespace {

constexpr char kEmpty[] =
    R"({"extension_version":"0","server_version":"0","types":"","subscriptions":[]})";

class CatalogLoaderTest : public testing::Test, private CatalogLoader::Host {
 protected:
  CatalogLoaderTest() { loader_.Attach(loop_.get()); }

  void Answer(side_door::SnapshotRequest request, const char* json = kEmpty) {
    const size_t before = covers_.size();
    loader_.OnSnapshot(request, json);
    loop_.RunUntil([&] { return covers_.size() > before; });
  }

  CatalogLoader loader_{this};
  std::vector<side_door::SnapshotRequest> requests_;
  std::vector<Position> read_covers_;  // of what was read
  std::vector<Position> covers_;       // of what was built
  std::vector<std::string> errors_;    // of the same
  TestLoop loop_;

 private:
  void AskForSnapshot(side_door::SnapshotRequest request) override { requests_.push_back(request); }
  void OnRead(const std::string&, Position covers) override { read_covers_.push_back(covers); }
  void OnLoaded(const std::shared_ptr<const Catalog>& catalog, const std::string& error,
                Position covers) override {
    EXPECT_EQ(catalog == nullptr, !error.empty());
    covers_.push_back(covers);
    errors_.push_back(error);
  }
};

TEST_F(CatalogLoaderTest, AChangeIsAskedForOnce) {
  loader_.OnChanged(5);
  loader_.OnChanged(5);
  loader_.OnChanged(4);
  EXPECT_EQ(requests_, (std::vector<side_door::SnapshotRequest>{1}));
  EXPECT_TRUE(loader_.is_awaited());
  Answer(1);
  EXPECT_EQ(covers_, std::vector<Position>{6});
  EXPECT_FALSE(loader_.is_awaited());
  EXPECT_EQ(requests_.size(), 1u);
}

TEST_F(CatalogLoaderTest, WhatChangesWhileItIsReadIsAskedForAgain) {
  loader_.Request();
  loader_.OnChanged(5);
  loader_.OnChanged(9);
  EXPECT_EQ(requests_.size(), 1u);
  Answer(1);
  EXPECT_EQ(covers_, std::vector<Position>{0});
  EXPECT_EQ(requests_, (std::vector<side_door::SnapshotRequest>{1, 2}));
  Answer(2);
  EXPECT_EQ(covers_.back(), 10u);
  EXPECT_EQ(requests_.size(), 2u);
}

TEST_F(CatalogLoaderTest, OnlyTheAnswerToTheLastRequestCoversWhatThatAskedFor) {
  loader_.Request();
  loader_.OnChanged(5);
  loader_.Request();
  Answer(1);
  Answer(side_door::kUnasked);
  EXPECT_EQ(covers_, (std::vector<Position>{0, 0}));
  EXPECT_TRUE(loader_.is_awaited());
  Answer(2);
  EXPECT_EQ(covers_.back(), 6u);
}

TEST_F(CatalogLoaderTest, OfSeveralThatCameMeanwhileTheNewestIsBuilt) {
  loader_.Request();
  loader_.OnSnapshot(side_door::kUnasked, kEmpty);
  loader_.OnSnapshot(side_door::kUnasked, "nonsense");
  Answer(1);
  loop_.RunUntil([&] { return !loader_.is_awaited(); });
  EXPECT_EQ(errors_, (std::vector<std::string>{"", ""}));
}

TEST_F(CatalogLoaderTest, WhatCannotBeServedIsToldAndCoversTheChange) {
  loader_.OnChanged(5);
  Answer(1, "nonsense");
  EXPECT_EQ(covers_, std::vector<Position>{6});
  EXPECT_NE(errors_.front(), "");
}

}  // namespace
}  // namespace fsubs
