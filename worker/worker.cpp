#include "worker/worker.hpp"

#include <algorithm>
#include <csignal>

#include "contract/heartbeat.hpp"
#include "worker/base/log.hpp"
#include "worker/bus/memory/catalog_file.hpp"
#include "worker/bus/redis/redis_setup.hpp"
#include "worker/confinement.hpp"
#include "worker/json/json_writer.hpp"
#include "worker/node_rows.hpp"
#include "worker/sandbox/system_calls.hpp"
#include "worker/tls_setup.hpp"

namespace fsubs {
namespace {

// Descriptors beside the clients': ring, sockets, pipes, libraries' own.
constexpr size_t kSpareFiles = 256;

constexpr uint64_t kSnapshotRetryMs = 1000;

// How often it is looked whether the database is gone. Shorter than what the launcher takes to see
// that there is one again, so that none that it saw missing is missed here.
constexpr uint64_t kDatabaseLookMs = 500;

// How late a log-in may be refused whose time has run out.
constexpr uint64_t kLoginsLookMs = 50;

// The same for calls of resolvers.
constexpr uint64_t kCallsLookMs = 20;

// How often it is looked whether the last words have been written.
constexpr uint64_t kSendingLookMs = 5;

std::vector<IssuerKeys> KeysOf(const Issuers& issuers) {
  std::vector<IssuerKeys> keys;
  for (const Issuer* issuer : issuers.all()) {
    keys.push_back({issuer->name, issuer->keys.size(), issuer->jwks_url});
  }
  for (const auto& [name, problem] : issuers.left_out()) {
    keys.push_back({.name = name, .problem = problem});
  }
  return keys;
}

// What others than this machine reach should not be left at its defaults.
void WarnOfPlainText(const Options& options) {
  if (options.ssl || IsLoopback(options.listen_address)) return;
  Log(LogLevel::kWarning,
      "listening on %s without TLS: whoever is on the way can read tokens and events; turn "
      "fraiseql_subs.ssl on, or listen on 127.0.0.1 behind a proxy that speaks TLS",
      options.listen_address.c_str());
}

void WarnOfAnonymous(const Options& options) {
  if (!options.allow_anonymous || IsLoopback(options.listen_address)) return;
  Log(LogLevel::kWarning,
      "listening on %s with allow_anonymous: whoever reaches the port may subscribe without "
      "credentials; turn fraiseql_subs.allow_anonymous off unless that is meant",
      options.listen_address.c_str());
}

std::string OfDatabase(const std::string& name) {
  return name.empty() ? name : " of database \"" + name + '"';
}

std::string CannotListen(const std::string& socket, const std::string& error) {
  return "could not listen on \"" + socket + "\": " + error;
}

}  // namespace

Worker::Worker(int argc, char** argv, const Options& options, WorkerParts parts)
    : argc_(argc),
      argv_(argv),
      options_(std::make_shared<const Options>(options)),
      database_(options.is_node() ? "" : options.database),
      bus_kind_(options.bus),
      ring_(std::move(parts.ring)),
      server_ring_(std::move(parts.server_ring)),
      feed_(std::move(parts.feed)),
      sockets_(parts.sockets),
      counters_(ring_->wake_fds().size()),
      bus_(std::move(parts.bus)),
      publishing_(parts.dialer, bus_.get(), &tasks_),
      keys_(parts.fetcher, this),
      logins_([this](uint64_t number, const AuthenticateCall& call) {
        return side_door_ &&
               side_door_->SendAuthenticate(number, call.claims, call.init_payload, call.headers);
      }),
      logins_timer_(kLoginsLookMs,
                    [this] {
                      logins_.Expire(MonotonicMs());
                      return !logins_.empty();
                    }),
      resolvers_([this](size_t shard, std::vector<ResolveResult> results) {
        shards_[shard]->OnResolved(std::move(results));
      }),
      calls_timer_(kCallsLookMs, [this] {
        resolvers_.Expire(MonotonicMs());
        return !resolvers_.empty();
      }) {
  audit_.SetEnabled(options.audit_log);
}

int Worker::Run() {
  // A peer that is gone is an error of the write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  SetLogLevel(options_->log_level);
  if (options_->sandbox) {
    const std::string error = ForbidIoRings();
    if (!error.empty()) {
      Log(LogLevel::kError,
          "could not give up io_uring: %s; fraiseql_subs.sandbox = off does without",
          error.c_str());
      return 1;
    }
  }
  uv_loop_init(&loop_);
  loop_.data = this;
  const std::string error = Start();
  if (!error.empty()) {
    Log(LogLevel::kError, "%s", error.c_str());
    return 1;
  }
  uv_run(&loop_, UV_RUN_DEFAULT);
  return 0;
}

std::string Worker::Start() {
  tasks_.Attach(&loop_);
  keys_.Attach(&loop_);
  loader_.Attach(&loop_, options_->is_node() ? Resolving::kImpossible : Resolving::kPossible);
  heartbeat_.emplace(&server().reader_page()->heartbeats.control);
  heartbeat_->Attach(&loop_);
  logins_timer_.Attach(&loop_);
  calls_timer_.Attach(&loop_);
  publishing_.Attach(&loop_);
  uv_timer_init(&loop_, &drain_timer_);
  uv_timer_init(&loop_, &retry_timer_);
  uv_timer_init(&loop_, &database_timer_);
  uv_timer_init(&loop_, &sending_timer_);
  uv_timer_start(
      &database_timer_,
      [](uv_timer_t* timer) {
        auto* const worker = static_cast<Worker*>(timer->loop->data);
        worker->LookForDatabase();
        CountClients(worker->counters_, worker->bus_.get());
        worker->audit_.TellLeftOut();
        worker->denied_.Tell(worker->counters_, MonotonicMs(), &worker->audit_);
      },
      kDatabaseLookMs, kDatabaseLookMs);
  const auto terminate = [](uv_signal_t* handle, int) {
    static_cast<Worker*>(handle->loop->data)->StartDrain();
  };
  uv_signal_init(&loop_, &terminate_);
  uv_signal_start(&terminate_, terminate, SIGTERM);
  uv_signal_init(&loop_, &interrupt_);
  uv_signal_start(&interrupt_, terminate, SIGINT);
  uv_signal_init(&loop_, &hangup_);
  uv_signal_start(
      &hangup_,
      [](uv_signal_t* handle, int) { static_cast<Worker*>(handle->loop->data)->Reload(); }, SIGHUP);
  // The launcher has it blocked until somebody listens.
  sigset_t awaited;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGHUP);
  pthread_sigmask(SIG_UNBLOCK, &awaited, nullptr);

