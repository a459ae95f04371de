// A client without a socket, and what it needs of a shard without one.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/operation_limits.hpp"
#include "test/unit/worker/served_catalog.hpp"
#include "worker/client/client.hpp"

namespace fsubs {

class FakeHost final : public ClientHost, private HeldStage::Sink {
  ShardCounters counters_;

 public:
  FakeHost() { stage.SetLimit(1 << 20); }
  const Options& options() const override { return options_; }
  ShardCounters* counters() override { return &counters_; }
  AuditLog* audit() override { return &audit_; }
  BufferPool* buffers() override { return &buffers_; }
  JsonTree* scratch() override { return &scratch_; }
  void Add(Client* client) override { clients_[client->id()] = client; }
  void Remove(Client* client) override { clients_.erase(client->id()); }
  void FlushLater(Client* client, Flush when) override { unflushed_.emplace_back(client, when); }
  void CatchUpLater(Client* client) override { catching_up.push_back(client); }
  void TellCutsLater(Client* client) override { telling_cuts.push_back(client); }
  HeldStage* held_stage() override { return &stage; }
  void AwaitHeldRoom(Client* client) override { blocked.push_back(client); }
  Position position() const override { return next_position; }
  EventPlace dispatched() const override { return {next_position, next_position / 8 + 1}; }
  uint64_t SequenceBefore(Position position) override { return position - 1; }
  std::optional<Continuation> FindBehind(uint64_t sequence) override {
    return find_behind ? find_behind(sequence) : std::nullopt;
  }
  bool AdmitOrHold(Client*, std::string_view) override { return !holds; }
  void Authenticate(Client* client, Credentials credentials) override {
    presented.push_back(std::move(credentials));
    if (identify) {
      identify(client);
      return;
    }
    const bool accepted = options_.allow_anonymous && catalog_;
    client->OnAuthenticated(accepted ? catalog_->anonymous() : nullptr, {});
  }
  void Vouch(Client* client, const std::string& claims, const std::string&) override {
    vouched.push_back(claims);
    client->OnAuthenticated(catalog_->anonymous(), {});
  }
  void WatchExpiry(Client* client) override {
    if (watch_expiry) watch_expiry(client);
  }
  std::shared_ptr<const Limits> LimitsOf(const Identity* identity) const override {
    return identity == nullptr ? rules->everybody() : rules->For(identity->roles);
  }
  uint64_t now_us() const override { return clock_us; }
  PrepareResult Prepare(const OperationRequest& request,
                        const std::shared_ptr<const Identity>& identity) override {
    return fsubs::Prepare(catalog_, &plans_, request, identity, kTestLimits);
  }
  void RevalidateLater(Client*) override {}
  void Subscribe(Member* member, PreparedSubscription subscription) override {
    dispatcher_.Add(member, std::move(subscription));
  }
  void Unsubscribe(Member* member) override { dispatcher_.Remove(member); }
  bool is_standby() const override { return false; }
  bool is_serving() const override { return true; }
  bool can_serve() const override { return true; }
  HttpReply OnGet(const HttpRequest&) override { return {}; }

  // What the shard does before it waits.
  void FlushAll() {
    for (const auto& [client, when] : std::exchange(unflushed_, {})) client->Flush(when);
  }

  void Serve(std::string_view snapshot) {
    std::string error;
    catalog_ = Catalog::FromSnapshot(snapshot, &error);
    EXPECT_TRUE(catalog_) << error;
  }

  void ServeNothing() { catalog_ = nullptr; }

  void Publish(std::string_view channel, const std::string& data) {
    const std::string padded = data + std::string(kJsonPadding, '\0');
    EventRecord record;
    record.channel = channel;
    record.data = std::string_view(padded).substr(0, data.size());
    record.position = next_position;
    record.sequence = next_position / 8 + 1;
    next_position += 8;
    Dispatch(record, "1-0");
  }

  void Dispatch(const EventRecord& record, std::string_view position) {
    WorkBudget budget(1'000'000);
    EXPECT_TRUE(dispatcher_.Begin(record, position, &budget));
  }

  const Catalog* catalog() const { return catalog_.get(); }
  Options* mutable_options() { return &options_; }
  const ClientMap& clients() const { return clients_; }

  // What the shard does with what came of calls.
  void Resolve(std::vector<ResolveResult> results) {
    WorkBudget budget(1'000'000);
    stage.Add(std::move(results));
    stage.Continue(&budget);
    EXPECT_TRUE(stage.is_idle());
  }

  bool holds = false;  // messages, for the catalog
  std::vector<Credentials> presented;
  std::vector<std::string> vouched;  // claims
  std::function<std::optional<Continuation>(uint64_t)> find_behind;
  // What is done instead of letting in whom the options allow.
  std::function<void(Client*)> identify;
  std::function<void(Client*)> watch_expiry;
  Position next_position = 0;
  std::vector<Client*> blocked;  // until there is room in the stage
  size_t room_made = 0;          // how often there was
  std::vector<Client*> catching_up;
  std::vector<std::string> audit_lines;
  std::vector<Client*> telling_cuts;
  uint64_t clock_us = 0;
  std::unique_ptr<LimitRules> rules =
      std::make_unique<LimitRules>(Limits(), std::span<const RoleLimits>());

