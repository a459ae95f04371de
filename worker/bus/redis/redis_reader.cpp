#include "worker/bus/redis/redis_reader.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/bus/redis/command.hpp"
#include "worker/bus/redis/pipeline.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kPollMs = 1000;
constexpr uint64_t kReplyTimeoutMs = 5000;
constexpr uint64_t kBlockMs = 1000;
constexpr size_t kMostEntries = 1000;
constexpr size_t kReadBytes = 4 * 1024 * 1024;
constexpr size_t kFirstEntryBytes = 1024;
// An event has at most 256 MB.
constexpr ReplyLimits kEventLimits{.bytes = size_t{288} * 1024 * 1024, .elements = 16 * 1024};
// As a snapshot of the side door.
constexpr ReplyLimits kControlLimits{.bytes = size_t{65} * 1024 * 1024, .elements = 16 * 1024};
constexpr uint64_t kRoomLookMs = 10;
constexpr uint64_t kLeastRoom = 64 * 1024;
// What a record may take in the ring beside its entry: its origin, and a loss before it.
constexpr uint64_t kBesideEntry = 128;

// Redis takes nothing for now, as this node's row: what it has can be read.
bool IsFull(const Reply& reply) {
  return reply.is_error("OOM") || reply.is_error("MISCONF");
}

}  // namespace

RedisReader::RedisReader(Setup setup)
    : setup_(std::move(setup)),
      keys_(setup_.database),
      report_({.keys = &keys_,
               .counters = setup_.counters,
               .node = setup_.node,
               .version = setup_.version,
               .since_us = NowUs()}),
      dialer_(setup_.dialer),
      events_({.access = setup_.access,
               .purpose = "fraiseql_subs-events",
               .limits = kEventLimits,
               .dialer = &dialer_,
               .counters = setup_.counters,
               .ready = [this] { Read(); },
               .down = [this] { OnDown(events_); }}),
      control_({.access = setup_.access,
                .purpose = "fraiseql_subs-control",
                .limits = kControlLimits,
                .dialer = &dialer_,
                .counters = setup_.counters,
                .ready = [this] { Poll(); },
                .down = [this] { OnDown(control_); }}),
      group_(setup_.node),
      entry_bytes_(kFirstEntryBytes) {}

void RedisReader::Attach(uv_loop_t* loop, Sink* sink) {
  sink_ = sink;
  uv_timer_init(loop, &poll_timer_);
  uv_timer_init(loop, &read_timer_);
  poll_timer_.data = read_timer_.data = this;
  dialer_.Attach(loop);
  TellState();
  control_.Start(loop);
  events_.Start(loop);
}

void RedisReader::Stop() {
  if (std::exchange(stopped_, true)) return;
  control_.Stop();
  events_.Stop();
  dialer_.Close();
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_timer_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&read_timer_), nullptr);
}

void RedisReader::PollIn(uint64_t delay_ms) {
  if (stopped_) return;
  uv_timer_start(
      &poll_timer_, [](uv_timer_t* timer) { static_cast<RedisReader*>(timer->data)->Poll(); },
      delay_ms, 0);
}

void RedisReader::ReadIn(uint64_t delay_ms) {
  if (stopped_) return;
  uv_timer_start(
      &read_timer_, [](uv_timer_t* timer) { static_cast<RedisReader*>(timer->data)->Read(); },
      delay_ms, 0);
}

void RedisReader::OnDown(const ReaderLine& line) {
  // What was too much together may not be one by one.
  if (line.is_reply_too_large()) entry_bytes_ = kReadBytes;
  TellState();
}

void RedisReader::TellState() {
  BusState state;
  state.trouble = !control_.trouble().empty()  ? control_.trouble()
                  : !events_.trouble().empty() ? events_.trouble()
                  : cursor_.epoch().empty()    ? "nobody has published to this bus yet"
                                               : catalog_.trouble();
  state.is_connected = control_.trouble().empty() && events_.trouble().empty();
  state.behind = setup_.counters->behind.get();
  setup_.counters->SetTrouble(state.trouble);
  setup_.counters->connected.Set(state.is_connected ? 1 : 0);
  sink_->OnState(state);
}