  std::string error = options_->is_node() ? std::string() : OpenSideDoor();
  if (!error.empty()) return error;

  files_ = RaiseFileLimit(options_->max_connections + kSpareFiles);
  WarnOfFiles(*options_);
  if (options_->is_node() && !options_->catalog.empty()) {
    auto snapshot = ReadCatalogFile(options_->catalog, &error);
    if (!snapshot) return error;
    snapshot_.Set(std::move(*snapshot));
  }
  error = Listen();
  if (!error.empty()) return error;
  RequestFirstCatalog();
  if (manager_.watchdog_ms() > 0) {
    uv_timer_init(&loop_, &watchdog_timer_);
    uv_timer_start(
        &watchdog_timer_,
        [](uv_timer_t* timer) { static_cast<Worker*>(timer->loop->data)->FeedWatchdog(); }, 0,
        manager_.watchdog_ms());
  }
  manager_.TellReady();
  return {};
}

// Shards tell of what changes in the catalog from where they began to read; what changed before is
// in the first one that is read. Nodes wait for one that is said to have the last change.
void Worker::RequestFirstCatalog() {
  const RingHeader* const ring = ring_->ring();
  // A change that is not published yet may hide an earlier one.
  const Position changed = std::min(ring->catalog_changed.load(), ring->head.load());
  if (changed == 0) {
    loader_.Request();
  } else {
    loader_.OnChanged(changed - 1);
  }
}

void Worker::OnRead(const std::string& snapshot_json, Position covers) {
  publishing_.SetCatalog(snapshot_json, covers);
}

std::string Worker::OpenSideDoor() {
  std::string error;
  side_door_ = SideDoorServer::Open(&loop_, this, options_->socket_path, &error);
  return side_door_ ? std::string() : CannotListen(options_->socket_path, error);
}

// The control thread shows by this that it has its turns, and looks for the others.
void Worker::FeedWatchdog() {
  if (FindStandstill(Shards(), MonotonicMs()).empty()) manager_.FeedWatchdog();
}

void Worker::WarnOfFiles(const Options& options) const {
  if (files_ >= options.max_connections + kSpareFiles) return;
  Log(LogLevel::kWarning,
      "the limit of open files allows %zu connections, max_connections is %zu; raise the hard "
      "limit (ulimit -Hn) of the server and restart it",
      files_ - std::min(files_, kSpareFiles), options.max_connections);
}

