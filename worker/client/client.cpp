#include "worker/client/client.hpp"

#include <algorithm>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/heap_size.hpp"
#include "worker/client/limit_error.hpp"
#include "worker/event/loss_notice.hpp"
#include "worker/socket/close_code.hpp"

namespace fsubs {

namespace {

// What stands around a response in a message, at most, but for its head.
constexpr size_t kMessageOverhead = 64;

// What preparing a byte of a document costs at most, in bytes looked at.
constexpr size_t kPrepareCost = 128;

constexpr int64_t kUsPerMs = 1000;
constexpr int64_t kUsPerSecond = 1'000'000;

// What a subscription takes but for its plan.
size_t SizeOf(const std::string& id, const std::string& head,
              const PreparedSubscription& prepared) {
  return kHeapEntry<Client::Subscriptions> + HeapSize(id) + HeapSize(head) +
         HeapSize(prepared.variables) + HeapSize(prepared.arguments) +
         HeapSize(prepared.operation_name) + HeapSize(prepared.filter) +
         Dispatcher::SizeOf(prepared);
}

}  // namespace

void Subscription::Deliver(const EventPlace& place, std::string_view payload) {
  client->Deliver(this, place, payload);
}

void Subscription::Hold(const EventPlace& place, const EventRecord& record, const JsonValue& data) {
  client->Hold(this, place, record, data);
}

Client::Client(ClientHost* host, uint64_t id)
    : host_(host),
      limits_(host->LimitsOf(nullptr)),
      outbox_(host->buffers()),
      id_(id),
      connected_at_us_(NowUs()) {
  host_->Add(this);
}

Client::~Client() {
  while (!subscriptions_.empty()) End(subscriptions_.begin());
  host_->Remove(this);
}

bool Client::Queue(Outbox::Result appended, ClientHost::Flush when) {
  if (appended == Outbox::Result::kFull) {
    CloseAsSlow();
    return false;
  }
  bool* const waits = when == ClientHost::Flush::kWithEvents ? &events_wait_ : &answers_wait_;
  if (!*waits) {
    *waits = true;
    host_->FlushLater(this, when);
  }
  return true;
}

void Client::CloseAsSlow() {
  if (closing()) return;
  host_->counters()->slow_consumers.Add();
  // What waits would arrive without what does not fit, so none of it is sent.
  outbox_.Clear();
  CloseSlow();
}

void Client::CheckProgress(uint64_t passed_ms, uint64_t timeout_ms) {
  const size_t unsent = this->unsent();
  const uint64_t taken = sent_bytes_ - unsent;
  if (unsent == 0 || taken != taken_then_) {
    taken_then_ = unsent == 0 ? kUnknown : taken;
    stands_ms_ = 0;
    return;
  }
  // A goodbye has as long to be read as what stood before it.
  if (closing() != closing_then_) {
    closing_then_ = closing();
    stands_ms_ = 0;
  }
  stands_ms_ += passed_ms;
  // One that is closing was told why, but does not read it.
  if (stands_ms_ >= timeout_ms) closing() ? CutOff() : CloseAsSlow();
}

void Client::Flush(ClientHost::Flush when) {
  (when == ClientHost::Flush::kWithEvents ? events_wait_ : answers_wait_) = false;
  OnSocketTakesMore();
}

void Client::OnSocketTakesMore() {
  WriteOut();
  if (held_waits_) ContinueHeld();
  if (untold_loss_ > 0 && queued_bytes() == 0 && !closing()) {
    ReportLoss(std::exchange(untold_loss_, 0));
  }
  if (behind_ && outbox_.empty() && can_take()) host_->CatchUpLater(this);
}

void Client::WriteOut() {
  if (outbox_.empty() || !can_write()) return;
  const size_t size = outbox_.size();
  const WriteResult result = Write(outbox_.bytes());
  sent_bytes_ += size;
  host_->counters()->bytes_sent.Add(size);
  outbox_.Clear();
  OnFlushed(result);
}

size_t Client::Room() const {
  const size_t queued = queued_bytes();
  const size_t limit = host_->options().outbox_size;
  if (queued == 0 || telling_loss_) return SIZE_MAX;
  return queued < limit ? limit - queued : 0;
}

size_t Client::RoomForAnswers() const {
  const size_t limit = host_->options().outbox_size;
  return std::max(Room(), limit - std::min(limit, outbox_.size()));
}

void Client::Deliver(Subscription* subscription, const EventPlace& place,
                     std::string_view response) {
  if (behind_ || closing() || Take(subscription, place, response)) return;
  behind_ = place;
  host_->counters()->fallen_behind.Add();
}

void Client::Hold(Subscription* subscription, const EventPlace& place, const EventRecord& record,
                  const JsonValue& data) {
  if (behind_ || closing()) return;
  if (TakeToHold(subscription, place, record, data, HeldStage::Past::kLoses)) return;
  behind_ = place;
  host_->counters()->fallen_behind.Add();
}

bool Client::TakeToHold(Subscription* subscription, const EventPlace& place,
                        const EventRecord& record, const JsonValue& data, HeldStage::Past past) {
  if (place.position < subscription->next()) return true;
  return subscription->held->Hold(place, record, data, past);
}

bool Client::SendHeld(Subscription* subscription, const EventPlace& place,
                      std::string_view response) {
  if (closing() || Send(subscription, place, response)) return true;
  held_waits_ = true;
  return false;
}

bool Client::Fail(Subscription* subscription, const std::vector<Error>& errors) {
  if (closing()) return false;
  const auto at = std::find_if(subscriptions_.begin(), subscriptions_.end(),
                               [&](const auto& entry) { return &entry.second == subscription; });
  const std::string id = at->first;
  End(at);
  SendErrors(id, errors);
  return true;
}

void Client::ContinueHeld() {
  held_waits_ = false;
  for (auto at = subscriptions_.begin(); at != subscriptions_.end();) {
    Subscription& subscription = (at++)->second;
    if (subscription.held) subscription.held->Continue();
  }
}

bool Client::Take(Subscription* subscription, const EventPlace& place, std::string_view response) {
  if (place.position < subscription->next()) return true;
  HeldEvents* const held = subscription->held.get();
  if (held == nullptr || held->empty()) return Send(subscription, place, response);
  return held->Append(place, response);
}

bool Client::Send(Subscription* subscription, const EventPlace& place, std::string_view response) {
  EventLimit* const limit = place.is_loss ? nullptr : subscription->limit.get();
  if (limit != nullptr && CutByRate(subscription)) {
    if (!subscription->cuts) subscription->cuts = std::make_unique<CutHistory>();
    subscription->cuts->AddCut(place.position);
    subscription->from = std::max(subscription->from, place.position + 1);
    return true;
  }
  size_t size = subscription->head.size() + response.size() + kMessageOverhead;
  std::string cut;
  if (limit != nullptr && limit->untold > 0) {
    cut = EncodeCut(*subscription->subscription().plan, limit->untold);
    size += subscription->head.size() + cut.size() + kMessageOverhead;
  }
  if (Room() < size) {
    WriteOut();
    if (closing()) return true;
    if (Room() < size) {
      if (limit != nullptr) limit->PutBack(&share_);
      return false;
    }
  }
  if (!cut.empty()) {
    limit->untold = 0;
    SendResponse(subscription->head, cut, 0);
  }
  subscription->from = std::max(subscription->from, place.position + 1);
  if (subscription->cuts && !place.is_loss) subscription->cuts->AddDelivered();
  ++subscription->delivered;
  host_->counters()->messages_sent.Add();
  SendResponse(subscription->head, response, place.sequence);
  return true;
}

// Takes the event into account.
bool Client::CutByRate(Subscription* subscription) {
  EventLimit* const limit = subscription->limit.get();
  const auto by = limit->Take(&share_, host_->now_us());
  if (!by) return false;
  host_->counters()->CountLimited(*by);
  ++limit->untold;
  if (limit->is_listed) return true;
  limit->is_listed = true;
  cut_.push_back(subscription);
  AwaitTellingCuts();
  return true;
}

void Client::AwaitTellingCuts() {
  if (cut_.empty() || std::exchange(cuts_wait_, true)) return;
  host_->TellCutsLater(this);
}

uint64_t Client::handed_over() const {
  if (behind_ || untold_loss_ > 0) return 0;
  const bool waits =
      std::any_of(subscriptions_.begin(), subscriptions_.end(), [](const auto& entry) {
        const Subscription& subscription = entry.second;
        return (subscription.held && !subscription.held->empty()) ||
               (subscription.limit && subscription.limit->untold > 0);
      });
  return waits ? 0 : host_->dispatched().sequence - 1;
}

void Client::TellCuts() {
  cuts_wait_ = false;
  const auto told = std::find_if(cut_.begin(), cut_.end(), [this](Subscription* subscription) {
    EventLimit* const limit = subscription->limit.get();
    if (limit->untold > 0 && !closing()) {
      const std::string response = EncodeCut(*subscription->subscription().plan, limit->untold);
      const size_t size = subscription->head.size() + response.size() + kMessageOverhead;
      if (Room() < size) WriteOut();
      if (Room() < size) return true;
      limit->untold = 0;
      SendResponse(subscription->head, response, 0);
    }
    limit->is_listed = false;
    return false;
  });
  cut_.erase(cut_.begin(), told);
  AwaitTellingCuts();
}

void Client::ReportLoss(uint64_t count) {
  std::vector<std::string> responses;
  size_t size = 0;
  for (const auto& [id, subscription] : subscriptions_) {
    responses.push_back(
        EncodeLoss(*subscription.subscription().plan, count, LossCause::kOverwritten));
    size += subscription.head.size() + responses.back().size() + kMessageOverhead;
  }
  if (Room() < size) WriteOut();
  if (Room() < size) {
    // It is told once it has read what waits.
    untold_loss_ += count;
    return;
  }
  // All of them, however many they are.
  telling_loss_ = true;
  auto response = responses.begin();
  for (const auto& [id, subscription] : subscriptions_) {
    if (closing()) break;
    SendResponse(subscription.head, *response++, 0);
  }
  telling_loss_ = false;
}

std::optional<LimitKey> Client::Admit(LimitTable* table, const Identity& identity) {
  if (share_.is_taken() || !is_connection()) return std::nullopt;
  const auto reached =
      table->Admit(identity, *host_->LimitsOf(&identity), host_->now_us(), &share_);
  if (!reached) return std::nullopt;
  host_->counters()->CountLimited(*reached);
  if (host_->audit()->is_enabled()) {
    AuditLog::Who who = audit_subject();
    who.user = identity.user;
    who.tenant = identity.tenant;
    host_->audit()->RefusedConnection(who, KindOf(*reached).key);
  }
  return reached;
}

void Client::SetLimits(std::shared_ptr<const Limits> limits) {
  if (limits == limits_) return;
  const bool same = *limits == *limits_;
  limits_ = std::move(limits);
  if (same) return;
  for (auto& [id, subscription] : subscriptions_) LimitEvents(&subscription);
}

void Client::LimitEvents(Subscription* subscription) {
  EventRates rates;
  rates.of_subscription = limits_->of(LimitKey::kEventsPerSubscription);
  rates.of_field = subscription->subscription().field->rate_limit;
  if (share_.has_user()) rates.of_user = limits_->of(LimitKey::kEventsPerUser);
  std::unique_ptr<EventLimit>& limit = subscription->limit;
  if (!rates.any() && (!limit || !limit->is_listed)) {
    limit.reset();
    return;
  }
  if (!limit) limit = std::make_unique<EventLimit>();
  limit->SetRates(rates, host_->now_us());
}

bool Client::TakeMessage() {
  const auto& rate = limits_->of(LimitKey::kMessagesPerConnection);
  if (!rate) return true;
  const uint64_t now_us = host_->now_us();
  if (messages_) {
    messages_->SetRate(*rate, now_us);
  } else {
    messages_ = std::make_unique<TokenBucket>(*rate, now_us);
  }
  if (messages_->Take(now_us)) return true;
  host_->counters()->CountLimited(LimitKey::kMessagesPerConnection);
  if (host_->audit()->is_enabled()) {
    host_->audit()->ClosedConnection(audit_subject(), KindOf(LimitKey::kMessagesPerConnection).key);
  }
  return false;
}

bool Client::Revalidate(const Catalog* catalog, WorkBudget* budget) {
  SetLimits(host_->LimitsOf(identity_.get()));
  for (auto at = subscriptions_.begin(); at != subscriptions_.end();) {
    Subscription& subscription = at->second;
    if (subscription.subscription().catalog.get() == catalog &&
        subscription.subscription().identity == identity_) {
      ++at;
      continue;
    }
    if (budget->is_spent()) return false;
    const std::shared_ptr<const Plan> plan = subscription.subscription().plan;
    const std::string operation_name = subscription.subscription().operation_name;
    const std::string given = subscription.subscription().variables;
    OperationRequest request;
    request.query = plan->document().source();
    if (!operation_name.empty()) request.operation_name = operation_name;
    request.timing = plan->timing();
    JsonTree variables;
    if (!given.empty() && variables.ParseCopy(given)) request.variables = variables.root();
    budget->SpendBytes((request.query.size() + given.size()) * kPrepareCost);
    PrepareResult prepared = host_->Prepare(request, identity_);
    Leave(&subscription);
    if (prepared.subscription) {
      Enter(at->first, &subscription, std::move(*prepared.subscription));
      ++at;
      continue;
    }
    CountDenial(prepared);
    const std::string id = at->first;
    Forget(&subscription);
    at = subscriptions_.erase(at);
    SendErrors(id, prepared.errors);
  }
  return true;
}

void Client::CountDenial(const PrepareResult& result) {
  if (result.denial) host_->counters()->denials[static_cast<size_t>(*result.denial)].Add();
}

void Client::SetIdentity(std::shared_ptr<const Identity> identity) {
  const bool expired_once = identity_ && identity_->expires_at_us;
  identity_ = std::move(identity);
  expiry_noted_ = false;
  if (expired_once || identity_->expires_at_us) host_->WatchExpiry(this);
  SetLimits(host_->LimitsOf(identity_.get()));
  if (!subscriptions_.empty()) host_->RevalidateLater(this);
}

void Client::NoteRefusal(LoginRefusal why, std::string_view reason) const {
  const auto index = static_cast<size_t>(why);
  host_->counters()->logins_refused[index].Add();
  if (!host_->audit()->is_enabled()) return;
  host_->audit()->RefusedLogin(audit_subject(), kLoginRefusalNames[index], reason);
}

std::optional<int64_t> Client::CheckExpiry(int64_t now_us) {
  if (!identity_ || !identity_->expires_at_us) return std::nullopt;
  const int64_t expires_us = *identity_->expires_at_us;
  if (now_us >= expires_us) {
    if (Disconnect(kCloseForbidden, "Token expired")) host_->counters()->tokens_expired.Add();
    return std::nullopt;
  }
  const auto notice_us = static_cast<int64_t>(host_->options().expiry_notice) * kUsPerMs;
  if (expiry_noted_ || notice_us == 0) return expires_us;
  if (now_us < expires_us - notice_us) return expires_us - notice_us;
  expiry_noted_ = true;
  NoteExpiry(static_cast<uint64_t>((expires_us - now_us) / kUsPerSecond));
  return expires_us;
}

void Client::OnCatalog(const Catalog& catalog) {
  if (!identity_) return;
  const bool is_forbidden =
      identity_->is_anonymous
          ? !catalog.anonymous()
          : !identity_->issuer.empty() && catalog.issuers().Named(identity_->issuer) == nullptr;
  if (is_forbidden) {
    Disconnect(kCloseForbidden, "Forbidden");
  } else if (identity_->is_anonymous) {
    identity_ = catalog.anonymous();
  }
}

void Client::OnFunctionChanged() {
  if (!identity_ || identity_->is_anonymous || !identity_->issuer.empty() || is_vouched()) return;
  Disconnect(kCloseForbidden, "Forbidden");
}

StartResult Client::Start(std::string_view id, const OperationRequest& request,
                          std::optional<uint64_t> resume) {
  PrepareResult prepared = host_->Prepare(request, identity_);
  if (!prepared.response.empty()) {
    return {.kind = StartResult::Kind::kExecuted, .response = std::move(prepared.response)};
  }
  if (prepared.renewal) {
    return {.kind = StartResult::Kind::kRenews, .renewal = std::move(prepared.renewal)};
  }
  const size_t limit = host_->options().max_subscriptions_per_connection;
  if (prepared.subscription && subscriptions_.size() >= limit) {
    prepared.errors = {
        {"A connection may have at most " + std::to_string(limit) + " subscriptions.",
         kErrorSubscriptionLimit}};
    prepared.subscription.reset();
  }
  const std::string name(id);
  std::string head = ResponseHead(id);
  head.shrink_to_fit();
  if (prepared.subscription) {
    const Plan& plan = *prepared.subscription->plan;
    const size_t after = memory() + kept_.CostOf(SizeOf(name, head, *prepared.subscription), plan);
    const size_t most = host_->options().max_connection_memory;
    if (after > most) {
      prepared.errors.push_back({"With this subscription the connection would take " +
                                     std::to_string(after) +
                                     " bytes of memory; fraiseql_subs.max_connection_memory is " +
                                     std::to_string(most) + " bytes.",
                                 kErrorMemoryLimit,
                                 {plan.document().LocationOf(plan.root().selection->offset)}});
      prepared.subscription.reset();
    }
  }
  if (prepared.subscription) {
    if (const auto reached = share_.AddSubscription(*limits_, host_->now_us())) {
      host_->counters()->CountLimited(*reached);
      prepared.errors.push_back(LimitError(*reached));
      prepared.subscription.reset();
    }
  }
  if (!prepared.subscription) {
    host_->counters()->subscribe_errors.Add();
    AuditRefusal(prepared);
    CountDenial(prepared);
    return {.kind = StartResult::Kind::kRefused, .errors = std::move(prepared.errors)};
  }
  Subscription& subscription = subscriptions_[name];
  subscription.client = this;
  subscription.since = host_->position();
  subscription.from = subscription.since;
  subscription.head = std::move(head);
  subscription.started_at_us = NowUs();
  Enter(name, &subscription, std::move(*prepared.subscription));
  if (resume) {
    Resume(name, &subscription, *resume);
  } else {
    OnStarted(name, subscription.since, std::nullopt);
  }
  return {};
}

void Client::Resume(std::string_view id, Subscription* subscription, uint64_t sequence) {
  const auto found = sequence == 0 ? std::nullopt : host_->FindBehind(sequence);
  if (!found) {
    OnStarted(id, subscription->since, std::nullopt);
    SendResponse(subscription->head, EncodeUncountedLoss(*subscription->subscription().plan), 0);
    return;
  }
  const EventPlace& place = found->place;
  OnStarted(id, place.position, place.sequence - 1);
  if (found->lost > 0) {
    SendResponse(
        subscription->head,
        EncodeLoss(*subscription->subscription().plan, found->lost, LossCause::kOverwritten),
        place.sequence - 1);
  }
  if (place.position >= subscription->since) return;
  subscription->since = place.position;
  subscription->from = place.position;
  // What the others have seen, and did not want, is not for them although it is read again.
  const Position seen = behind_ ? behind_->position : host_->dispatched().position;
  for (auto& [other_id, other] : subscriptions_) {
    if (&other != subscription && other.from < seen) other.from = seen;
  }
  if (!behind_ || place.position < behind_->position) behind_ = place;
}

void Client::AuditRefusal(const PrepareResult& refused) {
  const Error& error = refused.errors.front();
  const bool concerns_access = error.code == kErrorForbidden || error.code == kErrorLimitExceeded ||
                               error.code == kErrorRateLimited;
  if (!concerns_access || !host_->audit()->is_enabled()) return;
  std::string_view reason;
  for (const ErrorExtension& extension : error.extensions) {
    if (extension.name != "reason" && extension.name != "limit") continue;
    if (const auto* const text = std::get_if<std::string>(&extension.value)) reason = *text;
  }
  const AuditLog::Who who = audit_subject();
  if (refused.is_subscription) {
    host_->audit()->RefusedSubscription(who, refused.field, error.code, reason);
  } else {
    host_->audit()->RefusedOperation(who, refused.field, error.code, reason);
  }
}

AuditLog::Who Client::audit_subject() const {
  AuditLog::Who who{.connection = id_, .peer = peer()};
  if (identity_) {
    who.user = identity_->user;
    who.tenant = identity_->tenant;
  }
  return who;
}

bool Client::IsMeant(const Disconnection& disconnection) const {
  const auto fits = [](const auto& wanted, const auto& own) { return !wanted || wanted == own; };
  if (!fits(disconnection.connection, std::optional(id_))) return false;
  if (!identity_) return !disconnection.user && !disconnection.tenant;
  return fits(disconnection.user, identity_->user) && fits(disconnection.tenant, identity_->tenant);
}

void Client::Enter(const std::string& id, Subscription* subscription,
                   PreparedSubscription prepared) {
  subscription->memory = SizeOf(id, subscription->head, prepared);
  const size_t before = kept_.bytes();
  kept_.Add(subscription->memory, *prepared.plan);
  host_->counters()->AddMemory(kept_.bytes() - before);
  if (prepared.field->resolver) {
    if (!subscription->held) {
      subscription->held = std::make_unique<HeldEvents>(host_, subscription);
    }
    subscription->held->SetClass(prepared);
  }
  host_->Subscribe(subscription, std::move(prepared));
  host_->counters()->subscriptions.Add();
  LimitEvents(subscription);
}

void Client::Leave(Subscription* subscription) {
  const size_t before = kept_.bytes();
  kept_.Remove(subscription->memory, *subscription->subscription().plan);
  host_->counters()->memory.Subtract(before - kept_.bytes());
  host_->Unsubscribe(subscription);
  host_->counters()->subscriptions.Subtract();
}

void Client::End(Subscriptions::iterator at) {
  Leave(&at->second);
  Forget(&at->second);
  subscriptions_.erase(at);
}

// REQUIRES: it was left for good.
void Client::Forget(Subscription* subscription) {
  share_.RemoveSubscription();
  if (subscription->limit && subscription->limit->is_listed) std::erase(cut_, subscription);
}

void Client::Stop(std::string_view id) {
  End(subscriptions_.find(id));
}

std::string Client::StopAny() {
  if (subscriptions_.empty()) return {};
  std::string id = subscriptions_.begin()->first;
  Stop(id);
  return id;
}

void Client::WriteRow(size_t shard, JsonWriter* rows) const {
  const Status status = Describe();
  if (status.protocol.empty()) return;
  rows->BeginObject();
  rows->Key("id");
  rows->Number(id_);
  rows->Key("shard");
  rows->Number(shard);
  rows->Key("peer");
  rows->String(peer());
  rows->Key("hosted");
  rows->Bool(is_hosted());
  rows->Key("protocol");
  rows->String(status.protocol);
  rows->Key("state");
  rows->String(status.state);
  WriteIdentity(rows);
  rows->Key("connected_at");
  rows->Number(connected_at_us_);
  rows->Key("subscriptions");
  rows->Number(subscriptions_.size());
  rows->Key("memory_bytes");
  rows->Number(memory());
  rows->Key("queued_bytes");
  rows->Number(queued_bytes());
  rows->Key("sent_messages");
  rows->Number(sent_messages_);
  rows->Key("sent_bytes");
  rows->Number(sent_bytes_);
  rows->EndObject();
}

void Client::WriteIdentity(JsonWriter* rows) const {
  if (!identity_) return;
  const auto text = [&](std::string_view name, const std::optional<std::string>& value) {
    if (!value) return;
    rows->Key(name);
    rows->String(*value);
  };
  text("user_id", identity_->user);
  text("tenant_id", identity_->tenant);
  rows->Key("roles");
  rows->BeginArray();
  for (const std::string& role : identity_->roles) rows->String(role);
  rows->EndArray();
  if (!identity_->issuer.empty()) text("issuer", identity_->issuer);
  if (!identity_->expires_at_us) return;
  rows->Key("expires_at");
  rows->Number(*identity_->expires_at_us);
}

void Client::WriteSubscriptionRows(JsonWriter* rows) const {
  for (const auto& [id, subscription] : subscriptions_) {
    const PreparedSubscription& prepared = subscription.subscription();
    rows->BeginObject();
    rows->Key("connection_id");
    rows->Number(id_);
    rows->Key("subscription_id");
    rows->String(id);
    rows->Key("field");
    rows->String(prepared.field->name);
    rows->Key("channel");
    rows->String(prepared.field->channel);
    rows->Key("operation_name");
    if (prepared.operation_name.empty()) {
      rows->Null();
    } else {
      rows->String(prepared.operation_name);
    }
    rows->Key("started_at");
    rows->Number(subscription.started_at_us);
    rows->Key("delivered");
    rows->Number(subscription.delivered);
    rows->EndObject();
  }
}

}  // namespace fsubs
