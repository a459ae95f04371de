#include "worker/bus/redis/redis_publisher.hpp"

#include <algorithm>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/bus/node_row.hpp"
#include "worker/bus/redis/command.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

constexpr size_t kBatchRecords = 1000;
constexpr size_t kBatchBytes = 1024 * 1024;
constexpr uint64_t kReplyTimeoutMs = 5000;
constexpr uint64_t kTickMs = 1000;
// When the name of a node that is not heard of is dropped.
constexpr int64_t kForgetNodeSeconds = 3600;
// What a source leaves is kept at least so long by those who come after it.
constexpr uint64_t kLeastKeptMs = 60'000;
// How finely the stream is trimmed by age.
constexpr uint64_t kAgeSteps = 1000;
constexpr uint64_t kLeastAgeStepMs = 1000;

// What XADD says of an id that the stream has already, or has passed: it was appended by a request
// whose answer was lost.
bool IsThereAlready(const Reply& reply) {
  return reply.is_error() && reply.text.find("equal or smaller") != std::string::npos;
}

// In the place of an event that Redis does not take.
EventRecord LossOf(const EventRecord& event) {
  EventRecord loss;
  loss.kind = RecordKind::kEventsLost;
  loss.sequence = event.sequence;
  loss.position = event.position;
  loss.commit_time_us = event.commit_time_us;
  loss.channel = event.channel;
  loss.data = "1";
  return loss;
}

}  // namespace

const char* RedisPublisher::RoleOf(Stage stage) {
  switch (stage) {
    case Stage::kWaiting:
      return "standby";
    case Stage::kReplaced:
      return "replaced";
    default:
      return "publisher";
  }
}

RedisPublisher::RedisPublisher(Setup setup)
    : setup_(std::move(setup)),
      keys_(setup_.database),
      epoch_(EpochName(setup_.ring->epoch)),
      stream_(keys_.Stream(epoch_)),
      dialer_(setup_.dialer),
      connection_(setup_.access, "fraiseql_subs-publisher", ReplyLimits{}, &dialer_, this),
      reader_(setup_.ring),
      nodes_(&keys_),
      since_us_(NowUs()) {}

void RedisPublisher::Attach(uv_loop_t* loop) {
  uv_async_init(loop, &published_,
                [](uv_async_t* handle) { static_cast<RedisPublisher*>(handle->data)->Next(); });
  published_.data = this;
  uv_timer_init(loop, &tick_);
  tick_.data = this;
  uv_timer_start(
      &tick_, [](uv_timer_t* timer) { static_cast<RedisPublisher*>(timer->data)->OnTick(); },
      kTickMs, kTickMs);
  tasks_.Attach(loop);
  dialer_.Attach(loop);
  SetTrouble("Redis is not connected yet");
  connection_.Start(loop);
}

void RedisPublisher::Stop() {
  connection_.Stop();
  dialer_.Close();
  stage_ = Stage::kDown;
  tasks_.Close();
  uv_close(reinterpret_cast<uv_handle_t*>(&published_), nullptr);
  uv_close(reinterpret_cast<uv_handle_t*>(&tick_), nullptr);
}

void RedisPublisher::SetCatalog(std::string snapshot_json, Position covers) {
  tasks_.Post([this, json = std::move(snapshot_json), covers]() mutable {
    catalog_ = std::move(json);
    catalog_covers_ = covers;
    ++catalog_number_;
    catalog_due_ = true;
    Next();
  });
}

void RedisPublisher::AskNodes(NodesReply reply) {
  tasks_.Post([this, reply = std::move(reply)] {
    const auto tell = [this, reply](const NodeList::Answer& answer) { reply(OwnRow(), answer); };
    if (!connection_.is_ready()) {
      tell({.nodes = {}, .error = setup_.counters->trouble()});
      return;
    }
    nodes_.Add(tell, MonotonicUs());
    Next();
  });
}

void RedisPublisher::Finish(std::function<void()> done) {
  tasks_.Post([this, done = std::move(done)] {
    finish_ = done;
    // A source that is none has nothing to finish.
    if (stage_ == Stage::kReplaced || stage_ == Stage::kWaiting) {
      std::exchange(finish_, nullptr)();
      return;
    }
    Next();
  });
}

bool RedisPublisher::is_standby() const {
  return (setup_.ring->server_state.load() & kServerInRecovery) != 0;
}

