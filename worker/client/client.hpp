// One peer of a shard: its subscriptions and what waits to be sent to it, whatever transport it
// came by.
//
// One shard's thread only. Owned by the socket server, which destroys it when the socket closed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/base/work_budget.hpp"
#include "worker/client/client_host.hpp"
#include "worker/client/disconnection.hpp"
#include "worker/client/held_events.hpp"
#include "worker/client/kept_memory.hpp"
#include "worker/client/ws_protocol.hpp"
#include "worker/event/dispatch.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/limits/cut_history.hpp"
#include "worker/limits/event_limit.hpp"
#include "worker/limits/limit_table.hpp"
#include "worker/limits/limits.hpp"
#include "worker/limits/token_bucket.hpp"
#include "worker/operation/operation.hpp"
#include "worker/resolve/held_stage.hpp"
#include "worker/socket/outbox.hpp"
#include "worker/socket/socket_server.hpp"

namespace fsubs {

class Client;

// One subscription of a client. What it was prepared from, to be prepared again when the catalog
// changes, is in subscription(); the query's text is its plan's.
struct Subscription final : Member {
  void Deliver(const EventPlace& place, std::string_view payload) override;
  void Hold(const EventPlace& place, const EventRecord& record, const JsonValue& data) override;

  // Events before it are not for the subscription, were delivered to it or are held for it.
  Position next() const { return held ? std::max(from, held->next()) : from; }
  // Events before `position` are not for it any more.
  void PassOver(Position position) {
    if (held) {
      held->PassOver(position);
    } else {
      from = position;
    }
  }

  Client* client = nullptr;
  Position since = 0;  // events before it are not for the subscription
  Position from = 0;   // of the first event that may be for it and has not been delivered
  std::string head;    // what stands before the response in its messages
  size_t memory = 0;   // bytes, without what is shared
  int64_t started_at_us = 0;
  uint64_t delivered = 0;
  std::unique_ptr<EventLimit> limit;  // null: its events have none
  std::unique_ptr<CutHistory> cuts;   // null: none of its events was cut
  std::unique_ptr<HeldEvents> held;   // null: its field has had no resolver
};

class Client {
 public:
  virtual ~Client();

  uint64_t id() const { return id_; }

  // A message that waited for the catalog (ClientHost::AdmitOrHold) may be handled now.
  virtual void Handle(std::string_view message) = 0;
  // The host's answer to Authenticate. No identity: refused, and `reason` says why.
  virtual void OnAuthenticated(std::shared_ptr<const Identity> identity,
                               const std::string& reason) = 0;
  // The other answer: it could not be found out, and may be later.
  virtual void OnUndecided(const std::string& reason) { OnAuthenticated(nullptr, reason); }
  // Count and log that it is not let in, or that its identity is not renewed.
  void NoteRefusal(LoginRefusal why, std::string_view reason) const;
  // Take its part of what users and tenants may have, once. Returns the limit that forbids it.
  // Call before OnAuthenticated; if there is one, OnLimited in its place.
  std::optional<LimitKey> Admit(LimitTable* table, const Identity& identity);
  virtual void OnLimited(LimitKey limit) = 0;
  // Once per keep-alive interval.
  virtual void OnKeepalive() = 0;
  // Whether it is a connection, and not one request and its reply.
  virtual bool is_connection() const { return true; }
  // Whether the client has yet to present itself; if it does not in time, OnInitTimeout is called.
  virtual bool waits_for_init() const { return false; }
  virtual void OnInitTimeout() {}
  // Whether a host says who it is, which no function is asked for.
  virtual bool is_vouched() const { return false; }
  // Whether its socket is another process's.
  virtual bool is_hosted() const { return false; }
  // The settings changed, and with them perhaps who may be a client.
  virtual void OnOptionsChanged() = 0;
  // Another function authenticates clients, or none: disconnect it if nothing but the one before
  // vouches for it.
  void OnFunctionChanged();
  // Say goodbye: the worker ends. What was subscribed is not completed, so that clients take it up
  // again elsewhere or later.
  virtual void Drain() = 0;
  // Say goodbye at once: what waits is not sent any more. Returns false if it was on its way out.
  virtual bool Disconnect(uint16_t code, std::string_view reason) = 0;

  // Disconnect it if its identity has expired, and tell it once, some time ahead, that this will
  // happen. Returns when that is to be looked at again; nothing if it never is.
  std::optional<int64_t> CheckExpiry(int64_t now_us);

