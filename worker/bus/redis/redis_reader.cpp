#include "worker/bus/redis/redis_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/bus/node_row.hpp"
#include "worker/bus/redis/command.hpp"
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
// How soon it is looked again for the catalog that events wait for.
constexpr uint64_t kFirstAwaitMs = 10;
constexpr uint64_t kMostAwaitMs = 500;
constexpr uint64_t kRoomLookMs = 10;
constexpr uint64_t kLeastRoom = 64 * 1024;
// What a record may take in the ring beside its entry: its origin, and a loss before it.
constexpr uint64_t kBesideEntry = 128;

bool ReadHex(std::string_view text, uint64_t* number) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *number, 16);
  return read.ec == std::errc{} && read.ptr == end;
}

// Redis takes nothing for now, as this node's row: what it has can be read.
bool IsFull(const Reply& reply) {
  return reply.is_error("OOM") || reply.is_error("MISCONF");
}

}  // namespace

RedisReader::Line::Line(const Setup& setup, const char* purpose, Dialer* dialer,
                        RedisReader* reader, void (RedisReader::*ready)())
    : reader_(reader),
      ready_(ready),
      connection_(
          setup.access, purpose,
          purpose == std::string_view("fraiseql_subs-events") ? kEventLimits : kControlLimits,
          dialer, this),
      trouble_("Redis is not connected yet") {}

void RedisReader::Line::Ask(const std::string& commands, size_t replies, uint64_t timeout_ms,
                            RedisLink::Done done) {
  asking_ = true;
  connection_.Request(commands, replies, timeout_ms,
                      [this, done = std::move(done)](RedisLink::Replies come) {
                        asking_ = false;
                        done(std::move(come));
                      });
}

void RedisReader::Line::OnReady() {
  reader_->setup_.counters->connects.Add();
  asking_ = false;
  (reader_->*ready_)();
}

void RedisReader::Line::OnDown(const std::string& why) {
  asking_ = false;
  if (why.empty()) return;
  reader_->setup_.counters->errors.Add();
  trouble_ = "Redis: " + why;
  // What was too much together may not be one by one.
  if (connection_.is_reply_too_large()) reader_->entry_bytes_ = kReadBytes;
  reader_->TellState();
}

RedisReader::RedisReader(Setup setup)
    : setup_(std::move(setup)),
      keys_(setup_.database),
      dialer_(setup_.dialer),
      events_(setup_, "fraiseql_subs-events", &dialer_, this, &RedisReader::Read),
      control_(setup_, "fraiseql_subs-control", &dialer_, this, &RedisReader::Poll),
      entry_bytes_(kFirstEntryBytes),
      since_us_(NowUs()) {}

void RedisReader::Attach(uv_loop_t* loop, Sink* sink) {
  sink_ = sink;
  uv_timer_init(loop, &poll_timer_);
  uv_timer_init(loop, &read_timer_);
  poll_timer_.data = read_timer_.data = this;
  dialer_.Attach(loop);
  TellState();
  control_.connection().Start(loop);
  events_.connection().Start(loop);
}

