#include "worker/bus/postgresql/postgresql_reader.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/bus/postgresql/pg_trouble.hpp"

namespace fsubs {
namespace {

constexpr char kPurpose[] = "reads events";

constexpr uint64_t kStatementMs = 30000;
// Reads that notifications ask for are no closer than that: one read takes what many tell of.
constexpr uint64_t kLeastGapMs = 2;
// How soon to look whether shards have read enough.
constexpr uint64_t kRoomLookMs = 2;
constexpr uint64_t kChoresMs = 10000;
// The columns of watched tables change without being told of.
constexpr unsigned kChoresPerCatalog = 3;
constexpr uint64_t kTellMalformedMs = 60000;

constexpr uint64_t kMostEvents = 2000;
constexpr uint64_t kLeastBytes = 64 << 10;
constexpr uint64_t kMostBytes = 4 << 20;

constexpr char kInvalidParameter[] = "22023";

// Of what a node calls, and the catalogs alone say it without an error.
constexpr char kCheck[] = R"sql(
SELECT pg_catalog.pg_is_in_recovery(),
  EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'fraiseql_subs'),
  f.found = 5,
  f.granted AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
FROM (SELECT) AS one
LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'fraiseql_subs'
CROSS JOIN LATERAL (
  SELECT pg_catalog.count(*) AS found,
    pg_catalog.bool_and(pg_catalog.has_function_privilege(p.oid, 'EXECUTE')) AS granted
  FROM pg_catalog.pg_proc AS p
  WHERE p.pronamespace = n.oid AND p.proname IN
    ('bus_cursor', 'bus_read', 'bus_probe', 'bus_maintain', 'catalog_snapshot')
) AS f)sql";
constexpr std::array<unsigned, 4> kCheckColumns{kPgBool, kPgBool, kPgBool, kPgBool};

constexpr char kBegin[] = "SELECT fraiseql_subs.bus_cursor()";
constexpr std::array<unsigned, 1> kBeginColumns{kPgText};

// Without the catalog if it is the one whose hash was given.
constexpr char kReadCatalog[] = R"sql(
SELECT CASE WHEN h.hash <> $1::pg_catalog.text THEN s.json END, h.hash
FROM (SELECT fraiseql_subs.catalog_snapshot()::pg_catalog.text AS json OFFSET 0) AS s,
  LATERAL (SELECT pg_catalog.encode(
    pg_catalog.sha256(pg_catalog.convert_to(s.json, 'UTF8')), 'hex') AS hash) AS h)sql";
constexpr std::array<unsigned, 2> kCatalogColumns{kPgText, kPgText};

constexpr char kRead[] = R"sql(
SELECT kind, flags, seq, event_type, channel, correlation_id, subgraph, data, published_at, xid
FROM fraiseql_subs.bus_read($1, $2::pg_catalog.int4, $3::pg_catalog.int8))sql";
constexpr std::array<unsigned, kBusColumns> kReadColumns{kPgInt2,        kPgInt2, kPgInt8, kPgText,
                                                         kPgText,        kPgText, kPgText, kPgText,
                                                         kPgTimestampTz, kPgXid8};

constexpr char kMaintain[] = "SELECT fraiseql_subs.bus_maintain()";
constexpr char kProbe[] = "SELECT fraiseql_subs.bus_probe($1)";

bool IsTrue(const PgResult& result, size_t column) {
  return result.Value(0, column) == std::string_view("\1", 1);
}

BusRow RowOf(const PgResult& result, size_t row) {
  BusRow values;
  for (size_t column = 0; column < kBusColumns; ++column) {
    values[column] = result.Value(row, column);
  }
  return values;
}

}  // namespace

PostgresqlReader::PostgresqlReader(std::string url, std::string listen_url, BusCounters* counters)
    : url_(std::move(url)), listen_url_(std::move(listen_url)), counters_(counters) {}

