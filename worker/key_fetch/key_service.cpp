#include "worker/key_fetch/key_service.hpp"

#include <map>
#include <utility>

#include "contract/heartbeat.hpp"
#include "worker/base/clock.hpp"
#include "worker/base/log.hpp"
#include "worker/json/json_writer.hpp"

namespace fsubs {

KeyService::KeyService(FetcherProcess fetcher, Host* host)
    : host_(host), store_(this, KeySet::Parse), channel_(fetcher, this) {}

void KeyService::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
  channel_.Attach(loop);
}

void KeyService::SetIssuers(std::vector<IssuerKeys> issuers) {
  issuers_ = std::move(issuers);
  std::map<std::string, std::string> users;
  for (const IssuerKeys& issuer : issuers_) {
    if (issuer.url.empty()) continue;
    std::string& names = users[issuer.url];
    names += (names.empty() ? "\"" : ", \"") + issuer.name + "\"";
  }
  store_.SetUrls(users, MonotonicMs());
  TurnSoon();
}

std::optional<KeysTried> KeyService::Refresh(const std::string& url) {
  const auto tried = store_.Refresh(url, MonotonicMs());
  TurnSoon();
  return tried;
}

void KeyService::StartFetch(uint32_t id, const std::string& url) {
  std::string error = channel_.Send(id, url, MonotonicMs());
  if (!error.empty()) unsent_.push_back({id, {.error = std::move(error)}});
}

void KeyService::OnFetched(uint32_t id, FetchResult result) {
  store_.OnFetched(id, std::move(result), MonotonicMs());
  TurnSoon();
}

void KeyService::OnFetcherLost(const std::string& why) {
  Log(LogLevel::kError, "%s", why.c_str());
  store_.AbandonFetches(why, MonotonicMs());
  TurnSoon();
}

void KeyService::OnTrouble(const std::string& users, const std::string& error) {
  Log(LogLevel::kWarning,
      "the keys of issuer %s could not be fetched: %s; what was fetched before, if anything, stays "
      "in use, and it is tried again. Look whether this server reaches the jwks_url",
      users.c_str(), error.c_str());
}

void KeyService::OnTroubleOver(const std::string& users) {
  Log(LogLevel::kLog, "the keys of issuer %s could be fetched again", users.c_str());
}

void KeyService::TurnSoon() {
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<KeyService*>(timer->data)->Turn(); }, 0, 0);
}

void KeyService::Turn() {
  const auto next = store_.Turn(MonotonicMs());
  if (!unsent_.empty()) {
    for (auto& [id, result] : std::exchange(unsent_, {})) OnFetched(id, std::move(result));
    return;
  }
  if (!next) return;
  const uint64_t now_ms = MonotonicMs();
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<KeyService*>(timer->data)->Turn(); },
      *next > now_ms ? *next - now_ms : 0, 0);
}

std::string KeyService::Rows() const {
  std::string rows;
  JsonWriter json(&rows);
  const int64_t now_us = NowUs();
  const uint64_t now_ms = MonotonicMs();
  const auto write_time = [&](const char* name, uint64_t at_ms) {
    json.Key(name);
    if (at_ms == 0) {
      json.Null();
    } else {
      json.Number(now_us + (static_cast<int64_t>(at_ms) - static_cast<int64_t>(now_ms)) * 1000);
    }
  };
  json.BeginArray();
  for (const IssuerKeys& issuer : issuers_) {
    static const KeyStore::State kNotFetched;
    const KeyStore::State* const found = store_.Look(issuer.url);
    const KeyStore::State& state = found != nullptr ? *found : kNotFetched;
    json.BeginObject();
    json.Key("name");
    json.String(issuer.name);
    json.Key("keys");
    json.Number(issuer.registered_keys + (state.keys ? state.keys->size() : 0));
    write_time("fetched_at", state.fetched_ms);
    write_time("next_fetch_at", state.due_ms);
    json.Key("error");
    const std::string& error = issuer.problem.empty() ? state.error : issuer.problem;
    if (error.empty()) {
      json.Null();
    } else {
      json.String(error);
    }
    json.EndObject();
  }
  json.EndArray();
  return rows;
}

}  // namespace fsubs
