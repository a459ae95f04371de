// The end of the side door (contract/side_door_protocol.hpp) that the worker holds: a Unix socket
// on which PostgreSQL's processes reach it.
//
// Control thread only. Peers are processes of the same operating system user, yet every byte is
// checked: a frame that is too long or not what the protocol says closes that peer's connection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "contract/side_door_protocol.hpp"
#include "worker/hosted/door.hpp"
#include "worker/json/json_tree.hpp"

struct uv_loop_s;

namespace fsubs {

// What the socket's owner does for its peers.
class SideDoorHost {
 public:
  struct Answer {
    std::string rows;   // a JSON array
    std::string error;  // why there are no rows; empty: there are
  };
  // Hands in the answer. Call once, now or later, on the control thread.
  using Reply = std::function<void(Answer answer)>;

  virtual ~SideDoorHost() = default;
  // The answer to `request`, or one that was sent unasked.
  virtual void OnSnapshot(side_door::SnapshotRequest request, std::string_view snapshot_json) = 0;
  virtual void OnSnapshotError(std::string_view message) = 0;
  // A process that authenticates is there, and it is there no more.
  virtual void OnAuthenticator() = 0;
  virtual void OnAuthenticatorGone() = 0;
  // Its answer to the log-in of that number: claims, which are a JSON object, or nothing, or why it
  // failed.
  virtual void OnAuthenticated(uint64_t number, std::string_view claims,
                               std::string_view error) = 0;
  // A process that resolves is there: the executor of functions in the database, or the connection
  // of one outside it. Returns a number for it, not 0. `send` sends it one message; it does nothing
  // once the process is gone.
  using SendToResolver = std::function<void(std::string_view json)>;
  virtual uint64_t OnResolver(bool is_executor, SendToResolver send) = 0;
  // Its message. Returns false if that is none of the protocol's.
  virtual bool OnResolverMessage(uint64_t resolver, const JsonValue& message) = 0;
  // It ends, and has begun none of the calls that it has not answered.
  virtual void OnResolverLeaves(uint64_t resolver) = 0;
  virtual void OnResolverGone(uint64_t resolver) = 0;
  // A backend's request. Returns false, and does not reply, if there is no such one. `arguments`
  // live during the call.
  virtual bool OnRequest(std::string_view op, const std::optional<JsonValue>& arguments,
                         Reply reply) = 0;
  // A peer whose frames are no JSON from now on. Its `door` lives as long as what is returned.
  // `*answer` is that to the message that said so. Null if there is no such `op`, and if there is
  // an error.
  virtual std::unique_ptr<DoorUser> OnDoor(std::string_view op, Door* door, Answer* answer) = 0;
};

class SideDoorServer {
 public:
  // Take `path`, replacing a socket left there by an earlier worker; until Listen() whoever
  // connects is refused. Returns null, and says why in `*error`, if that fails. `loop` and `host`
  // outlive it.
  static std::unique_ptr<SideDoorServer> Open(uv_loop_s* loop, SideDoorHost* host,
                                              const std::string& path, std::string* error);

  // Closes every handle; the loop must run until they are gone.
  ~SideDoorServer();
  SideDoorServer(const SideDoorServer&) = delete;
  SideDoorServer& operator=(const SideDoorServer&) = delete;

  // Returns why it failed; empty: it did not.
  std::string Listen();

  // Whether all that was sent is on its way.
  bool is_idle() const;

  // Ask an executor for the catalog. Each one that connects later is asked too.
  void RequestSnapshot(side_door::SnapshotRequest request);

  // Ask the process that authenticates; of several, the last one that came. The texts are JSON, and
  // empty `claims` are null. Returns false if there is none.
  bool SendAuthenticate(uint64_t number, std::string_view claims, std::string_view init_payload,
                        std::string_view headers);

  struct Impl;

 private:
  explicit SideDoorServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsubs
