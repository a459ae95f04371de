#include "worker/catalog_loader.hpp"

#include <utility>

namespace fsubs {

void CatalogLoader::OnChanged(Position position) {
  if (position < wanted_) return;
  wanted_ = position + 1;
  if (!is_awaited()) Request();
}

void CatalogLoader::Request() {
  asked_ = wanted_;
  outstanding_ = true;
  host_->AskForSnapshot(++request_);
}

// One that is not the answer to the last request may have been read before a change for which that
// asked.
void CatalogLoader::OnSnapshot(side_door::SnapshotRequest request, std::string_view json) {
  if (request == request_) {
    outstanding_ = false;
    covered_ = asked_;
  }
  newest_ = {std::string(json), covered_};
  host_->OnRead(newest_->json, covered_);
  if (!loading_) LoadNewest();
}

// A catalog being built. Its body runs on a thread of libuv: a large one takes seconds, in which
// the control thread has sessions to answer and a heart that must beat.
struct CatalogLoader::Load {
  CatalogLoader* loader;
  Snapshot snapshot;
  std::shared_ptr<const Catalog> catalog;
  std::string error;
  uv_work_t request{};
};

void CatalogLoader::LoadNewest() {
  loading_ = true;
  auto* const load = new Load{this, std::move(*newest_)};
  newest_.reset();
  load->request.data = load;
  uv_queue_work(
      loop_, &load->request,
      [](uv_work_t* request) {
        auto* const load = static_cast<Load*>(request->data);
        load->catalog =
            Catalog::FromSnapshot(load->snapshot.json, &load->error, load->loader->resolving_);
      },
      [](uv_work_t* request, int) {
        const std::unique_ptr<Load> load(static_cast<Load*>(request->data));
        CatalogLoader* const loader = load->loader;
        loader->loading_ = false;
        loader->host_->OnLoaded(load->catalog, load->error, load->snapshot.covers);
        if (loader->newest_) loader->LoadNewest();
        if (loader->wanted_ > loader->asked_ && !loader->outstanding_) loader->Request();
      });
}

}  // namespace fsubs