std::string PostgresqlReader::Open() {
  const std::string problem = PgDsn::Parse(url_, &dsn_);
  if (!problem.empty()) return "bus_url cannot be used: " + problem;
  listen_dsn_ = dsn_;
  if (listen_url_.empty()) return {};
  const std::string listen_problem = PgDsn::Parse(listen_url_, &listen_dsn_);
  return listen_problem.empty() ? "" : "bus_listen_url cannot be used: " + listen_problem;
}

BusNeeds PostgresqlReader::needs() const {
  // How names are looked up, and by which certificates servers are known.
  BusNeeds needs{.connects = true,
                 .readable = {"/etc", "/run/systemd/resolve", "/run/resolvconf",
                              "/run/NetworkManager", "/usr/lib/ssl"}};
  for (const PgDsn* const dsn : {&dsn_, &listen_dsn_}) {
    for (std::string& file : dsn->Files()) needs.readable.push_back(std::move(file));
    for (const PgServer& server : dsn->servers()) {
      needs.connects_locally = needs.connects_locally || server.is_unix_socket();
    }
  }
  return needs;
}

void PostgresqlReader::Attach(uv_loop_t* loop, BusReader::Sink* sink) {
  loop_ = loop;
  sink_ = sink;
  uv_timer_init(loop, &next_timer_);
  next_timer_.data = this;
  uv_timer_init(loop, &chores_timer_);
  chores_timer_.data = this;
  uv_timer_start(
      &chores_timer_,
      [](uv_timer_t* timer) { static_cast<PostgresqlReader*>(timer->data)->TakeChores(); },
      kChoresMs, kChoresMs);
  connection_ =
      std::make_unique<PgConnection>(dsn_, kPurpose, static_cast<PgConnection::Sink*>(this));
  notifications_ =
      std::make_unique<Notifications>(listen_dsn_, static_cast<Notifications::Host*>(this));
  connection_->Start(loop);
  notifications_->Start(loop);
}

void PostgresqlReader::Stop() {
  is_stopped_ = true;
  uv_timer_stop(&next_timer_);
  uv_timer_stop(&chores_timer_);
  connection_->Stop();
  notifications_->Stop();
}

void PostgresqlReader::OnReady() {
  counters_->connects.Add();
  is_checked_ = false;
  Next();
}

void PostgresqlReader::OnDown(const std::string& why) {
  counters_->errors.Add();
  TellState(why);
}

void PostgresqlReader::OnNotified() {
  is_told_ = true;
  Next();
}

void PostgresqlReader::OnProbeDue() {
  probe_is_due_ = true;
  Next();
}

void PostgresqlReader::TakeChores() {
  maintenance_is_due_ = true;
  probe_is_due_ = true;
  if (++chores_ % kChoresPerCatalog == 0) catalog_is_due_ = true;
  Next();
}

void PostgresqlReader::Next() {
  if (is_stopped_) return;
  const bool all_handed_on = HandOn();
  if (!connection_->is_ready() || connection_->is_asking()) return;
  if (!is_checked_) return Check();
  if (cursor_.empty()) return Begin();
  if (catalog_is_due_) return ReadCatalog();
  if (!all_handed_on) return NextIn(kRoomLookMs);
  if (std::exchange(maintenance_is_due_, false)) return Maintain();
  if (std::exchange(probe_is_due_, false)) {
    const std::string token = notifications_->NextProbe();
    if (!token.empty()) return Probe(token);
  }
  const uint64_t pause_ms = answer_.more ? 0
                            : is_told_   ? kLeastGapMs
                                         : pace_.PauseMs(notifications_->do_come());
  const uint64_t since_ms = uv_now(loop_) - read_ms_;
  if (since_ms >= pause_ms) return Read();
  NextIn(pause_ms - since_ms);
}

