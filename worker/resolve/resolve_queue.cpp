#include "worker/resolve/resolve_queue.hpp"

#include <algorithm>
#include <utility>

#include "contract/heartbeat.hpp"
#include "contract/ring_layout.hpp"
#include "contract/side_door_protocol.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/json/json_number.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {
namespace {

// The executor works on one call at a time.
constexpr size_t kCreditsOfExecutor = 1;

// Calls are put into one message up to about so many bytes.
constexpr size_t kMessageBytes = 1u << 20;

// `attempt` counts how often it is given, from 1.
void WriteCall(const ResolveCall& call, uint32_t attempt, uint64_t now_ms, JsonWriter* json) {
  const ResolveCall::Audience& audience = *call.audience;
  const bool is_for_function = !call.rule->function.empty();
  json->BeginObject();
  if (is_for_function) {
    json->Key(side_door::member::kOp);
    json->String(side_door::op::kResolver);
  }
  json->Key(is_for_function ? side_door::member::kRequest : "call");
  json->Number(call.number);
  json->Key("field");
  json->String(call.rule->field);
  json->Key("plan");
  json->String(audience.plan);
  json->Key("timeout_ms");
  json->Number(call.deadline_ms > now_ms ? call.deadline_ms - now_ms : 1);
  if (!is_for_function) {
    json->Key("attempt");
    json->Number(attempt);
  }
  // What jsonb cannot hold must not make the message as a whole unreadable to the executor.
  const auto value = [&](std::string_view key, std::string_view text) {
    json->Key(key);
    if (is_for_function) {
      json->String(text);
    } else {
      json->Raw(text);
    }
  };
  value("event", *call.event);
  value("variables", audience.variables);
  if (!audience.claims.empty()) {
    value("claims", audience.claims);
    json->Key("role");
    if (audience.role.empty()) {
      json->Null();
    } else {
      json->String(audience.role);
    }
  }
  json->EndObject();
}

// Nothing if it is no result.
bool ReadResult(const JsonValue& value, ResolveResult* result) {
  const auto number = value.Find("call");
  if (!number || !ReadInteger(number->raw(), &result->number)) return false;
  if (const auto masked = value.Find("masked_error")) {
    result->kind = ResolveResult::Kind::kMaskedError;
    if (masked->type() != JsonType::kString) return false;
    result->text = masked->ToString();
    return true;
  }
  if (const auto timeout = value.Find("timeout")) {
    result->kind = ResolveResult::Kind::kTimeout;
    result->text = "call-" + std::to_string(result->number);
    return true;
  }
  if (const auto error = value.Find("error")) {
    result->kind = ResolveResult::Kind::kError;
    const auto message = error->Find("message");
    if (!message || message->type() != JsonType::kString) return false;
    result->text = message->ToString();
    const auto extensions = error->Find("extensions");
    if (!extensions || extensions->is_null()) return true;
    if (extensions->type() != JsonType::kObject) return false;
    if (!extensions->empty()) result->extensions = extensions->raw();
    return true;
  }
  if (const auto skip = value.Find("skip")) {
    result->kind = ResolveResult::Kind::kSkip;
    return skip->type() == JsonType::kBoolean && skip->boolean();
  }
  const auto given = value.Find("value");
  if (!given) return false;
  result->kind = ResolveResult::Kind::kValue;
  result->text = given->raw();
  return true;
}

}  // namespace

size_t ResolveQueue::Link::room() const {
  size_t taken = 0;
  for (const size_t calls_of_message : unseen) taken += calls_of_message;
  return credits > taken ? credits - taken : 0;
}

bool ResolveQueue::Link::Resolves(const ResolverRule& rule) const {
  return kind == LinkKind::kExecutor ? !rule.function.empty()
                                     : rule.function.empty() && fields.contains(rule.field);
}

uint64_t ResolveQueue::AddLink(LinkKind kind, Send send) {
  Link& link = links_[++last_link_];
  link.kind = kind;
  link.send = std::move(send);
  if (kind == LinkKind::kExecutor) {
    link.credits = kCreditsOfExecutor;
    Give();
  }
  return last_link_;
}

bool ResolveQueue::OnMessage(uint64_t number, const JsonValue& message) {
  const auto found = links_.find(number);
  if (found == links_.end()) return false;
  Link& link = found->second;
  if (const auto results = message.Find(side_door::member::kResults);
      results && !results->is_null() && !ReadResults(&link, *results)) {
    return false;
  }
  if (link.kind == LinkKind::kExecutor) {
    link.unseen.clear();
  } else if (!ReadName(number, message) || !ReadCredits(&link, message)) {
    return false;
  }
  Give();
  return true;
}