void RedisPublisher::SetTrouble(const std::string& trouble) {
  setup_.counters->SetTrouble(trouble);
  setup_.counters->connected.Set(trouble.empty() ? 1 : 0);
}

void RedisPublisher::NoteSuccess() {
  SetTrouble("");
  connection_.NoteSuccess();
}

void RedisPublisher::OnReady() {
  setup_.counters->connects.Add();
  asking_ = false;
  stage_ = is_standby() ? Stage::kWaiting : Stage::kClaiming;
  tend_due_ = true;
  // Redis may have lost the one that it had.
  catalog_due_ = !catalog_.empty();
  Next();
}

void RedisPublisher::OnDown(const std::string& why) {
  // An event that is larger than proto-max-bulk-len would keep back all that come after it.
  const bool is_too_large =
      std::exchange(appending_, false) && why.find("invalid bulk length") != std::string::npos;
  most_bytes_ = is_too_large ? batch_.largest - 1 : kAnyBytes;
  if (!why.empty()) {
    setup_.counters->errors.Add();
    SetTrouble("Redis: " + why);
  }
  stage_ = Stage::kDown;
  asking_ = false;
  nodes_.Fail(setup_.counters->trouble());
}

void RedisPublisher::OnTick() {
  const uint64_t published = setup_.ring->head_sequence.load(std::memory_order_relaxed);
  const bool is_source = stage_ != Stage::kWaiting && stage_ != Stage::kReplaced;
  setup_.counters->behind.Set(is_source && published > appended_ ? published - appended_ : 0);
  tend_due_ = true;
  nodes_.Expire(MonotonicUs());
  if (stage_ == Stage::kWaiting && !asking_ && !is_standby()) stage_ = Stage::kClaiming;
  Next();
}

void RedisPublisher::Ask(const std::string& commands, size_t replies,
                         void (RedisPublisher::*done)(RedisLink::Replies)) {
  asking_ = true;
  connection_.Request(commands, replies, kReplyTimeoutMs, [this, done](RedisLink::Replies come) {
    asking_ = false;
    (this->*done)(std::move(come));
    if (!asking_) Next();
  });
}

// Whatever is to be done next.
void RedisPublisher::Next() {
  if (asking_ || !connection_.is_ready()) return;
  if (nodes_.is_due() && !tend_due_) {
    Ask(nodes_.Begin(), 1, &RedisPublisher::OnNodes);
    return;
  }
  switch (stage_) {
    case Stage::kDown:
      return;
    case Stage::kClaiming:
      Ask(Command("WATCH", keys_.sources) + Command("HGETALL", keys_.sources), 2,
          &RedisPublisher::OnSources);
      return;
    case Stage::kLocating:
      Ask(Command("XINFO", "STREAM", stream_), 1, &RedisPublisher::OnStream);
      return;
    case Stage::kAppending:
      if (catalog_due_ || tend_due_) {
        Tend();
      } else if (FillBatch()) {
        appending_ = true;
        Ask(batch_.commands, batch_.writes == 1 ? 1 : batch_.writes + 2,
            &RedisPublisher::OnAppended);
      } else if (finish_) {
        const Source own{.epoch = epoch_, .claim = claim_, .last = appended_, .node = setup_.node};
        Ask(Command("HSET", keys_.sources, epoch_, own.Value()), 1, &RedisPublisher::OnFinished);
      }
      return;
    case Stage::kWaiting:
    case Stage::kReplaced:
      if (tend_due_) Tend();
      return;
  }
}

// Returns whether it was an error, for which the connection is given up.
bool RedisPublisher::Refused(const Reply& reply) {
  if (!reply.is_error()) return false;
  connection_.Fail(reply.text);
  return true;
}

