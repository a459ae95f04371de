#include "worker/shard/delivery_trace.hpp"

#include <optional>
#include <vector>

#include "contract/ring_reader.hpp"
#include "worker/access/event_rules.hpp"
#include "worker/event/event_data.hpp"
#include "worker/event/loss_notice.hpp"
#include "worker/filter/predicate_trial.hpp"
#include "worker/operation/filter_compiler.hpp"

namespace fsubs {
namespace {

// Clients of the shard wait meanwhile.
constexpr size_t kTrialUnits = 20000;

std::string Quote(std::string_view text) {
  return '"' + std::string(text) + '"';
}

std::string Show(const FieldPath& path) {
  std::string shown;
  for (const std::string& name : path) shown += (shown.empty() ? "" : ".") + name;
  return Quote(shown);
}

// Whether a filter lets an event through. Nothing if that takes too long to find out.
std::optional<bool> Holds(const Filter& filter, const EventView& event) {
  if (!IndexHolds(filter, event)) return false;
  if (!filter.residual) return true;
  PredicateTrial trial;
  trial.Start(*filter.residual, event.data);
  WorkBudget budget(kTrialUnits);
  return trial.Continue(&budget);
}

class DeliveryTrace {
 public:
  DeliveryTrace(const DeliveryQuestion& question, const RingHeader* ring, const ClientMap& clients,
                const OperationLimits& limits, Position read_to, JsonWriter* rows)
      : question_(question),
        ring_(ring),
        clients_(clients),
        limits_(limits),
        read_to_(read_to),
        rows_(rows),
        reader_(ring) {}

  void Write() {
    (void)(FindEvent() && FindSubscription() && IsOfItsTime() && IsOfChannel() && IsOfType() &&
           PassesFilter() && PassesModules());
    if (passed_) TellDelivery();
  }

 private:
  // Each step returns whether there is a next one.
  bool Step(std::string_view step, std::string_view outcome, std::string_view detail) {
    rows_->BeginObject();
    rows_->Key("step");
    rows_->Number(++steps_);
    rows_->Key("module");
    rows_->String(step);
    rows_->Key("outcome");
    rows_->String(outcome);
    rows_->Key("detail");
    rows_->String(detail);
    rows_->EndObject();
    return outcome == "passed";
  }
  bool Decide(std::string_view step, bool passes, std::string_view passed,
              std::string_view denied) {
    return Step(step, passes ? "passed" : "denied", passes ? passed : denied);
  }

  bool FindEvent() {
    EventName name;
    if (!ParsePosition(question_.position, &name)) {
      return Step("event", "unknown", "This is no position.");
    }
    const bool is_own = name.epoch == ring_->epoch;
    if (!(is_own ? Find(name.position) : FindOrigin(name))) {
      if (!is_own && record_.origin.epoch == 0) {
        return Step("event", "unknown", "It is of a ring before the server's last start.");
      }
      return Step("event", "unknown", "No event is there: it was overwritten, or never was.");
    }
    if (record_.kind == RecordKind::kCatalogChanged) {
      return Step("event", "unknown", "The record there says that the catalog changed.");
    }
    if (is_loss()) {
      const auto count = LostCount(record_);
      return Step("event", "passed",
                  count ? "It tells that " + std::to_string(*count) + " events were lost."
                        : "It tells that events may have been lost.");
    }
    return Step(
        "event", "passed",
        "Type " + Quote(record_.event_type) + " on channel " + Quote(record_.channel) + ".");
  }

  bool Find(Position position) {
    uint64_t lost = 0;
    return reader_.Seek(position) && reader_.Next(&record_, &lost) == RingReader::Result::kRecord &&
           record_.position == position;
  }

  // Of a record that was in another ring before. `record_` is the last one that was looked at.
  bool FindOrigin(const EventName& name) {
    uint64_t lost = 0;
    reader_.Resume(ring_->tail.load(std::memory_order_acquire), 0);
    while (reader_.Next(&record_, &lost) == RingReader::Result::kRecord) {
      if (record_.origin.epoch == name.epoch && record_.origin.position == name.position) {
        return true;
      }
      // All events of a ring have one, or none has.
      if (record_.kind == RecordKind::kEvent && record_.origin.epoch == 0) return false;
    }
    return false;
  }

  bool FindSubscription() {
    const auto client = clients_.find(question_.connection);
    if (client == clients_.end()) {
      return Step("connection", "unknown", "There is no such connection.");
    }
    client_ = client->second;
    const auto found = client_->subscriptions()->find(question_.subscription);
    if (found == client_->subscriptions()->end()) {
      return Step("subscription", "unknown", "The connection has no subscription of that id.");
    }
    subscription_ = &found->second;
    prepared_ = &subscription_->subscription();
    return Step("subscription", "passed", "Of field " + Quote(prepared_->field->name) + ".");
  }

  bool IsOfItsTime() {
    return Decide("time", record_.position >= subscription_->since, "It subscribed before.",
                  "It subscribed later.");
  }

  bool IsOfChannel() {
    const std::string& channel = prepared_->field->channel;
    const bool passes = is_loss() ? IsLossOf(record_, channel) : record_.channel == channel;
    if (!Decide("channel", passes, "The field listens to it.",
                "The field listens to " + Quote(channel) + ".")) {
      return false;
    }
    // That events were lost is told whatever they were.
    passed_ = is_loss();
    return !is_loss();
  }