std::string Worker::Listen() {
  std::string error;
  if (options_->ssl) {
    tls_ = MakeTls(*options_, &error);
    if (!tls_) return "could not serve by TLS: " + error;
  }
  const std::string where = options_->listen_address + " port " + std::to_string(options_->port);
  const fsubs::Listen listen{options_->listen_address, options_->port, sockets_.port};
  if (listen.fd < 0) error = CheckListen(listen);
  if (!error.empty()) return "could not listen on " + where + ": " + error;
  if (sockets_.unix_socket >= 0) {
    unix_listener_ =
        UnixListener::Adopt(&loop_, sockets_.unix_socket, [this](int fd) { AdoptInTurn(fd); });
  } else if (!options_->unix_socket.empty()) {
    unix_listener_ = UnixListener::Open(
        &loop_, options_->unix_socket, [this](int fd) { AdoptInTurn(fd); }, &error);
    if (!unix_listener_) return CannotListen(options_->unix_socket, error);
  }
  if (!feed_ && bus_kind_ == Bus::kPostgresql) {
    Log(LogLevel::kWarning,
        "fraiseql_subs.bus = postgresql is for nodes of a database without the extension: this "
        "server's events reach its own clients alone");
  }
  const bool publishes = !feed_ && bus_kind_ == Bus::kRedis;
  RedisAccess bus_access;
  const std::string bus_error = publishes ? ReadRedisAccess(*options_, &bus_access) : "";
  const std::optional<BusNeeds> needs = feed_ ? std::optional(feed_->needs()) : std::nullopt;
  error = ConfineFiles(*options_, needs);
  if (!error.empty()) return error;
  if (publishes) publishing_.Start(ring_->ring(), *options_, bus_access, bus_error);
  for (size_t i = 0; i < ring_->wake_fds().size(); ++i) {
    Shard::Setup setup;
    setup.index = i;
    setup.shards = ring_->wake_fds().size();
    setup.host = this;
    setup.ring = ring_->ring();
    setup.slot = &ring_->reader_page()->shards[i];
    setup.heartbeat = &server().reader_page()->heartbeats.shards[i];
    setup.wake_fd = ring_->wake_fds()[i];
    setup.counters = &counters_[i];
    setup.peers = &peers_;
    setup.audit = &audit_;
    setup.limits = &limits_;
    setup.options = options_;
    setup.listen = listen;
    setup.tls = tls_;
    shards_.push_back(std::make_unique<Shard>(setup));
    error = shards_.back()->Start();
    if (!error.empty()) return "could not listen on " + where + ": " + error;
    links_.AddShard(shards_.back().get());
  }
  if (feed_) {
    feed_->Start(this);
    if (server_ring_) feed_->SetWaitsForReplay(options_->standby_waits_for_replay);
  }
  // Only now: whoever connects to a worker that cannot serve would be told that it has ended.
  if (side_door_) error = side_door_->Listen();
  if (!error.empty()) return CannotListen(options_->socket_path, error);
  error = ConfineCalls(*options_, needs);
  if (!error.empty()) return error;
  WarnOfPlainText(*options_);
  WarnOfAnonymous(*options_);
  Log(LogLevel::kLog, "listening on %s%s with %zu shard%s", where.c_str(), tls_ ? " by TLS" : "",
      shards_.size(), shards_.size() == 1 ? "" : "s");
  if (unix_listener_) {
    Log(LogLevel::kLog, "listening on %s",
        sockets_.unix_socket >= 0 ? "the Unix socket that was passed"
                                  : ('"' + options_->unix_socket + '"').c_str());
  }
  return {};
}

void Worker::AdoptInTurn(int fd) {
  shards_[next_adopting_++ % shards_.size()]->Adopt(fd);
}

void Worker::OnCatalogChanged(Position position) {
  tasks_.Post([this, position] { loader_.OnChanged(position); });
}

std::shared_ptr<const KeySet> Worker::FindKeys(const std::string& url) {
  return keys_.Find(url);
}

void Worker::RefreshKeys(const std::string& url, size_t shard) {
  tasks_.Post([this, url, shard] {
    if (const auto tried = keys_.Refresh(url)) shards_[shard]->RetryAuthentication(url, *tried);
  });
}

void Worker::OnKeysTried(const std::string& url, KeysTried outcome) {
  for (const auto& shard : shards_) shard->RetryAuthentication(url, outcome);
}