 private:
  void OnHeldWork() override {}
  void OnHeldRoom() override { ++room_made; }

  Options options_;
  AuditLog audit_{[this](const std::string& line) { audit_lines.push_back(line); },
                  [] { return uint64_t{0}; }};
  BufferPool buffers_;
  JsonTree scratch_;
  ClientMap clients_;
  std::shared_ptr<const Catalog> catalog_;
  PlanCache plans_;
  Dispatcher dispatcher_;
  std::vector<std::pair<Client*, Flush>> unflushed_;

 public:
  HeldStage stage{0, &counters_, this};  // last: it uses plans
};

// Writes into a string, and shows what it is told.
class FakeClient final : public Client {
 public:
  FakeClient(ClientHost* host, uint64_t id) : Client(host, id) {
    auto nobody = std::make_shared<Identity>();
    EXPECT_TRUE(nobody->claims.ParseCopy("{}"));
    SetIdentity(std::move(nobody));
  }

  void Handle(std::string_view) override {}
  void OnAuthenticated(std::shared_ptr<const Identity> identity, const std::string&) override {
    SetIdentity(std::move(identity));
  }
  void OnLimited(LimitKey) override {}
  void OnKeepalive() override { ++keepalives; }
  bool waits_for_init() const override { return waits; }
  void OnInitTimeout() override {
    waits = false;
    late = true;
  }
  void OnOptionsChanged() override {}
  void Drain() override {}
  bool Disconnect(uint16_t code, std::string_view reason) override {
    disconnected = std::to_string(code) + " " + std::string(reason);
    return true;
  }
  std::string peer() const override { return "nowhere"; }

  void Become(std::shared_ptr<const Identity> identity) { SetIdentity(std::move(identity)); }
  bool Sends() { return TakeMessage(); }

  StartResult Subscribe(std::string_view id, std::string_view query) {
    OperationRequest request;
    request.query = query;
    return Subscribe(id, request);
  }
  StartResult Subscribe(std::string_view id, const OperationRequest& request) {
    return Start(id, request);
  }
  StartResult Resume(std::string_view id, std::string_view query, uint64_t sequence) {
    OperationRequest request;
    request.query = query;
    return Start(id, request, sequence);
  }
  void StopAll() {
    while (!StopAny().empty()) {
    }
  }
  // The peer has read everything, and the socket takes so much more.
  void Drained(size_t room) {
    socket_room = room;
    socket_unsent = 0;
    OnSocketTakesMore();
  }
  bool TakeHeard() override { return std::exchange(heard, false); }
  void CutOff() override { cut_off = true; }
  bool Append(std::string_view bytes) {
    return Queue(outbox()->AppendBytes(bytes, Room()), ClientHost::Flush::kWithEvents);
  }

  bool waits = false;
  bool late = false;
  // The socket takes bytes until this many are unsent.
  size_t socket_room = SIZE_MAX;
  size_t socket_unsent = 0;
  bool slow = false;
  bool cut_off = false;
  bool heard = false;
  std::string disconnected;       // code and reason
  std::vector<uint64_t> notices;  // seconds until its identity expires, as it was told
  size_t in_kernel = 0;           // bytes that the peer's machine has not acknowledged
  size_t keepalives = 0;
  size_t flushes = 0;
  std::string written;
  std::vector<uint64_t> sequences;   // of the events of responses
  std::vector<std::string> started;  // ids, places, and sequences before them if they are known
  std::vector<std::string> errors;   // id and first message

 private:
  Status Describe() const override { return {"fake", "acknowledged"}; }
  std::string ResponseHead(std::string_view id) const override { return std::string(id) + " "; }
  void SendResponse(std::string_view head, std::string_view response, uint64_t sequence) override {
    sequences.push_back(sequence);
    Append(std::string(head).append(response).append("\n"));
  }
  void OnStarted(std::string_view id, Position from, std::optional<uint64_t> behind) override {
    started.push_back(std::string(id) + " " + std::to_string(from) + " " +
                      (behind ? std::to_string(*behind) : "?"));
  }
  void SendErrors(std::string_view id, const std::vector<Error>& of) override {
    errors.push_back(std::string(id) + " " + of.front().message);
  }
  void NoteExpiry(uint64_t seconds_left) override { notices.push_back(seconds_left); }
  bool closing() const override { return slow; }
  size_t unsent() const override { return socket_unsent; }
  size_t unacknowledged() const override { return socket_unsent + in_kernel; }
  WriteResult Write(std::string_view bytes) override {
    written.append(bytes);
    if (bytes.size() <= socket_room) {
      socket_room -= bytes.size();
      return WriteResult::kSent;
    }
    socket_unsent = bytes.size() - std::exchange(socket_room, 0);
    return WriteResult::kPending;
  }
  void OnFlushed(WriteResult) override { ++flushes; }
  void CloseSlow() override { slow = true; }
};

}  // namespace fsubs