  bool IsOfType() {
    return Decide("event_type", prepared_->field->Wants(record_.event_type),
                  "The field delivers this type.", "The field delivers other types.");
  }

  bool PassesFilter() {
    if (!data_.Parse(record_.data)) return Step("filter", "denied", "The data cannot be parsed.");
    const EventRules& rules = prepared_->field->rules;
    const std::string hidden = OldIsOfOthers(rules, data_.all())
                                   ? " The row before the change is somebody else's, and hidden."
                                   : "";
    event_.emplace(EventView{data_.For(rules), record_.subgraph});
    const std::optional<Filter> filter = FilterOfArguments(*prepared_, limits_);
    const std::optional<bool> holds = filter ? Holds(*filter, *event_) : std::nullopt;
    if (!holds) return Step("filter", "unknown", "The filter is too large to try here.");
    return Decide("filter", *holds, "The arguments want it." + hidden,
                  "The arguments want other events." + hidden);
  }

  bool PassesModules() {
    Denials denials;
    const EventRules& rules = prepared_->field->rules;
    std::optional<Demand> federation;
    for (Demand& demand : DemandsOf(rules, *prepared_->identity, &denials)) {
      if (demand.field.demander == Demander::kFederation) {
        federation = std::move(demand);
      } else if (!PassesDemand(std::move(demand))) {
        return false;
      }
    }
    if (!PassesFederation(std::move(federation))) return false;
    passed_ = true;
    return true;
  }

  bool PassesDemand(Demand demand) {
    const IndexedField field = demand.field;
    const bool is_tenant = field.demander == Demander::kTenant;
    std::vector<Demand> demands;
    demands.push_back(std::move(demand));
    const auto value = ValueAt(event_->data, field.path);
    const bool is_null = !value || value->is_null();
    const std::string whose = is_tenant ? "the client's tenant" : "a value of the client's claim";
    return Decide(is_tenant ? "tenant" : "row_filter",
                  Holds(MakeFilter(std::move(demands), {}), *event_) == true,
                  Show(field.path) + (is_null ? " is null, and shared." : " is " + whose + "."),
                  Show(field.path) + " is " +
                      (LeavesOpen(event_->data, field.path) ? "not in the event"
                       : is_null                            ? "null"
                                                            : "not " + whose) +
                      ".");
  }

  bool PassesFederation(std::optional<Demand> demand) {
    const EventRules& rules = prepared_->field->rules;
    bool passes = FitsSubgraph(rules, prepared_->filter, record_.subgraph);
    if (passes && demand) {
      std::vector<Demand> demands;
      demands.push_back(std::move(*demand));
      passes = IndexHolds(MakeFilter(std::move(demands), {}), *event_);
    }
    const std::string subgraph = record_.subgraph.empty()
                                     ? "It has no subgraph"
                                     : "Its subgraph is " + Quote(record_.subgraph);
    return Decide("federation", passes, subgraph + ".",
                  subgraph + (rules.subgraph.empty()
                                  ? ", which the client does not have."
                                  : ", and that of the field " + Quote(rules.subgraph) + "."));
  }

  void TellDelivery() {
    const Position position = record_.position;
    const CutHistory* const cuts = is_loss() ? nullptr : subscription_->cuts.get();
    if (subscription_->from > position && cuts != nullptr && cuts->IsCut(position)) {
      Step("delivery", "cut by a rate",
           "A rate limit of the subscription or the user was exceeded.");
    } else if (subscription_->from > position && cuts != nullptr && cuts->MayBeCut(position)) {
      Step("delivery", "delivered, or cut by a rate",
           "Rate limits have cut events of the subscription; which so long ago is not kept.");
    } else if (subscription_->from > position) {
      Step("delivery", "delivered", "It was handed to the connection.");
    } else if (subscription_->next() > position) {
      Step("delivery", "held",
           "It waits for the field's resolver, or behind an event that does; or the resolver has "
           "skipped it.");
    } else if (client_->is_behind()) {
      Step("delivery", "waiting", "The client is behind: it takes no more for now.");
    } else if (read_to_ <= position) {
      Step("delivery", "waiting", "The worker has not come to it yet.");
    } else {
      Step(
          "delivery", "not delivered",
          "By the rules of now it would be. Others were in force then, or the client was told that "
          "events were lost.");
    }
  }

  bool is_loss() const { return record_.kind == RecordKind::kEventsLost; }

  const DeliveryQuestion& question_;
  const RingHeader* const ring_;
  const ClientMap& clients_;
  const OperationLimits& limits_;
  const Position read_to_;
  JsonWriter* const rows_;

  RingReader reader_;
  EventRecord record_;
  EventData data_;
  std::optional<EventView> event_;
  Client* client_ = nullptr;
  const Subscription* subscription_ = nullptr;
  const PreparedSubscription* prepared_ = nullptr;
  uint64_t steps_ = 0;
  bool passed_ = false;  // all that decides on it
};

}  // namespace

void WriteDeliveryTrace(const DeliveryQuestion& question, const RingHeader* ring,
                        const ClientMap& clients, const OperationLimits& limits, Position read_to,
                        JsonWriter* rows) {
  DeliveryTrace(question, ring, clients, limits, read_to, rows).Write();
}

}  // namespace fsubs