void RedisReader::Poll() {
  if (stopped_ || !control_.is_free()) return;
  Pipeline pipeline;
  pipeline.Add("HGETALL", keys_.sources);
  pipeline.Add("HGET", keys_.catalog, "id");
  report_.AddTo(report_.Row(setup_.role, cursor_.epoch(), cursor_.sequence()), &pipeline);
  const size_t others = pipeline.replies();
  if (cursor_.has_begun()) {
    group_.AddTo(keys_.Stream(cursor_.epoch()), cursor_.sequence(), &pipeline);
  }
  control_.Ask(pipeline.commands(), pipeline.replies(), kReplyTimeoutMs,
               [this, others](const RedisLink::Replies& replies) {
                 OnPolled(std::span(replies).first(others), std::span(replies).subspan(others));
               });
}

void RedisReader::OnPolled(std::span<const Reply> replies, std::span<const Reply> of_group) {
  for (size_t i = 0; i < replies.size(); ++i) {
    const bool is_row = i >= 2;
    if (is_row && IsFull(replies[i])) continue;
    if (control_.Refused(replies[i])) return;
  }
  SourceTable sources;
  if (!SourceTable::Read(replies[0], &sources)) {
    control_.Fail("its table of sources is none");
    return;
  }
  control_.NoteSuccess();
  if (!of_group.empty()) {
    group_.OnReplies(of_group);
    const uint64_t end = group_.stream_end();
    setup_.counters->behind.Set(end > cursor_.sequence() ? end - cursor_.sequence() : 0);
  }
  cursor_.Follow(std::move(sources));
  Read();
  if (cursor_.is_to_begin()) {
    Begin();
  } else if (catalog_.OnNewest(replies[1].text)) {
    FetchCatalog();
  } else {
    PollIn(kPollMs);
  }
  TellState();
}

// A node that comes later has nothing to do with what was published before.
void RedisReader::Begin() {
  control_.Ask(Command("XINFO", "STREAM", keys_.Stream(cursor_.epoch())), 1, kReplyTimeoutMs,
               [this](const RedisLink::Replies& replies) { OnBegun(replies); });
}

void RedisReader::OnBegun(const RedisLink::Replies& replies) {
  const Reply& info = replies[0];
  uint64_t end = 0;
  if (info.is_array()) {
    const Reply* const last = info.Field("last-generated-id");
    if (last == nullptr || !ParseEntryId(last->text, &end)) {
      control_.Fail("its stream is none of events");
      return;
    }
  } else if (!info.is_error() || info.text.find("no such key") == std::string::npos) {
    control_.Fail(info.is_error() ? info.text : "its stream is none");
    return;
  }
  cursor_.BeginBehind(end);
  FetchCatalog();
}

void RedisReader::FetchCatalog() {
  if (!control_.is_free()) return;
  control_.Ask(CatalogWait::FetchCommand(keys_), 1, kReplyTimeoutMs,
               [this](const RedisLink::Replies& replies) { OnCatalogFetched(replies); });
}

void RedisReader::OnCatalogFetched(const RedisLink::Replies& replies) {
  if (control_.Refused(replies[0])) return;
  const std::string* const snapshot = catalog_.Take(replies[0], cursor_.sources());
  if (snapshot != nullptr) sink_->OnCatalog(*snapshot);
  TellState();
  PollIn(catalog_.NextDelayMs().value_or(kPollMs));
  Read();
}

void RedisReader::Read() {
  if (stopped_ || !events_.is_free()) return;
  if (!cursor_.has_begun() || catalog_.holds_events()) {
    // Nothing is to be read yet, and for that it is connected well enough.
    events_.ClearTrouble();
    return;
  }
  const uint64_t room = sink_->Room();
  if (room < std::max(kLeastRoom, needed_room_)) {
    ReadIn(kRoomLookMs);
    return;
  }
  uv_timer_stop(&read_timer_);
  const std::string count = std::to_string(
      std::clamp<size_t>(std::min<uint64_t>(room, kReadBytes) / entry_bytes_, 1, kMostEntries));
  const std::string stream = keys_.Stream(cursor_.epoch());
  const std::string id = EntryId(cursor_.sequence());
  const bool ends = cursor_.is_ending();
  std::string commands;
  if (ends) {
    commands = Command("XREAD", "COUNT", count, "STREAMS", stream, id);
  } else {
    commands =
        Command("XREAD", "COUNT", count, "BLOCK", std::to_string(kBlockMs), "STREAMS", stream, id);
  }
  events_.Ask(commands, 1, kBlockMs + kReplyTimeoutMs,
              [this, ends](const RedisLink::Replies& replies) {
                if (ends) {
                  OnLastRead(replies);
                } else {
                  OnRead(replies);
                }
              });
}