// Returns whether nothing is left of the answer. Otherwise the ring has no room, or the catalog is
// to be read first.
bool PostgresqlReader::HandOn() {
  const std::vector<BusEvent>& events = answer_.events;
  const auto is_change = [](const BusEvent& event) {
    return event.record.kind == RecordKind::kCatalogChanged;
  };
  while (next_ < events.size()) {
    if (is_change(events[next_])) {
      if (!answer_has_catalog_) {
        catalog_is_due_ = true;
        return false;
      }
      ++next_;
      continue;
    }
    uint64_t room = sink_->Room();
    const uint64_t largest = sink_->LargestRecord();
    size_t end = next_;
    while (end < events.size() && !is_change(events[end])) {
      // What does not fit at all takes no more than its loss.
      const uint64_t bytes = std::min<uint64_t>(EncodedSize(events[end].record), largest);
      if (bytes > room) break;
      room -= bytes;
      ++end;
    }
    if (end == next_) return false;
    sink_->OnEvents(std::span(events).subspan(next_, end - next_));
    next_ = end;
  }
  answer_.events.clear();
  result_ = {};
  next_ = 0;
  return true;
}

void PostgresqlReader::Check() {
  connection_->Ask(kCheck, {}, kStatementMs, [this](PgResult result) { OnChecked(result); });
}

void PostgresqlReader::OnChecked(const PgResult& result) {
  if (Failed(result)) return;
  if (!result.HasColumns(kCheckColumns) || result.rows() != 1) {
    return connection_->Fail("the server does not answer what it was asked");
  }
  if (IsTrue(result, 0)) {
    return connection_->Fail("the server is a replica, and events are read on the primary");
  }
  if (IsTrue(result, 1)) {
    return connection_->Fail(
        "database \"" + dsn_.database() +
        "\" has the extension, whose own worker serves its events; other nodes "
        "get them by Redis");
  }
  if (!IsTrue(result, 2)) return connection_->Fail(AdviceToInstall(dsn_.database()));
  if (!IsTrue(result, 3)) {
    return connection_->Fail("\"" + dsn_.user() +
                             "\" may not read events: " + AdviceToGrant(dsn_.user()));
  }
  is_checked_ = true;
  Next();
}

void PostgresqlReader::Begin() {
  connection_->Ask(kBegin, {}, kStatementMs, [this](PgResult result) {
    if (Failed(result)) return;
    if (!result.HasColumns(kBeginColumns) || result.rows() != 1 ||
        !EpochOf(result.Value(0, 0).value_or(""))) {
      return connection_->Fail("the SQL file of database \"" + dsn_.database() +
                               "\" is of a version that this program does not know");
    }
    cursor_ = *result.Value(0, 0);
    Next();
  });
}

void PostgresqlReader::ReadCatalog() {
  const std::string parameters[] = {catalog_hash_};
  connection_->Ask(kReadCatalog, parameters, kStatementMs,
                   [this](PgResult result) { OnCatalogRead(result); });
}

void PostgresqlReader::OnCatalogRead(const PgResult& result) {
  if (Failed(result)) return;
  if (!result.HasColumns(kCatalogColumns) || result.rows() != 1 || !result.Value(0, 1)) {
    return connection_->Fail("the catalog cannot be read: it comes in another form");
  }
  if (const auto json = result.Value(0, 0)) {
    if (!simdjson::validate_utf8(json->data(), json->size())) {
      return connection_->Fail("the catalog cannot be read: it is not UTF-8");
    }
    catalog_hash_ = *result.Value(0, 1);
    sink_->OnCatalog(std::string(*json));
  }
  catalog_is_due_ = false;
  answer_has_catalog_ = true;
  Next();
}

void PostgresqlReader::Read() {
  const uint64_t bytes = std::clamp(sink_->Room() / 2, kLeastBytes, kMostBytes);
  const std::string parameters[] = {cursor_, std::to_string(kMostEvents), std::to_string(bytes)};
  const bool was_told = std::exchange(is_told_, false);
  read_ms_ = uv_now(loop_);
  connection_->Ask(kRead, parameters, kStatementMs, [this, was_told](PgResult result) {
    if (!result.ok() && result.sql_state() == kInvalidParameter) return LosePlace();
    if (Failed(result)) return;
    OnRead(std::move(result));
    pace_.OnRead(!answer_.events.empty(), was_told);
    if (connection_->is_ready()) Next();
  });
}

