// The newest snapshot of the catalog that a bus has brought: what asks an executor elsewhere asks
// this.
//
// Control thread only.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "contract/side_door_protocol.hpp"
#include "worker/catalog_loader.hpp"

namespace fsubs {

class KeptSnapshot {
 public:
  // `loader` outlives it.
  explicit KeptSnapshot(CatalogLoader* loader) : loader_(loader) {}

  void Set(std::string json) {
    json_ = std::move(json);
    if (unanswered_) Answer(*std::exchange(unanswered_, std::nullopt));
  }

  // Answered at once, or as soon as there is one.
  void Ask(side_door::SnapshotRequest request) {
    if (json_) {
      Answer(request);
    } else {
      unanswered_ = request;
    }
  }

 private:
  void Answer(side_door::SnapshotRequest request) { loader_->OnSnapshot(request, *json_); }

  CatalogLoader* const loader_;
  std::optional<std::string> json_;
  std::optional<side_door::SnapshotRequest> unanswered_;
};

}  // namespace fsubs