void Worker::CallAuthenticate(AuthenticateCall call,
                              std::function<void(AuthenticateAnswer)> reply) {
  tasks_.Post(
      [this, call = std::move(call), asked_ms = MonotonicMs(), reply = std::move(reply)]() mutable {
        QueueLogin(std::move(call), asked_ms, std::move(reply));
      });
}

// It may wait for others as long as for the client's first message: when a server comes back, all
// clients do.
void Worker::QueueLogin(AuthenticateCall call, uint64_t asked_ms,
                        std::function<void(AuthenticateAnswer)> reply) {
  const uint64_t time = std::max(options_->init_timeout, options_->authenticate_timeout);
  logins_.Add(std::move(call), asked_ms + time, std::move(reply));
  if (!logins_.empty()) logins_timer_.Start();
}

void Worker::OnAuthenticated(uint64_t number, std::string_view claims, std::string_view error) {
  logins_.OnAnswer(number, {.claims = std::string(claims), .error = std::string(error)});
}

void Worker::CallResolvers(ResolveOrder order) {
  tasks_.Post([this, order = std::move(order)] {
    resolvers_.Add(order);
    if (!resolvers_.empty()) calls_timer_.Start();
  });
}

uint64_t Worker::OnResolver(bool is_executor, SendToResolver send) {
  ++resolver_links_;
  return resolvers_.AddLink(
      is_executor ? ResolveQueue::LinkKind::kExecutor : ResolveQueue::LinkKind::kOutside,
      std::move(send));
}

void Worker::OnResolverGone(uint64_t resolver) {
  --resolver_links_;
  resolvers_.RemoveLink(resolver);
}

bool Worker::OnResolverMessage(uint64_t resolver, const JsonValue& message) {
  return resolvers_.OnMessage(resolver, message);
}

void Worker::AskForSnapshot(side_door::SnapshotRequest request) {
  // Also where its answer is not looked at: it learns by reading whether there are resolvers.
  if (side_door_) side_door_->RequestSnapshot(request);
  if (feed_) snapshot_.Ask(request);
}

void Worker::OnBusCatalog(std::string snapshot_json) {
  tasks_.Post(
      [this, json = std::move(snapshot_json)]() mutable { snapshot_.Set(std::move(json)); });
}

void Worker::OnBusEnd() {
  tasks_.Post([this] {
    Log(LogLevel::kLog, "no more events come: standard input has ended");
    if (options_->exit_at_end) StartDrain();
  });
}

void Worker::OnLoaded(const std::shared_ptr<const Catalog>& catalog, const std::string& error,
                      Position covers) {
  if (!catalog) {
    Log(LogLevel::kWarning, "the catalog%s cannot be served: %s", OfDatabase(database_).c_str(),
        error.c_str());
    // An old catalog serves clients better than none, but not one that is gone.
    if (error == kExtensionMissing) {
      for (const auto& shard : shards_) shard->SetCatalog(nullptr, covers);
      keys_.SetIssuers({});
      catalog_ = CatalogState::kNoExtension;
    } else {
      for (const auto& shard : shards_) shard->KeepCatalog(covers);
      NoteUnusable();
    }
    return;
  }
  for (const std::string& problem : catalog->left_out()) {
    Log(LogLevel::kWarning, "cannot be served: %s", problem.c_str());
  }
  for (const auto& shard : shards_) shard->SetCatalog(catalog, covers);
  // Behind the catalog, so that who waits for keys of a URL that is gone looks into the new one.
  keys_.SetIssuers(KeysOf(catalog->issuers()));
  // Whoever reads this may connect at once.
  Log(catalog_ == CatalogState::kServed ? LogLevel::kDebug : LogLevel::kLog,
      "serving %zu subscription field%s%s", catalog->fields().size(),
      catalog->fields().size() == 1 ? "" : "s", OfDatabase(database_).c_str());
  manager_.TellStatus("serving " + std::to_string(catalog->fields().size()) +
                      " subscription fields");
  catalog_ = CatalogState::kServed;
  ++catalog_loads_;
}

// No executor tells that the database is gone, since none can connect to it. A catalog that was
// being built meanwhile is found by a later look.
void Worker::LookForDatabase() {
  const bool is_gone = (server().ring()->server_state.load() & kServerNoDatabase) != 0;
  if (is_gone && catalog_ == CatalogState::kServed) {
    Log(LogLevel::kLog, "database \"%s\" is gone: nothing of it is served any more",
        options_->database.c_str());
    for (const auto& shard : shards_) shard->SetCatalog(nullptr, loader_.wanted());
    keys_.SetIssuers({});
    catalog_ = CatalogState::kUnread;
  }
  // The executor of another database may have sent its catalog before the launcher said that there
  // is one. It sends it again only if it is asked.
  if (!is_gone && catalog_ == CatalogState::kUnread && !loader_.is_awaited()) loader_.Request();
}