bool ResolveQueue::OnSend(const JsonValue& message) {
  const auto name = message.Find(side_door::member::kLink);
  if (!name || name->type() != JsonType::kString) return false;
  const auto found = names_.find(name->ToString());
  if (found == names_.end()) return false;
  Link& link = links_.at(found->second);
  if (const auto results = message.Find(side_door::member::kResults);
      results && !results->is_null() && !ReadResults(&link, *results)) {
    return false;
  }
  // Messages that it has not told to have seen count against them as ever.
  uint64_t credits = 0;
  if (const auto given = message.Find(side_door::member::kCredits);
      given && ReadInteger(given->raw(), &credits)) {
    link.credits = credits;
    // Who takes no more wants to know that, and waits perhaps for calls.
    if (credits == 0) {
      link.unseen.push_back(0);
      link.send("[]");
    }
  }
  Give();
  return true;
}

bool ResolveQueue::ReadName(uint64_t number, const JsonValue& message) {
  const auto name = message.Find(side_door::member::kLink);
  if (!name) return true;
  Link& link = links_.at(number);
  if (name->type() != JsonType::kString || !link.name.empty()) return false;
  link.name = name->ToString();
  return names_.emplace(link.name, number).second;
}

bool ResolveQueue::ReadResults(Link* link, const JsonValue& results) {
  bool readable = results.type() == JsonType::kArray;
  results.ForEachElement([&](const JsonValue& value) {
    ResolveResult result;
    if (!readable || !ReadResult(value, &result)) {
      readable = false;
      return;
    }
    // What it was not given, or what came too late, is nobody's answer.
    if (link->calls.erase(result.number) == 0) return;
    const auto call = calls_.find(result.number);
    if (call != calls_.end()) Finish(call, std::move(result));
  });
  TellResults();
  return readable;
}

bool ResolveQueue::ReadCredits(Link* link, const JsonValue& message) {
  if (const auto fields = message.Find(side_door::member::kFields); fields && !fields->is_null()) {
    if (fields->type() != JsonType::kArray) return false;
    link->fields.clear();
    bool readable = true;
    fields->ForEachElement([&](const JsonValue& name) {
      readable = readable && name.type() == JsonType::kString;
      if (readable) link->fields.insert(name.ToString());
    });
    if (!readable) return false;
  }
  uint64_t seen = 0;
  uint64_t credits = 0;
  const auto seen_messages = message.Find(side_door::member::kSeen);
  const auto given = message.Find(side_door::member::kCredits);
  if (!seen_messages || !ReadInteger(seen_messages->raw(), &seen) || !given ||
      !ReadInteger(given->raw(), &credits) || seen < link->seen ||
      seen - link->seen > link->unseen.size()) {
    return false;
  }
  for (; link->seen < seen; ++link->seen) link->unseen.pop_front();
  link->credits = credits;
  return true;
}

void ResolveQueue::RemoveLink(uint64_t number) {
  const auto found = links_.find(number);
  if (found == links_.end()) return;
  const std::set<uint64_t> calls = std::move(found->second.calls);
  const auto name = names_.find(found->second.name);
  if (name != names_.end() && name->second == number) names_.erase(name);
  links_.erase(found);
  for (const uint64_t call : calls) GiveBack(call);
  TellResults();
  Give();
}

void ResolveQueue::Leave(uint64_t number) {
  const auto found = links_.find(number);
  if (found == links_.end()) return;
  for (const uint64_t call : found->second.calls) {
    const auto at = calls_.find(call);
    if (at != calls_.end()) --at->second.given;
  }
  RemoveLink(number);
}

void ResolveQueue::GiveBack(uint64_t number) {
  const auto at = calls_.find(number);
  if (at == calls_.end()) return;
  Entry& entry = at->second;
  const ResolverRule& rule = *entry.call.rule;
  if (entry.given > rule.most_retries()) {
    Fail(at, ResolveResult::Kind::kMaskedError, "the process that resolved it has ended");
    return;
  }
  entry.link = 0;
  Field& field = fields_[rule.field];
  --field.under_way;
  // In the order of the calls, in front of those that were never given.
  const auto behind = std::find_if(field.waiting.begin(), field.waiting.end(),
                                   [&](uint64_t waiting) { return waiting > number; });
  field.waiting.insert(behind, number);
}

void ResolveQueue::Add(const ResolveOrder& order) {
  for (const ResolveCall& call : order.calls) {
    Field& field = fields_[call.rule->field];
    field.waiting.push_back(call.number);
    ++field.calls;
    calls_.emplace(call.number, Entry{call});
  }
  for (const uint64_t number : order.cancelled) {
    const auto at = calls_.find(number);
    if (at == calls_.end()) continue;
    if (at->second.link != 0) --fields_[at->second.call.rule->field].under_way;
    calls_.erase(at);
  }
  Give();
}

void ResolveQueue::Expire(uint64_t now_ms) {
  std::vector<uint64_t> late;
  for (const auto& [number, entry] : calls_) {
    if (entry.call.deadline_ms <= now_ms) late.push_back(number);
  }
  if (late.empty()) return;
  std::sort(late.begin(), late.end());
  for (const uint64_t number : late) {
    const auto at = calls_.find(number);
    Fail(at, ResolveResult::Kind::kTimeout,
         at->second.link != 0 ? "it was not resolved in time" : "no process took it in time");
  }
  TellResults();
  Give();
}