void RedisReader::OnLastRead(const RedisLink::Replies& replies) {
  if (replies[0].is_nil()) {
    GoOnWithNext();
    Read();
  } else {
    OnRead(replies);
  }
}

void RedisReader::OnRead(const RedisLink::Replies& replies) {
  const Reply& streams = replies[0];
  if (events_.Refused(streams)) return;
  const bool had_trouble = !events_.trouble().empty();
  events_.NoteSuccess();
  if (had_trouble) TellState();
  if (!streams.is_nil()) {
    const bool is_one =
        streams.is_array() && streams.elements.size() == 1 && streams.elements[0].is_array() &&
        streams.elements[0].elements.size() == 2 && streams.elements[0].elements[1].is_array();
    if (!is_one) {
      events_.Fail("what it gives is no stream");
      return;
    }
    TakeEntries(streams.elements[0].elements[1].elements);
  }
  if (catalog_.is_awaiting()) {
    if (control_.is_free()) FetchCatalog();
    return;
  }
  Read();
}

void RedisReader::Lose(uint64_t events) {
  if (events == 0) return;
  pending_lost_ += events;
  setup_.counters->lost.Add(events);
}

// In the place of events that come no more.
void RedisReader::TellLoss(std::optional<uint64_t> events) {
  const std::string count = events ? std::to_string(*events) : "";
  BusEvent loss;
  loss.record.kind = RecordKind::kEventsLost;
  loss.record.commit_time_us = NowUs();
  loss.record.data = count;
  sink_->OnEvents({&loss, 1});
}

void RedisReader::TakeEntries(std::span<const Reply> entries) {
  std::vector<BusEvent> events;
  events.reserve(entries.size());
  uint64_t epoch = 0;
  (void)ParseEpochName(cursor_.epoch(), &epoch);
  size_t bytes = 0;
  size_t taken = 0;
  uint64_t room = sink_->Room();
  needed_room_ = 0;
  int64_t appended_us = 0;
  uint64_t malformed = 0;
  for (const Reply& entry : entries) {
    uint64_t sequence;
    if (entry.elements.size() != 2 || !ParseEntryId(entry.elements[0].text, &sequence)) {
      events_.Fail("what it gives is no entry of an event");
      break;
    }
    // An entry that was given before.
    if (sequence <= cursor_.sequence()) continue;
    const Reply* const value = entry.elements[1].Field(kEntryField);
    const size_t size = value != nullptr ? value->text.size() : 0;
    const uint64_t takes = std::min(size + kBesideEntry, sink_->LargestRecord());
    if (takes > room) {
      // It and what follows are read again.
      needed_room_ = takes;
      break;
    }
    room -= takes;
    bytes += size;
    ++taken;
    Lose(cursor_.Advance(sequence));
    BusEvent event;
    if (value == nullptr ||
        DecodeEntry(value->text, &event.record, &appended_us) != EntryResult::kOk ||
        event.record.sequence != sequence) {
      ++malformed;
      Lose(1);
      continue;
    }
    if (event.record.kind == RecordKind::kCatalogChanged) {
      catalog_.Await(cursor_.epoch(), event.record.position);
      // What follows is read again.
      break;
    }
    event.record.origin = {epoch, event.record.position};
    event.lost = std::exchange(pending_lost_, 0);
    events.push_back(event);
  }
  if (malformed > 0) {
    setup_.counters->malformed.Add(malformed);
    Log(LogLevel::kWarning,
        "%llu entries of the bus in Redis are none of this version: they are counted as lost",
        static_cast<unsigned long long>(malformed));
  }
  setup_.counters->read_bytes.Add(bytes);
  if (taken > 0) entry_bytes_ = std::max<size_t>(bytes / taken, 64);
  if (events.empty()) return;
  BusCounters& counters = *setup_.counters;
  counters.read.Add(events.size());
  const int64_t now_us = NowUs();
  counters.append_to_read.Observe(now_us - appended_us);
  counters.SetDelay(now_us - events.back().record.commit_time_us);
  sink_->OnEvents(events);
}

// The stream was read to its end, and another source has come after it.
void RedisReader::GoOnWithNext() {
  const auto passage = cursor_.GoOn();
  if (!passage) return;
  Lose(passage->lost);
  if (pending_lost_ > 0) TellLoss(std::exchange(pending_lost_, 0));
  if (passage->has_more_lost) TellLoss(std::nullopt);
  Log(LogLevel::kLog, "node \"%s\" publishes to the bus from now on", passage->node.c_str());
  group_.Leave();
}

}  // namespace fsubs