void Worker::NoteUnusable() {
  if (catalog_ != CatalogState::kServed) catalog_ = CatalogState::kUnusable;
}

void Worker::OnSnapshotError(std::string_view message) {
  if (feed_) return;
  NoteUnusable();
  Log(LogLevel::kWarning, "an executor could not read the catalog: %.*s",
      static_cast<int>(message.size()), message.data());
  uv_timer_start(
      &retry_timer_,
      [](uv_timer_t* timer) { static_cast<Worker*>(timer->loop->data)->loader_.Request(); },
      kSnapshotRetryMs, 0);
}

// The first shards serve while others are still being made, so shards_ is not for them to read.
ShardsSeen Worker::Shards() const {
  return {{ring_->reader_page()->shards, counters_.size()}, &server().reader_page()->heartbeats};
}

// What may be said of the bus while clients are served none the less; empty: nothing.
std::string Worker::BusRemark() const {
  if (!feed_) return bus_->trouble();
  const uint64_t held = bus_->held.get();
  if (held == 0) return {};
  return "events that wait until this server has replayed their commits: " + std::to_string(held);
}

std::string Worker::Trouble() const {
  const WorkerState state{.draining = draining_,
                          .catalog = catalog_,
                          .server_state = server().ring()->server_state.load(),
                          .database = database_,
                          .reads_bus = feed_ != nullptr,
                          .bus_trouble = feed_ ? feed_->state().trouble : std::string()};
  return FindTrouble(state, Shards(), MonotonicMs());
}

WorkerGauges Worker::Gauges() const {
  return {Trouble().empty(), catalog_loads_,  keys_.fetches(),
          keys_.failures(),  resolver_links_, bus_kind_ == Bus::kMemory ? nullptr : bus_.get()};
}

HttpReply Worker::OnGet(std::string_view path) {
  HttpReply reply;
  if (path == "/livez") {
    reply.body = "ok\n";
  } else if (path == "/readyz" || path == "/healthz") {
    const std::string trouble = Trouble();
    if (!trouble.empty()) reply.status = kHttpServiceUnavailable;
    reply.body = (trouble.empty() ? "ok" : trouble) + "\n";
    const std::string remark = BusRemark();
    if (!remark.empty()) reply.body += "bus: " + remark + "\n";
  } else if (path == "/metrics") {
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = PrometheusText(counters_, Gauges(), server().reader_page()->heartbeats);
  } else {
    reply.status = kHttpNotFound;
    reply.body =
        "not found; there are /graphql, /readyz, /livez and /metrics, and WebSocket on any path\n";
  }
  return reply;
}

bool Worker::OnRequest(std::string_view op, const std::optional<JsonValue>& arguments,
                       Reply reply) {
  if (op == side_door::op::kMetrics) {
    reply({.rows = MetricsRows(counters_, Gauges())});
  } else if (op == side_door::op::kConnections) {
    shard_requests_.Connections(std::move(reply));
  } else if (op == side_door::op::kSubscriptions) {
    shard_requests_.Subscriptions(std::move(reply));
  } else if (op == side_door::op::kDisconnect) {
    return shard_requests_.Disconnect(arguments, std::move(reply));
  } else if (op == side_door::op::kIssuers) {
    reply({.rows = keys_.Rows()});
  } else if (op == side_door::op::kResolvers) {
    reply({.rows = resolvers_.Rows()});
  } else if (op == side_door::op::kNodes) {
    TellNodes(std::move(reply));
  } else if (op == side_door::op::kResolverSend) {
    const bool is_taken = arguments && resolvers_.OnSend(*arguments);
    reply({.rows = "[]", .error = is_taken ? "" : "the link has ended"});
  } else if (op == side_door::op::kExplain) {
    shard_requests_.ExplainDelivery(arguments, std::move(reply));
  } else {
    return false;
  }
  return true;
}

