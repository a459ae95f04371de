// The worker's end of the channel to its dialer (dial_protocol.hpp).
//
// One loop's thread only.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "contract/address.hpp"
#include "worker/base/kept_process.hpp"
#include "worker/base/process_reaper.hpp"

namespace fsubs {

class Dialer {
 public:
  // `fd` is a connected socket that does not block and is the callee's to close, or -1: `error`
  // says why.
  using Done = std::function<void(int fd, const std::string& error)>;

  // `process` may be one that could not be started: then each Dial fails.
  explicit Dialer(KeptProcess process) : process_(process), reaper_(process.pid) {}
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

  // Receive on `loop`, which the dialer does not outlive.
  void Attach(uv_loop_t* loop);

  // Have a connection made. `done` is called once, later, unless the call is given up first or the
  // dialer crashes meanwhile: callers keep time. Returns the call's number, which is not 0; 0, with
  // `*error` set, if it cannot be asked for.
  uint32_t Dial(const Address& address, Done done, std::string* error);

  // `done` of that call is not called any more.
  void GiveUp(uint32_t call) { awaited_.erase(call); }

  // Stop receiving; nothing is called any more.
  void Close();

 private:
  void Receive();

  KeptProcess process_;
  ProcessReaper reaper_;
  uv_poll_t poll_{};
  bool is_attached_ = false;
  uint32_t last_call_ = 0;
  std::map<uint32_t, Done> awaited_;
};

}  // namespace fsubs