  // The catalog is in force. Those without credentials are whom it says. They are disconnected if
  // it says nobody, and so are those whose issuer is gone.
  void OnCatalog(const Catalog& catalog);
  // Whether it is one of those who are to be disconnected.
  bool IsMeant(const Disconnection& disconnection) const;

  // "address:port".
  virtual std::string peer() const = 0;
  AuditLog::Who audit_subject() const;

  // What a client that is told goodbye still has to do with it: bytes that wait for it, or are on
  // their way to its machine.
  size_t untaken() const { return outbox_.size() + unacknowledged(); }
  // Bytes that would be lost if it were cut off.
  size_t queued_bytes() const { return outbox_.size() + unsent(); }
  // Whether the peer sent something since the last call.
  virtual bool TakeHeard() { return false; }
  // Give the socket back, whatever waits.
  virtual void CutOff() = 0;

  // The host's answer to FlushLater: write what waits.
  void Flush(ClientHost::Flush when);

  // An event is for the subscription. If there is no room for it, the client falls behind.
  void Deliver(Subscription* subscription, const EventPlace& place, std::string_view response);

  // The same for an event that needs a resolver.
  void Hold(Subscription* subscription, const EventPlace& place, const EventRecord& record,
            const JsonValue& data);
  // Send a response that was held. Returns whether there was room, or it is not to be sent any
  // more; if not, the subscription's HeldEvents::Continue is called when there is.
  bool SendHeld(Subscription* subscription, const EventPlace& place, std::string_view response);
  // End the subscription with these errors. Returns whether it is gone: it stays if the client is
  // on its way out.
  bool Fail(Subscription* subscription, const std::vector<Error>& errors);

  // A client is behind while its next event waits in the ring because neither the socket nor the
  // outbox takes more. Events are then not for it; ClientHost::CatchUpLater has the ring read for
  // it from there once the socket takes more.
  bool is_behind() const { return behind_.has_value(); }
  // Its next event. REQUIRES: is_behind().
  const EventPlace& behind_from() const { return *behind_; }
  void MoveBehindFrom(const EventPlace& place) { behind_ = place; }
  void SetCurrent() { behind_.reset(); }
  // Whether events may be handed to one that is behind.
  bool can_take() const { return !closing() && can_write(); }
  // Close it if its socket has taken nothing for `timeout_ms` while something waits for it. Call a
  // few times within that; `passed_ms` is the time since the last call.
  void CheckProgress(uint64_t passed_ms, uint64_t timeout_ms);
  // As Deliver, for one that is behind. Returns whether there was room.
  bool Take(Subscription* subscription, const EventPlace& place, std::string_view response);
  // As Hold, for one that is behind. Returns whether there was room.
  bool TakeToHold(Subscription* subscription, const EventPlace& place, const EventRecord& record,
                  const JsonValue& data, HeldStage::Past past);

  // Sequence up to which all events have been appended to the outbox, for all subscriptions, and
  // all was told of those that were not; 0: it is not known.
  uint64_t handed_over() const;

  void ReportLoss(uint64_t count);
  // Tell what rates have cut and is not told yet.
  void TellCuts();

  // The catalog, the limits or the client's identity changed: prepare again what was prepared with
  // another than `catalog`, or for another. Returns whether all is done; if not, the budget is
  // spent.
  bool Revalidate(const Catalog* catalog, WorkBudget* budget);

  using Subscriptions = std::unordered_map<std::string, Subscription, StringHash, std::equal_to<>>;
  Subscriptions* subscriptions() { return &subscriptions_; }

  // For fraiseql_connections() and fraiseql_subscriptions(): a JSON object for each row.
  void WriteRow(size_t shard, JsonWriter* rows) const;
  void WriteSubscriptionRows(JsonWriter* rows) const;

 protected:
  Client(ClientHost* host, uint64_t id);

  struct Status {
    std::string_view protocol;
    std::string_view state;
  };
  // Empty protocol: not worth a row.
  virtual Status Describe() const = 0;

  virtual std::string ResponseHead(std::string_view id) const = 0;
  // `sequence` is that of the event; 0: the response is to none.
  virtual void SendResponse(std::string_view head, std::string_view response,
                            uint64_t sequence) = 0;
  // What was asked for under that id is subscribed to: the events that are at `from` or behind it.
  // `behind`: the sequence of the one before, if it is known.
  virtual void OnStarted(std::string_view, Position, std::optional<uint64_t>) {}
  // A subscription that went on became invalid.
  virtual void SendErrors(std::string_view id, const std::vector<Error>& errors) = 0;
  // Tell the client that its identity is about to expire, if its protocol can.
  virtual void NoteExpiry(uint64_t) {}
  // Nothing is sent any more.
  virtual bool closing() const = 0;

