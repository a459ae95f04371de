// Lines of the log that say who was refused what, and why: docs/operations.md has their form.
//
// Any thread. What a peer chose is quoted, so that no text of its own can pass for a line or a
// member of one; and no peer can fill the log: of many lines of a kind a few are written, and the
// others counted. Those of one kind take no room from another's.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace fsubs {

class AuditLog {
 public:
  // Of each kind.
  static constexpr uint64_t kLinesPerSecond = 10;
  static constexpr uint64_t kBurst = 50;
  // How often it is said how many lines of a kind were left out.
  static constexpr uint64_t kTellIntervalMs = 10'000;

  // Takes a line as it is to be logged.
  using Write = std::function<void(const std::string& line)>;
  // Milliseconds that never go back.
  using Clock = std::function<uint64_t()>;

  AuditLog();
  AuditLog(Write write, Clock clock);

  // The setting `audit_log`.
  void SetEnabled(bool enabled) { enabled_.store(enabled, std::memory_order_relaxed); }
  bool is_enabled() const { return enabled_.load(std::memory_order_relaxed); }

  struct Who {
    uint64_t connection = 0;
    std::string peer;  // empty: not known
    std::optional<std::string> user;
    std::optional<std::string> tenant;
  };

  // A renewal too. `reason` is a word; `detail` is for operators, the client may have been told
  // less. It may be empty.
  void RefusedLogin(const Who& who, std::string_view reason, std::string_view detail);
  // `code` and `reason` are the error's extensions; `reason` may be empty, and so may `field`.
  void RefusedSubscription(const Who& who, std::string_view field, std::string_view code,
                           std::string_view reason);
  // As RefusedSubscription, of a query or mutation.
  void RefusedOperation(const Who& who, std::string_view field, std::string_view code,
                        std::string_view reason);
  // By the limit of that name: of whoever presented himself, of a peer before that, and of one that
  // was let in and sent too much.
  void RefusedConnection(const Who& who, std::string_view limit);
  void RefusedPeer(std::string_view peer, std::string_view limit);
  void ClosedConnection(const Who& who, std::string_view limit);
  // One of the modules that decide on each event kept events from clients, `count` times in all
  // since it was told last. Of single ones there are too many to tell of: on a channel that tenants
  // share, each event is denied to all but one.
  void DeniedEvents(std::string_view module, uint64_t count);
  // By fraiseql_disconnect().
  void Disconnected(const Who& who, uint16_t code, std::string_view reason);

  // Log how many lines were left out, if that is due. Call now and then.
  void TellLeftOut();

 private:
  enum class Kind {
    kLogin,
    kSubscription,
    kOperation,
    kConnection,
    kClosed,
    kEvents,
    kDisconnected,
  };
  static constexpr size_t kKinds = 7;

  class Line;
  struct Budget {
    bool TakeRoom(uint64_t now);

    uint64_t room;  // for so many thousandths of a line
    uint64_t refilled_ms;
    uint64_t left_out = 0;
    uint64_t tell_due_ms = 0;  // while there are any
  };

  void AddRefused(Kind kind, const Who& who, std::string_view field, std::string_view code,
                  std::string_view reason);
  void Add(const Line& line);

  const Write write_;
  const Clock clock_;
  std::atomic<bool> enabled_{true};
  std::mutex mutex_;
  std::array<Budget, kKinds> budgets_;  // guarded by mutex_
};

}  // namespace fsubs
