// Has the catalog read whenever it has changed, and builds what was read.
//
// Control thread only.
#pragma once

#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "contract/ring_layout.hpp"
#include "contract/side_door_protocol.hpp"
#include "worker/operation/catalog.hpp"

namespace fsubs {

class CatalogLoader {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // Have an executor read the catalog. OnSnapshot is called with its answer, if there is one.
    virtual void AskForSnapshot(side_door::SnapshotRequest request) = 0;
    // A snapshot was read, and has the changes before `covers`. It may be one that cannot be
    // served.
    virtual void OnRead(const std::string& snapshot_json, Position covers) = 0;
    // The newest catalog is built: changes before `covers` are in it. Null, with `error`, if what
    // was read is none that can be served.
    virtual void OnLoaded(const std::shared_ptr<const Catalog>& catalog, const std::string& error,
                          Position covers) = 0;
  };

  explicit CatalogLoader(Host* host) : host_(host) {}
  CatalogLoader(const CatalogLoader&) = delete;
  CatalogLoader& operator=(const CatalogLoader&) = delete;

  // Build on threads of `loop`, which it does not outlive.
  void Attach(uv_loop_t* loop) { loop_ = loop; }

  // The record at `position` says that the catalog changed.
  void OnChanged(Position position);
  // Have it read once more.
  void Request();
  // What an executor read: the answer to `request`, or unasked.
  void OnSnapshot(side_door::SnapshotRequest request, std::string_view json);

  // Whether OnLoaded is still to come.
  bool is_awaited() const { return outstanding_ || loading_; }
  // Changes were announced before this.
  Position wanted() const { return wanted_; }

 private:
  struct Snapshot {
    std::string json;
    Position covers;  // changes before this are in it
  };
  struct Load;

  void LoadNewest();

  Host* const host_;
  uv_loop_t* loop_ = nullptr;
  Position wanted_ = 0;
  Position asked_ = 0;    // what the answer to the last request will cover
  Position covered_ = 0;  // what the last answer covered
  side_door::SnapshotRequest request_ = side_door::kUnasked;  // the last one
  bool outstanding_ = false;                                  // it is not answered yet
  std::optional<Snapshot> newest_;                            // that no load has begun with
  bool loading_ = false;
};

}  // namespace fsubs