  // Bytes that the socket has taken and the kernel has not. While there are any it takes no more,
  // and calls OnSocketTakesMore when there are none.
  virtual size_t unsent() const = 0;
  // The same, and those that the kernel has and the peer's machine has not.
  virtual size_t unacknowledged() const = 0;
  // Whether the socket takes bytes now.
  virtual bool can_write() const { return unsent() == 0; }
  virtual WriteResult Write(std::string_view bytes) = 0;
  // Everything that waited was handed to the socket.
  virtual void OnFlushed(WriteResult result) = 0;
  // The client does not read, and what waited for it was dropped.
  virtual void CloseSlow() = 0;

  // Call with what came of appending a message to outbox(). Returns whether it will be sent; a
  // client too far behind is closed.
  bool Queue(Outbox::Result appended, ClientHost::Flush when);
  Outbox* outbox() { return &outbox_; }
  // Bytes that the client makes the server keep: what it subscribed to, and what it sent and
  // waits. Those of the outbox have a limit of their own.
  virtual size_t memory() const { return kept_.bytes(); }
  // Bytes that may be appended to the outbox. A message that finds nothing waiting may be of any
  // size.
  size_t Room() const;
  // The same for what is not an event. It does not have to wait for the socket: a client that reads
  // one large message slowly is no slow client.
  size_t RoomForAnswers() const;
  // Call when unsent() has become 0.
  void OnSocketTakesMore();
  void CountMessage() { ++sent_messages_; }
  // Take a message of the client into account. Returns whether it may send one.
  bool TakeMessage();

  bool Has(std::string_view id) const { return subscriptions_.find(id) != subscriptions_.end(); }
  // `resume`: a subscription's events are those behind that sequence; 0: events may be lost, and it
  // is not known how many.
  StartResult Start(std::string_view id, const OperationRequest& request,
                    std::optional<uint64_t> resume = std::nullopt);
  void Stop(std::string_view id);
  // Stops one subscription and returns its id; empty if there is none left.
  std::string StopAny();

  // Null until the client is authenticated.
  const std::shared_ptr<const Identity>& identity() const { return identity_; }
  // What is subscribed is prepared again for it.
  void SetIdentity(std::shared_ptr<const Identity> identity);
  bool is_anonymous() const { return identity_ && identity_->is_anonymous; }

  ClientHost* const host_;

 private:
  void WriteOut();
  void CloseAsSlow();
  void AuditRefusal(const PrepareResult& refused);
  void WriteIdentity(JsonWriter* rows) const;
  void Enter(const std::string& id, Subscription* subscription, PreparedSubscription prepared);
  void Leave(Subscription* subscription);
  void CountDenial(const PrepareResult& result);
  bool Send(Subscription* subscription, const EventPlace& place, std::string_view response);
  void ContinueHeld();
  void End(Subscriptions::iterator at);
  void Forget(Subscription* subscription);
  void SetLimits(std::shared_ptr<const Limits> limits);
  void LimitEvents(Subscription* subscription);
  bool CutByRate(Subscription* subscription);
  void AwaitTellingCuts();
  void Resume(std::string_view id, Subscription* subscription, uint64_t sequence);

  Subscriptions subscriptions_;
  std::shared_ptr<const Identity> identity_;
  std::shared_ptr<const Limits> limits_;
  LimitTable::Share share_;
  std::unique_ptr<TokenBucket> messages_;  // null: none was counted
  std::vector<Subscription*> cut_;         // of which something may be untold
  bool cuts_wait_ = false;                 // for the host to call TellCuts
  bool held_waits_ = false;                // for the socket to take more
  KeptMemory kept_;
  Outbox outbox_;
  const uint64_t id_;
  const int64_t connected_at_us_;
  uint64_t sent_messages_ = 0;
  uint64_t sent_bytes_ = 0;
  std::optional<EventPlace> behind_;
  static constexpr uint64_t kUnknown = UINT64_MAX;
  uint64_t taken_then_ = kUnknown;  // bytes that the kernel had taken when that was last looked at
  uint64_t stands_ms_ = 0;          // how long that has not changed
  uint64_t untold_loss_ = 0;        // events that were lost, of which there was no room to tell
  bool telling_loss_ = false;
  bool answers_wait_ = false;  // for the host to call Flush
  bool events_wait_ = false;
  bool expiry_noted_ = false;  // the client knows of it
  bool closing_then_ = false;  // when it was last seen to stand still
};

// The clients of a shard, by id.
using ClientMap = std::unordered_map<uint64_t, Client*>;

}  // namespace fsubs