void RedisPublisher::OnSources(RedisLink::Replies replies) {
  SourceTable sources;
  for (const Reply& reply : replies) {
    if (Refused(reply)) return;
  }
  if (!SourceTable::Read(replies[1], &sources)) {
    connection_.Fail("its table of sources is none");
    return;
  }
  const Source* const newest = sources.newest();
  const Source* const own = sources.Find(epoch_);
  if (own != nullptr) claim_ = own->claim;
  if (own != nullptr && newest != own) {
    TellReplaced(*newest);
    Ask(Command("UNWATCH"), 1, &RedisPublisher::OnTended);
    return;
  }
  if (own != nullptr && !own->last) {
    stage_ = Stage::kLocating;
    Ask(Command("UNWATCH"), 1, &RedisPublisher::OnTended);
    return;
  }
  // With a last sequence it was said to be over: of a worker before this one.
  const uint64_t claim = own != nullptr ? own->claim : newest != nullptr ? newest->claim + 1 : 1;
  std::string commands = Command("MULTI");
  size_t count = 1;
  const auto add = [&](const auto&... parts) {
    AppendCommand({std::string_view(parts)...}, &commands);
    ++count;
  };
  if (own == nullptr && newest != nullptr) {
    Source before = *newest;
    for (const RingPredecessor& one : setup_.ring->predecessors) {
      if (one.epoch == 0 || EpochName(one.epoch) != before.epoch) continue;
      before.last = one.sequences;
      // The crash may have ended a backend between its commit and its turn at the ring.
      before.has_more = true;
    }
    add("HSET", keys_.sources, before.epoch, before.Value());
    const uint64_t kept_ms = std::max(setup_.max_age_ms, kLeastKeptMs);
    if (setup_.max_age_ms != 0) {
      add("PEXPIRE", keys_.Stream(before.epoch), std::to_string(kept_ms));
    }
  }
  const Source mine{.epoch = epoch_, .claim = claim, .node = setup_.node};
  add("HSET", keys_.sources, epoch_, mine.Value());
  for (size_t i = 0; i + SourceTable::kMost <= sources.all().size(); ++i) {
    add("HDEL", keys_.sources, sources.all()[i].epoch);
    add("UNLINK", keys_.Stream(sources.all()[i].epoch));
  }
  add("EXEC");
  claim_ = claim;
  Ask(commands, count, &RedisPublisher::OnClaimed);
}

void RedisPublisher::OnClaimed(RedisLink::Replies replies) {
  for (const Reply& reply : replies) {
    if (Refused(reply)) return;
  }
  // Nil: another one has changed the table meanwhile.
  if (!replies.back().is_array()) return;
  for (const Reply& reply : replies.back().elements) {
    if (Refused(reply)) return;
  }
  stage_ = Stage::kLocating;
}

void RedisPublisher::TellReplaced(const Source& by) {
  if (stage_ != Stage::kReplaced) {
    Log(LogLevel::kWarning,
        "node \"%s\" publishes to Redis for database \"%s\" now: nothing more of this server gets "
        "there; if both are meant to publish, give their databases different names or their buses "
        "different Redis databases",
        by.node.c_str(), setup_.database.c_str());
  }
  stage_ = Stage::kReplaced;
  SetTrouble("node \"" + by.node + "\" publishes to Redis instead of this server");
}

void RedisPublisher::OnStream(RedisLink::Replies replies) {
  const Reply& info = replies[0];
  uint64_t appended = 0;
  // Without a stream nothing is appended yet, or what was is gone.
  if (info.is_error() && info.text.find("no such key") == std::string::npos) {
    connection_.Fail(info.text);
    return;
  }
  if (info.is_array()) {
    for (size_t i = 0; i + 1 < info.elements.size(); i += 2) {
      if (info.elements[i].text != "last-generated-id") continue;
      if (ParseEntryId(info.elements[i + 1].text, &appended)) break;
      connection_.Fail("the last id of its stream is none of an event");
      return;
    }
  }
  if (appended > setup_.ring->head_sequence.load(std::memory_order_acquire)) {
    connection_.Fail("its stream has events that this server has not published");
    return;
  }
  Locate(appended);
  stage_ = Stage::kAppending;
}

// Go on behind that sequence.
void RedisPublisher::Locate(uint64_t appended) {
  if (appended < appended_) {
    Log(LogLevel::kWarning,
        "Redis has lost events that it had accepted: %llu of them are appended again, as far as "
        "the ring has them",
        static_cast<unsigned long long>(appended_ - appended));
  }
  appended_ = appended;
  next_sequence_ = appended + 1;
  held_.reset();
  EventRecord record;
  uint64_t lost;
  if (!reader_.SeekNear(next_sequence_)) {
    // It is overwritten, and the reader finds out how many are.
    reader_.Resume(0, next_sequence_);
    return;
  }
  while (reader_.next_sequence() < next_sequence_) {
    if (reader_.Next(&record, &lost) != RingReader::Result::kRecord) return;
    if (record.sequence < next_sequence_) continue;
    held_ = record;
    return;
  }
}

