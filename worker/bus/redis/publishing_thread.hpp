// Runs the publisher on a thread and a loop of its own.
//
// Control thread only, unless a function says otherwise.
#pragma once

#include <uv.h>

#include <functional>
#include <string>
#include <utility>

#include "worker/base/loop_thread.hpp"
#include "worker/bus/redis/redis_publisher.hpp"

namespace fsubs {

// Lives as long as the process.
class PublishingThread {
 public:
  explicit PublishingThread(RedisPublisher::Setup setup) : publisher_(std::move(setup)) {}
  PublishingThread(const PublishingThread&) = delete;
  PublishingThread& operator=(const PublishingThread&) = delete;

  void Start() {
    uv_loop_init(&loop_);
    publisher_.Attach(&loop_);
    RunOnThread(&loop_, "bus");
  }

  // As of RedisPublisher; any thread, once it was started.
  void NotePublished() { publisher_.NotePublished(); }
  void SetCatalog(std::string snapshot_json, Position covers) {
    publisher_.SetCatalog(std::move(snapshot_json), covers);
  }
  void AskNodes(RedisPublisher::NodesReply reply) { publisher_.AskNodes(std::move(reply)); }
  void Finish(std::function<void()> done) { publisher_.Finish(std::move(done)); }

 private:
  uv_loop_t loop_{};
  RedisPublisher publisher_;
};

}  // namespace fsubs
