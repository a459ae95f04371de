// What a server's worker does for other nodes: its events go into the bus, and it knows who the
// nodes are.
//
// Control thread only, unless a function says otherwise.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "contract/ring_layout.hpp"
#include "worker/base/kept_process.hpp"
#include "worker/base/options.hpp"
#include "worker/base/task_queue.hpp"
#include "worker/bus/bus_counters.hpp"
#include "worker/bus/redis/publishing_thread.hpp"

namespace fsubs {

class BusPublishing {
 public:
  // `tasks` are the control thread's.
  BusPublishing(KeptProcess dialer, BusCounters* counters, TaskQueue* tasks)
      : dialer_(dialer), counters_(counters), tasks_(tasks) {}
  BusPublishing(const BusPublishing&) = delete;
  BusPublishing& operator=(const BusPublishing&) = delete;

  // What Finish waits by. Call once, before anything else.
  void Attach(uv_loop_t* loop) { uv_timer_init(loop, &patience_timer_); }

  // Publish what comes into `ring`. With an `error` nothing is: it says why Redis cannot be used,
  // and is told. Call once at most, before other threads know of this.
  void Start(const RingHeader* ring, const Options& options, const RedisAccess& access,
             const std::string& error);
  // Any thread: whether anything is published; constant once other threads run.
  bool is_on() const { return thread_ != nullptr; }

  // Any thread: the ring may have more than before.
  void NotePublished() {
    if (thread_) thread_->NotePublished();
  }
  // As of RedisPublisher.
  void SetCatalog(const std::string& snapshot_json, Position covers) {
    if (thread_) thread_->SetCatalog(snapshot_json, covers);
  }

  // `reply` is called once, on the control thread, within some seconds. REQUIRES: is_on().
  void AskNodes(RedisPublisher::NodesReply reply);

  // Have the bus get what the ring still has for it, but do not wait long for a Redis that is away.
  // `done` is called once, on the control thread. REQUIRES: is_on().
  void Finish(std::function<void()> done);

 private:
  void TellFinished();

  const KeptProcess dialer_;
  BusCounters* const counters_;
  TaskQueue* const tasks_;
  std::unique_ptr<PublishingThread> thread_;
  uv_timer_t patience_timer_{};
  std::function<void()> finished_;  // null: nobody waits
};

}  // namespace fsubs