// Returns whether there is anything to append.
bool RedisPublisher::FillBatch() {
  batch_.records = 0;
  batch_.bytes = 0;
  batch_.largest = 0;
  std::string adds;
  std::string value;
  const std::string limit = std::to_string(setup_.max_length);
  const int64_t now_us = NowUs();
  std::optional<Position> changed;
  while (batch_.records < kBatchRecords && adds.size() < kBatchBytes) {
    EventRecord record;
    uint64_t lost = 0;
    if (held_) {
      record = *held_;
      held_.reset();
    } else if (reader_.Next(&record, &lost) != RingReader::Result::kRecord) {
      break;
    }
    if (record.sequence > next_sequence_) {
      // The ids jump, by which readers count what is missing.
      const uint64_t missing = record.sequence - next_sequence_;
      setup_.counters->lost.Add(missing);
      Log(LogLevel::kWarning,
          "%llu events were overwritten in the ring before Redis took them: other nodes miss them",
          static_cast<unsigned long long>(missing));
    }
    EncodeEntry(record, now_us, &value);
    if (value.size() > most_bytes_) {
      setup_.counters->lost.Add(1);
      Log(LogLevel::kWarning,
          "an event of %zu bytes is larger than Redis takes (proto-max-bulk-len): other nodes "
          "miss it",
          value.size());
      record = LossOf(record);
      EncodeEntry(record, now_us, &value);
    }
    batch_.bytes += value.size();
    batch_.largest = std::max(batch_.largest, value.size());
    const std::string id = EntryId(record.sequence);
    if (setup_.max_length != 0) {
      AppendCommand({"XADD", stream_, "MAXLEN", "~", limit, id, kEntryField, value}, &adds);
    } else {
      AppendCommand({"XADD", stream_, id, kEntryField, value}, &adds);
    }
    next_sequence_ = record.sequence + 1;
    if (record.kind == RecordKind::kCatalogChanged) changed = record.position;
    ++batch_.records;
    batch_.last = record.sequence;
    batch_.commit_time_us = record.commit_time_us;
  }
  if (batch_.records == 0) return false;
  batch_.writes = batch_.records;
  if (changed) {
    // Who begins behind the change has to know of it.
    AppendCommand({"HSET", keys_.catalog, "changed", epoch_ + " " + EpochName(*changed)}, &adds);
    ++batch_.writes;
  }
  batch_.commands.clear();
  if (batch_.writes == 1) {
    batch_.commands = std::move(adds);
  } else {
    batch_.commands = Command("MULTI").append(adds).append(Command("EXEC"));
  }
  return true;
}

void RedisPublisher::OnAppended(RedisLink::Replies replies) {
  append_refused_ = true;
  const Reply* first = replies.data();
  size_t count = replies.size();
  if (batch_.writes > 1) {
    // What was refused when it was queued says why; EXEC then says no more than that it was.
    for (const Reply& reply : replies) {
      if (Refused(reply)) return;
    }
    const Reply& whole = replies.back();
    if (!whole.is_array() || whole.elements.size() != batch_.writes) {
      connection_.Fail("its answer to a transaction is none");
      return;
    }
    first = whole.elements.data();
    count = whole.elements.size();
  }
  bool is_there_already = false;
  for (size_t i = 0; i < count; ++i) {
    if (IsThereAlready(first[i])) {
      is_there_already = true;
    } else if (Refused(first[i])) {
      return;
    }
  }
  append_refused_ = appending_ = false;
  if (is_there_already) {
    // By this publisher, or by somebody else: the stream's end tells.
    stage_ = Stage::kLocating;
    return;
  }
  NoteSuccess();
  appended_ = batch_.last;
  BusCounters& counters = *setup_.counters;
  counters.appended.Add(batch_.records);
  counters.appended_bytes.Add(batch_.bytes);
  const int64_t took_us = NowUs() - batch_.commit_time_us;
  counters.commit_to_append.Observe(took_us);
  counters.SetDelay(took_us);
  const uint64_t published = setup_.ring->head_sequence.load(std::memory_order_relaxed);
  counters.behind.Set(published > appended_ ? published - appended_ : 0);
}