void PostgresqlReader::OnRead(PgResult result) {
  if (!result.HasColumns(kReadColumns)) {
    return connection_->Fail("events cannot be read: they come in another form");
  }
  BusAnswer answer;
  const std::string problem = ReadBusAnswer(
      result.rows(), [&result](size_t row) { return RowOf(result, row); }, &answer);
  if (!problem.empty())
    return connection_->Fail("what bus_read() returns makes no sense: " + problem);
  connection_->NoteSuccess();
  if (answer.malformed > 0) TellMalformed(answer.malformed);
  Count(answer);
  cursor_ = answer.cursor;
  result_ = std::move(result);
  answer_ = std::move(answer);
  next_ = 0;
  answer_has_catalog_ = false;
  TellState({});
}

void PostgresqlReader::Count(const BusAnswer& answer) {
  counters_->malformed.Add(answer.malformed);
  counters_->lost.Add(answer.lost);
  int64_t published_us = 0;
  for (const BusEvent& event : answer.events) {
    if (event.record.kind != RecordKind::kEvent) continue;
    counters_->read.Add();
    counters_->read_bytes.Add(EncodedSize(event.record));
    published_us = event.record.commit_time_us;
  }
  if (published_us == 0) return;
  const int64_t took_us = NowUs() - published_us;
  counters_->append_to_read.Observe(took_us);
  counters_->SetDelay(took_us);
}

// The SQL file does not take its own cursor any more, and nobody knows what came behind it.
void PostgresqlReader::LosePlace() {
  cursor_.clear();
  counters_->lost.Add();
  BusAnswer lost;
  lost.events.emplace_back().record.kind = RecordKind::kEventsLost;
  lost.events.emplace_back().record.kind = RecordKind::kCatalogChanged;
  answer_ = std::move(lost);
  next_ = 0;
  answer_has_catalog_ = false;
  Next();
}

// Its failure keeps no events back.
void PostgresqlReader::Maintain() {
  connection_->Ask(kMaintain, {}, kStatementMs, [this](PgResult result) {
    std::string error;
    if (!result.ok()) {
      error = ExplainPgError({result.sql_state(), result.message()}, dsn_.user(), dsn_.database());
    }
    if (!error.empty() && error != maintenance_error_) {
      Log(LogLevel::kWarning, "bus: old events cannot be removed: %s", error.c_str());
    }
    maintenance_error_ = error;
    Next();
  });
}

void PostgresqlReader::Probe(const std::string& token) {
  const std::string parameters[] = {token};
  connection_->Ask(kProbe, parameters, kStatementMs, [this](const PgResult&) { Next(); });
}

void PostgresqlReader::NextIn(uint64_t delay_ms) {
  uv_timer_start(
      &next_timer_, [](uv_timer_t* timer) { static_cast<PostgresqlReader*>(timer->data)->Next(); },
      delay_ms, 0);
}

bool PostgresqlReader::Failed(const PgResult& result) {
  if (result.ok()) return false;
  connection_->Fail(
      ExplainPgError({result.sql_state(), result.message()}, dsn_.user(), dsn_.database()));
  return true;
}

void PostgresqlReader::TellState(const std::string& trouble) {
  counters_->behind.Set(answer_.events.size() - next_);
  counters_->connected.Set(trouble.empty() ? 1 : 0);
  counters_->SetTrouble(trouble);
  sink_->OnState({.is_connected = trouble.empty(),
                  .trouble = trouble,
                  .behind = answer_.events.size() - next_});
}

void PostgresqlReader::TellMalformed(uint64_t rows) {
  malformed_ += rows;
  const uint64_t now_ms = uv_now(loop_);
  if (malformed_told_ms_ != 0 && now_ms - malformed_told_ms_ < kTellMalformedMs) return;
  malformed_told_ms_ = now_ms;
  Log(LogLevel::kWarning, "bus: %llu events that made no sense are lost",
      static_cast<unsigned long long>(std::exchange(malformed_, 0)));
}

}  // namespace fsubs