void RedisReader::Stop() {
  if (std::exchange(stopped_, true)) return;
  control_.connection().Stop();
  events_.connection().Stop();
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

// Returns whether it was an error, for which the connection is given up.
bool RedisReader::Refused(const Reply& reply, Line* line) {
  if (!reply.is_error()) return false;
  line->connection().Fail(reply.text);
  return true;
}

void RedisReader::TellState() {
  BusState state;
  state.trouble = !control_.trouble().empty()  ? control_.trouble()
                  : !events_.trouble().empty() ? events_.trouble()
                  : epoch_.empty()             ? "nobody has published to this bus yet"
                                               : catalog_trouble_;
  state.is_connected = control_.trouble().empty() && events_.trouble().empty();
  state.behind = setup_.counters->behind.get();
  setup_.counters->SetTrouble(state.trouble);
  setup_.counters->connected.Set(state.is_connected ? 1 : 0);
  sink_->OnState(state);
}

void RedisReader::Poll() {
  if (stopped_ || !control_.is_free()) return;
  std::string commands = Command("HGETALL", keys_.sources) + Command("HGET", keys_.catalog, "id");
  size_t count = 2;
  AppendCommand({"SET", keys_.Node(setup_.node), OwnRow(), "EX", NodeRow::kSeconds}, &commands);
  AppendCommand({"ZADD", keys_.nodes, std::to_string(NowUs() / 1'000'000), setup_.node}, &commands);
  count += 2;
  const size_t others = count;
  if (begun_) TellPlace(&commands, &count);
  place_replies_ = count - others;
  control_.Ask(commands, count, kReplyTimeoutMs,
               [this](const RedisLink::Replies& replies) { OnPolled(replies); });
}

void RedisReader::OnPolled(const RedisLink::Replies& replies) {
  const size_t others = replies.size() - place_replies_;
  for (size_t i = 0; i < others; ++i) {
    const bool is_row = i >= 2;
    if (is_row && IsFull(replies[i])) continue;
    if (Refused(replies[i], &control_)) return;
  }
  if (!SourceTable::Read(replies[0], &sources_)) {
    control_.connection().Fail("its table of sources is none");
    return;
  }
  control_.connection().NoteSuccess();
  control_.ClearTrouble();
  newest_catalog_id_ = replies[1].text;
  OnPlace(std::span(replies).subspan(others));

  const Source* const newest = sources_.newest();
  if (epoch_.empty()) {
    if (newest == nullptr) {
      waited_ = true;
    } else {
      epoch_ = newest->epoch;
      begun_ = is_first_ = waited_;
    }
  } else if (newest != nullptr && newest->epoch != epoch_) {
    ending_ = true;
  }
  Read();
  if (!epoch_.empty() && !begun_) {
    Begin();
  } else if (newest_catalog_id_ != catalog_id_ || awaited_) {
    FetchCatalog();
  } else {
    catalog_trouble_.clear();
    PollIn(kPollMs);
  }
  TellState();
}

// A node that comes later has nothing to do with what was published before.
void RedisReader::Begin() {
  control_.Ask(Command("XINFO", "STREAM", keys_.Stream(epoch_)), 1, kReplyTimeoutMs,
               [this](const RedisLink::Replies& replies) { OnBegun(replies); });
}

void RedisReader::OnBegun(const RedisLink::Replies& replies) {
  const Reply& info = replies[0];
  if (info.is_array()) {
    const Reply* const last = info.Field("last-generated-id");
    if (last == nullptr || !ParseEntryId(last->text, &cursor_)) {
      control_.connection().Fail("its stream is none of events");
      return;
    }
  } else if (!info.is_error() || info.text.find("no such key") == std::string::npos) {
    control_.connection().Fail(info.is_error() ? info.text : "its stream is none");
    return;
  }
  begun_ = true;
  FetchCatalog();
}

void RedisReader::FetchCatalog() {
  if (!control_.is_free()) return;
  control_.Ask(Command("HMGET", keys_.catalog, "id", "epoch", "covers", "snapshot", "changed"), 1,
               kReplyTimeoutMs,
               [this](const RedisLink::Replies& replies) { OnCatalogFetched(replies); });
}

// What lies before the cursor at the start has not been read, nor that the catalog changed there.
void RedisReader::AwaitLastChange(std::string_view changed) {
  const size_t space = std::min(changed.find(' '), changed.size());
  uint64_t position = 0;
  if (!ReadHex(changed.substr(std::min(space + 1, changed.size())), &position)) return;
  awaited_ = AwaitedCatalog{std::string(changed.substr(0, space)), position};
  await_delay_ms_ = kFirstAwaitMs;
}

// Whether a catalog of that epoch, with all changes before `covers`, has the one that is awaited.
bool RedisReader::Covers(const std::string& epoch, const std::string& covers) const {
  if (epoch == awaited_->epoch) {
    uint64_t position = 0;
    return ReadHex(covers, &position) && position > awaited_->changed;
  }
  const Source* const its = sources_.Find(epoch);
  const Source* const wanted = sources_.Find(awaited_->epoch);
  return its != nullptr && (wanted == nullptr || its->claim > wanted->claim);
}

void RedisReader::OnCatalogFetched(const RedisLink::Replies& replies) {
  const Reply& catalog = replies[0];
  if (Refused(catalog, &control_)) return;
  uint64_t next_poll_ms = kPollMs;
  if (!catalog.is_array() || catalog.elements.size() != 5 || !catalog.elements[3].is_text()) {
    catalog_trouble_ = "the bus has no catalog yet";
  } else {
    if (catalog_id_.empty()) AwaitLastChange(catalog.elements[4].text);
    const std::string& id = catalog.elements[0].text;
    if (id != catalog_id_) {
      catalog_id_ = id;
      sink_->OnCatalog(catalog.elements[3].text);
    }
    if (awaited_ && Covers(catalog.elements[1].text, catalog.elements[2].text)) awaited_.reset();
    catalog_trouble_ =
        awaited_ ? "the catalog has changed, and the new one is not in the bus yet" : "";
  }
  if (awaited_) {
    next_poll_ms = await_delay_ms_;
    await_delay_ms_ = std::min(await_delay_ms_ * 2, kMostAwaitMs);
  }
  TellState();
  PollIn(next_poll_ms);
  Read();
}

// How far this node is, for XINFO GROUPS.
void RedisReader::TellPlace(std::string* commands, size_t* count) {
  const std::string stream = keys_.Stream(epoch_);
  AppendCommand({"XINFO", "STREAM", stream}, commands);
  ++*count;
  if (!group_allowed_ || !stream_known_ || (group_made_ && place_ == cursor_)) return;
  const std::string id = EntryId(cursor_);
  if (!group_made_) {
    AppendCommand({"XGROUP", "CREATE", stream, setup_.node, id}, commands);
    ++*count;
  }
  if (counts_entries_) {
    // As many as were added when that was asked, and what lies between then and the cursor.
    const uint64_t added = entries_added_ + cursor_;
    const uint64_t read = added > stream_end_ ? added - stream_end_ : 0;
    AppendCommand({"XGROUP", "SETID", stream, setup_.node, id, "ENTRIESREAD", std::to_string(read)},
                  commands);
  } else {
    AppendCommand({"XGROUP", "SETID", stream, setup_.node, id}, commands);
  }
  ++*count;
  place_ = cursor_;
}

void RedisReader::OnPlace(std::span<const Reply> replies) {
  if (replies.empty()) return;
  const Reply& info = replies[0];
  const Reply* const last = info.is_array() ? info.Field("last-generated-id") : nullptr;
  uint64_t end = 0;
  if (last != nullptr && ParseEntryId(last->text, &end)) {
    const Reply* const added = info.Field("entries-added");
    stream_end_ = end;
    stream_known_ = true;
    if (added != nullptr && added->integer >= 0) {
      entries_added_ = static_cast<uint64_t>(added->integer);
    }
  }
  setup_.counters->behind.Set(stream_end_ > cursor_ ? stream_end_ - cursor_ : 0);
  if (replies.size() < 2) return;
  const Reply& set = replies.back();
  if (!set.is_error()) {
    group_made_ = true;
  } else if (set.is_error("NOPERM")) {
    group_allowed_ = false;
    Log(LogLevel::kWarning,
        "this node's place in the bus is not shown by XINFO GROUPS: Redis does not allow it: %s",
        set.text.c_str());
  } else if (counts_entries_ && !set.is_error("NOGROUP") &&
             set.text.find("no such key") == std::string::npos &&
             set.text.find("requires the key") == std::string::npos) {
    counts_entries_ = false;
    place_ = ~uint64_t{0};
  } else {
    group_made_ = false;
  }
}

std::string RedisReader::OwnRow() const {
  return NodeRow{.name = setup_.node,
                 .version = setup_.version,
                 .bus = "redis",
                 .role = setup_.role,
                 .epoch = epoch_,
                 .sequence = cursor_,
                 .lag = setup_.counters->behind.get(),
                 .delay_us = setup_.counters->delay_us,
                 .connections = setup_.counters->connections.get(),
                 .subscriptions = setup_.counters->subscriptions.get(),
                 .since_us = since_us_,
                 .trouble = setup_.counters->trouble()}
      .ToJson();
}

void RedisReader::Read() {
  if (stopped_ || !events_.is_free()) return;
  if (!begun_ || awaited_ || catalog_id_.empty()) {
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
  asked_entries_ =
      std::clamp<size_t>(std::min<uint64_t>(room, kReadBytes) / entry_bytes_, 1, kMostEntries);
  std::string commands;
  const std::string count = std::to_string(asked_entries_);
  const std::string stream = keys_.Stream(epoch_);
  const std::string id = EntryId(cursor_);
  if (ending_) {
    commands = Command("XREAD", "COUNT", count, "STREAMS", stream, id);
  } else {
    commands =
        Command("XREAD", "COUNT", count, "BLOCK", std::to_string(kBlockMs), "STREAMS", stream, id);
  }
  const bool ends = ending_;
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
  if (Refused(streams, &events_)) return;
  events_.connection().NoteSuccess();
  if (!events_.trouble().empty()) {
    events_.ClearTrouble();
    TellState();
  }
  if (!streams.is_nil()) {
    const bool is_one =
        streams.is_array() && streams.elements.size() == 1 && streams.elements[0].is_array() &&
        streams.elements[0].elements.size() == 2 && streams.elements[0].elements[1].is_array();
    if (!is_one) {
      events_.connection().Fail("what it gives is no stream");
      return;
    }
    TakeEntries(streams.elements[0].elements[1].elements);
  }
  if (awaited_) {
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
  (void)ReadHex(epoch_, &epoch);
  size_t bytes = 0;
  size_t taken = 0;
  uint64_t room = sink_->Room();
  needed_room_ = 0;
  int64_t appended_us = 0;
  uint64_t malformed = 0;
  for (const Reply& entry : entries) {
    uint64_t sequence;
    if (entry.elements.size() != 2 || !ParseEntryId(entry.elements[0].text, &sequence)) {
      events_.connection().Fail("what it gives is no entry of an event");
      break;
    }
    // An entry that was given before.
    if (sequence <= cursor_) continue;
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
    if (!std::exchange(is_first_, false)) Lose(sequence - cursor_ - 1);
    cursor_ = sequence;
    BusEvent event;
    if (value == nullptr ||
        DecodeEntry(value->text, &event.record, &appended_us) != EntryResult::kOk ||
        event.record.sequence != sequence) {
      ++malformed;
      Lose(1);
      continue;
    }
    if (event.record.kind == RecordKind::kCatalogChanged) {
      awaited_ = AwaitedCatalog{epoch_, event.record.position};
      await_delay_ms_ = kFirstAwaitMs;
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

// The stream of `epoch_` was read to its end, and another source has come after it.
void RedisReader::GoOnWithNext() {
  const Source* const old = sources_.Find(epoch_);
  const Source* next = sources_.After(epoch_);
  if (next == nullptr) next = sources_.newest();
  if (next == nullptr || next->epoch == epoch_) {
    ending_ = false;
    return;
  }
  if (old != nullptr && old->last && *old->last > cursor_) Lose(*old->last - cursor_);
  if (pending_lost_ > 0) TellLoss(std::exchange(pending_lost_, 0));
  // How many were never appended is not known.
  if (old == nullptr || !old->last || old->has_more) TellLoss(std::nullopt);
  Log(LogLevel::kLog, "node \"%s\" publishes to the bus from now on", next->node.c_str());
  epoch_ = next->epoch;
  cursor_ = 0;
  stream_end_ = entries_added_ = 0;
  stream_known_ = false;
  group_made_ = false;
  ending_ = sources_.After(epoch_) != nullptr;
}

}  // namespace fsubs
