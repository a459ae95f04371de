// One link on the shard's side: the sessions of a host, their commands that wait to be handled, and
// their frames that wait to be taken.
//
// One shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "contract/session_records.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/hosted/command_reader.hpp"
#include "worker/hosted/hosted_peer.hpp"
#include "worker/hosted/link_report.hpp"
#include "worker/socket/ws_transport.hpp"

namespace fsubs {

class HostedSession;

// What a link needs of the shard.
class HostedHost {
 public:
  virtual ~HostedHost() = default;
  // A session begins. Returns its owner, whom the link destroys when it is over, or null, if
  // `*admission` says why. `transport` lives as long as the owner.
  virtual std::unique_ptr<HostedPeer> OnHostedOpen(WsTransport* transport, HostedOpening opening,
                                                   HostedAdmission* admission) = 0;
  // Largest message taken from a client, in bytes.
  virtual size_t max_message_size() const = 0;
};

class SessionLink {
 public:
  explicit SessionLink(HostedHost* host);  // which outlives it
  ~SessionLink();
  SessionLink(const SessionLink&) = delete;
  SessionLink& operator=(const SessionLink&) = delete;

  // Commands have come, behind those that wait. REQUIRES: CheckCommands found nothing.
  void Add(std::string commands);
  // Somebody waits for frames, once more.
  void Add(session::Take take);

  // Handle commands. Returns whether none is left that can be; if one is, the budget is spent.
  bool Continue(WorkBudget* budget);

  // Bring what has happened to an end: destroy sessions that are over and let those that wait go
  // on. Call when no session's owner is on the stack.
  void Settle();
  // What the other side is to know since the last call. Call after Settle.
  LinkReport TakeReport();

  // Whether everything was taken.
  bool is_empty() const { return waiting_bytes_ == 0; }
  // Nobody takes frames any more: drop them, and those to come.
  void GiveUp();
  // The same, and destroy its sessions. Returns whether none is left; if one is, the budget is
  // spent.
  bool Bury(WorkBudget* budget);

 private:
  friend class HostedSession;

  // For its sessions.
  bool has_room() const { return waiting_bytes_ < session::kMaxWaiting; }
  // Append frames that the host gets next, whether there is room or not.
  void Append(std::string_view frames);
  // Call OnRoom once there is room.
  void Block(uint32_t session) { blocked_.push_back(session); }
  // Call Continue.
  void ContinueLater(uint32_t session) { continuing_.push_back(session); }
  // Bytes of commands that a session keeps, and which it has handled.
  void AddKept(size_t bytes) { kept_bytes_ += bytes; }
  void RemoveKept(size_t bytes);
  void NoteOver(uint32_t session) { over_.push_back(session); }

  void Handle(const SessionCommand& command);
  void Open(const SessionCommand& command);
  void Fail(std::string problem);
  void NoteHandled(size_t bytes) { report_.handled += bytes; }
  std::string TakeFrames();
  template <typename Function>
  void Guard(HostedSession* session, Function function);

  HostedHost* const host_;
  std::unordered_map<uint32_t, std::unique_ptr<HostedSession>> sessions_;
  uint32_t highest_ = 0;  // of the numbers that were open: up to it one may be closed already
  std::deque<std::string> commands_;
  size_t handled_in_first_ = 0;  // bytes of the first of them
  size_t kept_bytes_ = 0;        // of commands that sessions keep, and that count as handled later
  std::deque<std::string> frames_;
  size_t waiting_bytes_ = 0;          // of these
  size_t beyond_room_ = 0;            // of those that were appended although there was no room
  std::deque<uint32_t> blocked_;      // sessions that wait for room
  std::vector<uint32_t> continuing_;  // sessions that may handle what they kept
  std::vector<uint32_t> over_;        // sessions to destroy
  std::deque<session::Take> takes_;   // that are not answered
  LinkReport report_;
  bool given_up_ = false;
};

}  // namespace fsubs