void Worker::TellNodes(Reply reply) {
  if (publishing_.is_on()) {
    publishing_.AskNodes(
        [reply = std::move(reply)](const NodeRow& own, const NodeList::Answer& answer) {
          reply({.rows = NodeRows(own, answer.nodes, answer.error)});
        });
    return;
  }
  const bool has_others = bus_kind_ == Bus::kRedis;
  std::string unknown = has_others ? bus_->trouble() : std::string();
  if (has_others && unknown.empty()) unknown = "the server that publishes is another one: ask it";
  const bool is_standby = (server().ring()->server_state.load() & kServerInRecovery) != 0;
  const char* const role = is_standby   ? "standby"
                           : feed_      ? "subscriber"
                           : has_others ? "publisher"
                                        : "single";
  CountClients(counters_, bus_.get());
  reply({.rows = NodeRows(OwnNodeRow(*options_, role, *bus_, started_us_), {}, unknown)});
}

std::unique_ptr<DoorUser> Worker::OnDoor(std::string_view op, Door* door, Answer* answer) {
  answer->rows = "[]";
  if (op == side_door::op::kSessionSender) return links_.OpenSender(door);
  if (op != side_door::op::kSessionLink) return nullptr;
  // Sessions that are restored would be refused.
  if (draining_ || catalog_ != CatalogState::kServed || shards_.empty()) {
    answer->error = draining_ ? "it is shutting down" : "it has no catalog yet";
    return nullptr;
  }
  std::string name;
  auto user = links_.Open(door, &name);
  answer->rows.clear();
  JsonWriter json(&answer->rows);
  json.BeginArray();
  json.String(name);
  json.EndArray();
  return user;
}

void Worker::OnLinkReport(LinkId link, LinkReport report) {
  tasks_.Post([this, link, report = std::move(report)] { links_.OnReport(link, report); });
}

void Worker::Reload() {
  manager_.TellReloading();
  ReloadSettings();
  manager_.TellReady();
}

void Worker::ReloadCatalogFile(const Options& options) {
  std::string error;
  auto snapshot = ReadCatalogFile(options.catalog, &error);
  if (!snapshot) {
    Log(LogLevel::kError, "the catalog stays as it was: %s", error.c_str());
    return;
  }
  feed_->ReplaceCatalog(std::move(*snapshot));
}

void Worker::ReloadSettings() {
  Options reread;
  const std::string error = ReloadOptions(argc_, argv_, &reread);
  if (!error.empty()) {
    Log(LogLevel::kError, "settings stay as they were: %s", error.c_str());
    return;
  }
  if (options_->is_node() && !reread.authenticate.empty()) {
    Log(LogLevel::kError,
        "settings stay as they were: authenticate names a function of a database");
    return;
  }
  if (options_->is_node() && !reread.catalog.empty()) ReloadCatalogFile(reread);
  if (server_ring_) feed_->SetWaitsForReplay(reread.standby_waits_for_replay);
  if (reread.max_connections != options_->max_connections) WarnOfFiles(reread);
  if (reread.ssl) {
    std::string tls_error;
    if (auto tls = MakeTls(reread, &tls_error)) {
      tls_ = std::move(tls);
    } else {
      Log(LogLevel::kError, "TLS stays as it was: %s; mend that and reload again",
          tls_error.c_str());
    }
  }
  if (!options_->allow_anonymous) WarnOfAnonymous(reread);
  options_ = std::make_shared<const Options>(reread);
  SetLogLevel(options_->log_level);
  audit_.SetEnabled(options_->audit_log);
  for (const auto& shard : shards_) shard->SetOptions(options_, tls_);
  Log(LogLevel::kDebug, "settings were read again");
}

void Worker::StartDrain() {
  if (draining_.exchange(true)) return;
  Log(LogLevel::kLog, "draining: closing all connections");
  manager_.TellStopping();
  if (feed_) feed_->Stop();
  uv_timer_start(
      &drain_timer_,
      [](uv_timer_t* timer) {
        Log(LogLevel::kWarning, "some clients did not leave within drain_timeout");
        uv_stop(timer->loop);
      },
      options_->drain_timeout, 0);
  for (const auto& shard : shards_) shard->Drain();
  if (publishing_.is_on()) publishing_.Finish([this] { OnDrained(); });
}

void Worker::OnDrained() {
  tasks_.Post([this] {
    if (++drained_ < shards_.size() + (publishing_.is_on() ? 1 : 0)) return;
    Log(LogLevel::kLog, "drained");
    // Hosts are still to read how their sessions ended.
    uv_timer_start(
        &sending_timer_,
        [](uv_timer_t* timer) {
          const auto& side_door = static_cast<Worker*>(timer->loop->data)->side_door_;
          if (!side_door || side_door->is_idle()) uv_stop(timer->loop);
        },
        0, kSendingLookMs);
  });
}

}  // namespace fsubs
