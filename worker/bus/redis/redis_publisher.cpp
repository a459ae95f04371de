#include "worker/bus/redis/redis_publisher.hpp"

#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/bus/node_row.hpp"
#include "worker/bus/redis/command.hpp"
#include "worker/bus/redis/pipeline.hpp"
#include "worker/bus/redis/source_table.hpp"
#include "worker/bus/redis/stream_entry.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kReplyTimeoutMs = 5000;
constexpr uint64_t kTickMs = 1000;
// When the name of a node that is not heard of is dropped.
constexpr int64_t kForgetNodeSeconds = 3600;

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
      claim_({.ring = setup_.ring,
              .keys = &keys_,
              .node = setup_.node,
              .max_age_ms = setup_.max_age_ms}),
      batch_({.ring = setup_.ring,
              .keys = &keys_,
              .counters = setup_.counters,
              .max_length = setup_.max_length}),
      nodes_(&keys_),
      ages_(setup_.max_age_ms),
      since_us_(NowUs()),
      catalog_(&keys_, epoch_, since_us_),
      report_({.keys = &keys_,
               .counters = setup_.counters,
               .node = setup_.node,
               .version = setup_.version,
               .since_us = since_us_}) {}

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
    catalog_.Set(std::move(json), covers);
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
  catalog_.Renew();
  Next();
}

void RedisPublisher::OnDown(const std::string& why) {
  batch_.NoteDown(why);
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
      if (catalog_.is_due() || tend_due_) {
        Tend();
      } else if (batch_.Fill(NowUs())) {
        Ask(batch_.commands(), batch_.replies(), &RedisPublisher::OnAppended);
      } else if (finish_ && (setup_.ring->server_state.load() & kServerDone) == 0) {
        // There may be more, which the next worker publishes.
        std::exchange(finish_, nullptr)();
      } else if (finish_) {
        Ask(claim_.CloseCommand(appended_), 1, &RedisPublisher::OnFinished);
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
  switch (claim_.Begin(sources)) {
    case SourceClaim::Standing::kNone: {
      const Pipeline transaction = claim_.Claim(sources);
      Ask(transaction.commands(), transaction.replies(), &RedisPublisher::OnClaimed);
      return;
    }
    case SourceClaim::Standing::kNewest:
      stage_ = Stage::kLocating;
      break;
    case SourceClaim::Standing::kReplaced:
      TellReplaced(*sources.newest());
      break;
  }
  Ask(Command("UNWATCH"), 1, &RedisPublisher::OnTended);
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
  const Reply* const last = info.is_array() ? info.Field("last-generated-id") : nullptr;
  if (last != nullptr && !ParseEntryId(last->text, &appended)) {
    connection_.Fail("the last id of its stream is none of an event");
    return;
  }
  if (appended > setup_.ring->head_sequence.load(std::memory_order_acquire)) {
    connection_.Fail("its stream has events that this server has not published");
    return;
  }
  if (appended < appended_) {
    Log(LogLevel::kWarning,
        "Redis has lost events that it had accepted: %llu of them are appended again, as far as "
        "the ring has them",
        static_cast<unsigned long long>(appended_ - appended));
  }
  appended_ = appended;
  batch_.Locate(appended);
  stage_ = Stage::kAppending;
}

void RedisPublisher::OnAppended(RedisLink::Replies replies) {
  std::string why;
  const AppendBatch::Outcome outcome = batch_.Judge(replies, &why);
  append_refused_ = outcome == AppendBatch::Outcome::kRefused;
  if (append_refused_) {
    connection_.Fail(why);
    return;
  }
  if (outcome == AppendBatch::Outcome::kThereAlready) {
    // By this publisher, or by somebody else: the stream's end tells.
    stage_ = Stage::kLocating;
    return;
  }
  NoteSuccess();
  appended_ = batch_.last();
  BusCounters& counters = *setup_.counters;
  counters.appended.Add(batch_.records());
  counters.appended_bytes.Add(batch_.bytes());
  const int64_t took_us = NowUs() - batch_.commit_time_us();
  counters.commit_to_append.Observe(took_us);
  counters.SetDelay(took_us);
  const uint64_t published = setup_.ring->head_sequence.load(std::memory_order_relaxed);
  counters.behind.Set(published > appended_ ? published - appended_ : 0);
}

// What is done once a second, and when the catalog has changed.
void RedisPublisher::Tend() {
  Pipeline pipeline;
  // First, as OnTended wants them.
  pipeline.Add("HGETALL", keys_.sources);
  if (stage_ == Stage::kAppending) catalog_.AddTo(&pipeline);
  if (stage_ == Stage::kAppending && setup_.max_age_ms != 0) {
    const uint64_t now_ms = MonotonicUs() / 1000;
    ages_.Note(now_ms, appended_);
    if (const auto old = ages_.TakeOld(now_ms)) {
      pipeline.Add("XTRIM", stream_, "MINID", "~", EntryId(*old + 1));
      setup_.counters->trims.Add();
    }
  }
  if (tend_due_) {
    report_.AddTo(OwnRow(), &pipeline);
    pipeline.Add("ZREMRANGEBYSCORE", keys_.nodes, "-inf",
                 std::to_string(NowUs() / 1'000'000 - kForgetNodeSeconds));
  }
  tend_due_ = false;
  Ask(pipeline.commands(), pipeline.replies(), &RedisPublisher::OnTended);
}

NodeRow RedisPublisher::OwnRow() const {
  return report_.Row(RoleOf(stage_), epoch_, appended_);
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
  switch (claim_.Check(sources)) {
    case SourceClaim::Standing::kNone:
      stage_ = Stage::kClaiming;
      catalog_.Renew();
      break;
    case SourceClaim::Standing::kReplaced:
      TellReplaced(*sources.newest());
      break;
    case SourceClaim::Standing::kNewest:
      if (stage_ == Stage::kReplaced) {
        stage_ = Stage::kLocating;
      } else if (stage_ == Stage::kAppending) {
        catalog_.OnStored(replies[1]);
      }
      break;
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
