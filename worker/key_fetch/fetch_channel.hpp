// The worker's end of the channel to its fetcher (fetch_protocol.hpp).
//
// Nothing that comes from there is believed: it is bounded, and only what was asked for is taken.
#pragma once

#include <uv.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "worker/base/process_reaper.hpp"
#include "worker/key_fetch/fetch_protocol.hpp"
#include "worker/key_fetch/fetcher_process.hpp"
#include "worker/key_fetch/key_store.hpp"

namespace fsubs {

class FetchChannel {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void OnFetched(uint32_t id, FetchResult result) = 0;
    // What is under way will not be answered.
    virtual void OnFetcherLost(const std::string& why) = 0;
  };

  // `process` may be one that could not be started: then each Send fails.
  FetchChannel(FetcherProcess process, Sink* sink)
      : process_(process), reaper_(process.pid), sink_(sink) {}
  ~FetchChannel();
  FetchChannel(const FetchChannel&) = delete;
  FetchChannel& operator=(const FetchChannel&) = delete;

  // Receive on `loop`, which the channel does not outlive.
  void Attach(uv_loop_t* loop);

  // Longer than anybody waits for an answer (key_store.cpp).
  static constexpr uint64_t kMaxAgeMs = 20'000;

  // Returns an empty text, or why it could not be sent. The time is in milliseconds that only grow;
  // what was asked kMaxAgeMs before is not awaited any more.
  std::string Send(uint32_t id, const std::string& url, uint64_t now_ms);

 private:
  struct Awaited {
    uint64_t asked_ms;
    FetchResult result;  // what has come of it
  };

  void Receive();
  bool TakePacket(std::string_view packet);
  void Close(const std::string& why);

  FetcherProcess process_;
  ProcessReaper reaper_;
  Sink* const sink_;
  uv_poll_t poll_{};
  bool is_attached_ = false;
  std::map<uint32_t, Awaited> awaited_;
};

}  // namespace fsubs
