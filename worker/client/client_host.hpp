// All that a client may ask of the shard that it belongs to.
//
// One shard's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "worker/base/audit_log.hpp"
#include "worker/base/counters.hpp"
#include "worker/base/options.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/identity/credentials.hpp"
#include "worker/identity/identity.hpp"
#include "worker/json/json_tree.hpp"
#include "worker/limits/limits.hpp"
#include "worker/operation/operation.hpp"
#include "worker/resolve/held_stage.hpp"
#include "worker/socket/http.hpp"
#include "worker/socket/outbox.hpp"

namespace fsubs {

class Client;

class ClientHost {
 public:
  virtual ~ClientHost() = default;

  // The settings in force. The reference is valid until the loop's next turn.
  virtual const Options& options() const = 0;
  virtual ShardCounters* counters() = 0;
  virtual AuditLog* audit() = 0;
  virtual BufferPool* buffers() = 0;
  // Memory to parse one message with. What was parsed is valid until the next message.
  virtual JsonTree* scratch() = 0;

  // A client calls Add when it is made and Remove before it is gone.
  virtual void Add(Client* client) = 0;
  virtual void Remove(Client* client) = 0;
  // Call client->Flush(). Answers leave in this turn of the loop, events when the ring has been
  // read, so that those of one commit leave together. REQUIRES: at most once for each until then.
  enum class Flush { kWithAnswers, kWithEvents };
  virtual void FlushLater(Client* client, Flush when) = 0;
  // The socket of a client that is behind takes more: hand it the events that wait in the ring.
  virtual void CatchUpLater(Client* client) = 0;
  // Call client->TellCuts() in a second. REQUIRES: at most once until then.
  virtual void TellCutsLater(Client* client) = 0;
  // Where events of fields with a resolver wait.
  virtual HeldStage* held_stage() = 0;
  // The client is behind, and will be until there is room in the stage.
  virtual void AwaitHeldRoom(Client* client) = 0;
  // Position in the ring of the next event that is published.
  virtual Position position() const = 0;
  // Place of the first event that the dispatcher is not done with.
  virtual EventPlace dispatched() const = 0;
  // Sequence of the last event before `position`, which is or was that of the next one.
  virtual uint64_t SequenceBefore(Position position) = 0;
  // The first event behind that of that sequence which is still in the ring. Nothing if no such
  // event was published.
  struct Continuation {
    EventPlace place;
    uint64_t lost = 0;  // events in between
  };
  virtual std::optional<Continuation> FindBehind(uint64_t sequence) = 0;

  // Whether a message that depends on the catalog may be handled now. If not, client->Handle() is
  // called with it later, unless the client is gone by then.
  virtual bool AdmitOrHold(Client* client, std::string_view message) = 0;

  // Find out who presents these credentials: client->OnAuthenticated is called once, perhaps before
  // this returns, unless the client is gone by then.
  virtual void Authenticate(Client* client, Credentials credentials) = 0;
  // The same where a host vouches for these claims, a JSON object.
  virtual void Vouch(Client* client, const std::string& claims,
                     const std::string& requested_role) = 0;

  // Another time has come, or may come, at which the client's identity expires: call
  // client->CheckExpiry() in time.
  virtual void WatchExpiry(Client* client) = 0;
  // The limits in force for a client; null: one that is not authenticated.
  virtual std::shared_ptr<const Limits> LimitsOf(const Identity* identity) const = 0;
  // Microseconds, of a clock that nobody sets.
  virtual uint64_t now_us() const = 0;

  // As fsubs::Prepare, with the catalog and the limits in force.
  virtual PrepareResult Prepare(const OperationRequest& request,
                                const std::shared_ptr<const Identity>& identity) = 0;
  // Call client->Revalidate(): the client is somebody else now.
  virtual void RevalidateLater(Client* client) = 0;
  // Deliver events to `member` until it is unsubscribed.
  virtual void Subscribe(Member* member, PreparedSubscription subscription) = 0;
  virtual void Unsubscribe(Member* member) = 0;

  // Whether the server is in recovery, so that no event comes from it.
  virtual bool is_standby() const = 0;
  // Whether operations are served: there is a catalog, and no drain.
  virtual bool is_serving() const = 0;
  // Whether they are, and there is room for another client.
  virtual bool can_serve() const = 0;
  // The reply to a request that is not GraphQL's.
  virtual HttpReply OnGet(const HttpRequest& request) = 0;
};

}  // namespace fsubs