void ResolveQueue::Fail(std::unordered_map<uint64_t, Entry>::iterator at, ResolveResult::Kind kind,
                        const char* why) {
  const std::string name = "call-" + std::to_string(at->first);
  Log(LogLevel::kWarning, "resolver of \"%s\": %s (%s)", at->second.call.rule->field.c_str(), why,
      name.c_str());
  Finish(at, {.number = at->first, .kind = kind, .text = name});
}

void ResolveQueue::Finish(std::unordered_map<uint64_t, Entry>::iterator at, ResolveResult result) {
  Field& field = fields_[at->second.call.rule->field];
  if (at->second.link != 0) --field.under_way;
  const bool has_failed =
      result.kind != ResolveResult::Kind::kValue && result.kind != ResolveResult::Kind::kSkip;
  if (has_failed) ++field.failures;
  calls_.erase(at);
  results_[result.number % kMaxShards].push_back(std::move(result));
}

void ResolveQueue::TellResults() {
  for (auto& [shard, results] : std::exchange(results_, {})) reply_(shard, std::move(results));
}

// The one with the most room.
ResolveQueue::Link* ResolveQueue::FindLink(const ResolverRule& rule, uint64_t* number) {
  Link* best = nullptr;
  for (auto& [known, link] : links_) {
    if (link.room() == 0 || !link.Resolves(rule)) continue;
    if (best != nullptr && best->room() >= link.room()) continue;
    best = &link;
    *number = known;
  }
  return best;
}

// Gives fields their turns, one call each, until none has both a call and a process for it.
void ResolveQueue::Give() {
  std::map<uint64_t, std::string> messages;  // by link, without the closing bracket
  bool gives = true;
  while (gives) {
    gives = false;
    for (auto& [name, field] : fields_) gives = GiveOne(&field, &messages) || gives;
  }
  for (auto& [number, text] : messages) {
    text += ']';
    links_.at(number).send(text);
  }
  TellResults();
}

bool ResolveQueue::GiveOne(Field* field, std::map<uint64_t, std::string>* messages) {
  while (!field->waiting.empty() && !calls_.contains(field->waiting.front())) {
    field->waiting.pop_front();
  }
  if (field->waiting.empty()) return false;
  Entry& entry = calls_.at(field->waiting.front());
  const ResolverRule& rule = *entry.call.rule;
  if (rule.concurrency > 0 && field->under_way >= rule.concurrency) return false;
  uint64_t number = 0;
  Link* const link = FindLink(rule, &number);
  if (link == nullptr) return false;
  field->waiting.pop_front();
  std::string text;
  JsonWriter json(&text);
  WriteCall(entry.call, entry.given + 1, MonotonicMs(), &json);
  if (text.size() + 2 > side_door::kMaxFrameLength) {
    Fail(calls_.find(entry.call.number), ResolveResult::Kind::kMaskedError,
         "the event is too large to be sent to a process");
    return true;
  }
  ++field->under_way;
  ++entry.given;
  entry.link = number;
  link->calls.insert(entry.call.number);
  if (link->kind == LinkKind::kExecutor) {
    link->unseen.push_back(1);
    link->send(text);
    return true;
  }
  auto message = messages->find(number);
  if (message != messages->end() && message->second.size() + text.size() > kMessageBytes) {
    link->send(message->second + "]");
    messages->erase(message);
    message = messages->end();
  }
  if (message == messages->end()) {
    message = messages->emplace(number, "[").first;
    link->unseen.push_back(0);
  } else {
    message->second += ',';
  }
  ++link->unseen.back();
  message->second += text;
  return true;
}

std::string ResolveQueue::Rows() const {
  std::map<std::string_view, size_t> processes;
  size_t executors = 0;
  for (const auto& [number, link] : links_) {
    if (link.kind == LinkKind::kExecutor) ++executors;
    for (const std::string& field : link.fields) ++processes[field];
  }
  std::map<std::string_view, Field> rows;
  for (const auto& [name, field] : fields_) rows.emplace(name, field);
  for (const auto& [name, count] : processes) rows.try_emplace(name);
  std::string text;
  JsonWriter json(&text);
  json.BeginArray();
  const auto write = [&](std::string_view name, const Field& field, size_t count) {
    const auto waits = std::count_if(field.waiting.begin(), field.waiting.end(),
                                     [&](uint64_t call) { return calls_.contains(call); });
    json.BeginObject();
    json.Key("field");
    json.String(name);
    json.Key("processes");
    json.Number(count);
    json.Key("under_way");
    json.Number(field.under_way);
    json.Key("waiting");
    json.Number(static_cast<uint64_t>(waits));
    json.Key("calls");
    json.Number(field.calls);
    json.Key("failures");
    json.Number(field.failures);
    json.EndObject();
  };
  for (const auto& [name, field] : rows) write(name, field, processes[name]);
  // Of the functions in the database.
  write({}, {}, executors);
  json.EndArray();
  return text;
}

}  // namespace fsubs
