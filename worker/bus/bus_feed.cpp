#include "worker/bus/bus_feed.hpp"

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace fsubs {

void BusFeed::Start(Host* host) {
  host_ = host;
  uv_loop_init(&loop_);
  tasks_.Attach(&loop_);
  reader_->Attach(&loop_, this);

  // Signals are the control thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([this] {
    pthread_setname_np(pthread_self(), "bus");
    uv_run(&loop_, UV_RUN_DEFAULT);
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void BusFeed::ReplaceCatalog(std::string snapshot_json) {
  tasks_.Post([this, json = std::move(snapshot_json)]() mutable { OnCatalog(std::move(json)); });
}

void BusFeed::Stop() {
  tasks_.Post([this] { reader_->Stop(); });
}

void BusFeed::OnCatalog(std::string snapshot_json) {
  host_->OnBusCatalog(std::move(snapshot_json));
  BusEvent change;
  change.record.kind = RecordKind::kCatalogChanged;
  ring_->Append({&change, 1});
}

void BusFeed::OnState(const BusState& state) {
  const std::lock_guard lock(mutex_);
  state_ = state;
}

BusState BusFeed::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace fsubs