// What is done once a second, and when the catalog has changed.
void RedisPublisher::Tend() {
  std::string commands;
  size_t count = 0;
  const auto add = [&](const auto&... parts) {
    AppendCommand({std::string_view(parts)...}, &commands);
    ++count;
  };
  // First, as OnTended wants them.
  add("HGETALL", keys_.sources);
  catalog_asked_ = stage_ == Stage::kAppending && !catalog_due_;
  if (catalog_asked_) add("HGET", keys_.catalog, "id");
  if (stage_ == Stage::kAppending && catalog_due_) {
    catalog_due_ = false;
    add("HSET", keys_.catalog, "id", CatalogId(), "epoch", epoch_, "covers",
        EpochName(catalog_covers_), "snapshot", catalog_);
  }
  const uint64_t now_ms = MonotonicUs() / 1000;
  if (stage_ == Stage::kAppending && setup_.max_age_ms != 0) {
    if (now_ms - aged_ms_ >= std::max(setup_.max_age_ms / kAgeSteps, kLeastAgeStepMs)) {
      aged_ms_ = now_ms;
      ages_.Note(now_ms, appended_);
    }
    if (const auto old = ages_.TakeOlder(now_ms, setup_.max_age_ms)) {
      add("XTRIM", stream_, "MINID", "~", EntryId(*old + 1));
      setup_.counters->trims.Add();
    }
  }
  if (tend_due_) {
    const std::string now = std::to_string(NowUs() / 1'000'000);
    add("SET", keys_.Node(setup_.node), OwnRow().ToJson(), "EX", NodeRow::kSeconds);
    add("ZADD", keys_.nodes, now, setup_.node);
    add("ZREMRANGEBYSCORE", keys_.nodes, "-inf",
        std::to_string(NowUs() / 1'000'000 - kForgetNodeSeconds));
  }
  tend_due_ = false;
  Ask(commands, count, &RedisPublisher::OnTended);
}

std::string RedisPublisher::CatalogId() const {
  return epoch_ + "-" + std::to_string(since_us_) + "-" + std::to_string(catalog_number_);
}

NodeRow RedisPublisher::OwnRow() const {
  return {.name = setup_.node,
          .version = setup_.version,
          .bus = "redis",
          .role = RoleOf(stage_),
          .epoch = epoch_,
          .sequence = appended_,
          .lag = setup_.counters->behind.get(),
          .delay_us = setup_.counters->delay_us,
          .connections = setup_.counters->connections.get(),
          .subscriptions = setup_.counters->subscriptions.get(),
          .since_us = since_us_,
          .trouble = setup_.counters->trouble()};
}

void RedisPublisher::OnTended(RedisLink::Replies replies) {
  for (const Reply& reply : replies) {
    if (Refused(reply)) return;
  }
  // It may be allowed all but to append.
  if (!append_refused_ && stage_ != Stage::kReplaced) NoteSuccess();
  SourceTable sources;
  if (stage_ == Stage::kLocating || stage_ == Stage::kWaiting ||
      !SourceTable::Read(replies[0], &sources)) {
    return;
  }
  const Source* const newest = sources.newest();
  // All was thrown away, or this source alone.
  if (newest == nullptr || (newest->epoch != epoch_ && newest->claim < claim_)) {
    stage_ = Stage::kClaiming;
    catalog_due_ = !catalog_.empty();
  } else if (newest->epoch != epoch_) {
    TellReplaced(*newest);
  } else if (stage_ == Stage::kReplaced) {
    stage_ = Stage::kLocating;
  } else if (std::exchange(catalog_asked_, false) && replies[1].text != CatalogId()) {
    // It was thrown away alone, as Redis does with keys that are in its way.
    catalog_due_ = !catalog_.empty();
  }
}

// Whoever asks is told of an error. It is none of the events'.
void RedisPublisher::OnNodes(RedisLink::Replies replies) {
  const std::string command = nodes_.OnReply(replies[0], MonotonicUs());
  if (!command.empty()) Ask(command, 1, &RedisPublisher::OnNodes);
}

void RedisPublisher::OnFinished(RedisLink::Replies replies) {
  if (Refused(replies[0])) return;
  const auto done = std::exchange(finish_, nullptr);
  done();
}

}  // namespace fsubs
