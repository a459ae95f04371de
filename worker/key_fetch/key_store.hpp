// The keys that issuers publish at a URL: what is known of them, and when to fetch them again.
//
// Knows neither clock nor network: each function is told the time, in milliseconds that only grow,
// and fetching is the host's. One thread only, but for Find.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "worker/identity/key_set.hpp"
#include "worker/identity/keys_tried.hpp"

namespace fsubs {

// What came of a fetch.
struct FetchResult {
  std::string error;  // why there is no document; empty: there is
  std::string document;
  std::string cache_control;  // of its header
};

class KeyStoreHost {
 public:
  virtual ~KeyStoreHost() = default;
  // Hands the result to OnFetched, with the same `id`, later. At most kMaxFetches are under way.
  virtual void StartFetch(uint32_t id, const std::string& url) = 0;
  // Whoever waits for the keys of `url` finds what there is.
  virtual void OnKeysTried(const std::string& url, KeysTried outcome) = 0;
  // `users` are those of whom SetUrls was told. Called for the first failure in a row, then when
  // the error is another one, and from time to time.
  virtual void OnTrouble(const std::string& users, const std::string& error) = 0;
  // The first success after that.
  virtual void OnTroubleOver(const std::string& users) = 0;
};

class KeyStore {
 public:
  // What is done of the documents; as KeySet::Parse.
  using Parse = std::function<std::shared_ptr<const KeySet>(std::string_view, std::string* error)>;

  // What there is to tell of a URL. Times are 0 if there is none.
  struct State {
    std::shared_ptr<const KeySet> keys;  // null: none yet
    uint64_t fetched_ms = 0;             // these
    uint64_t due_ms = 0;                 // the next fetch
    std::string error;                   // of the last one
  };

  KeyStore(KeyStoreHost* host, Parse parse) : host_(host), parse_(std::move(parse)) {}

  // The URLs that are wanted from now on, each with the names of its users for the log.
  void SetUrls(const std::map<std::string, std::string>& users_by_url, uint64_t now_ms);

  // Somebody has a token whose key is missing. Nothing: OnKeysTried is called later. Otherwise
  // there is nothing to wait for, and this is what came of it when it was last tried.
  std::optional<KeysTried> Refresh(const std::string& url, uint64_t now_ms);

  void OnFetched(uint32_t id, FetchResult result, uint64_t now_ms);

  // None of the results that are awaited will come.
  void AbandonFetches(const std::string& error, uint64_t now_ms);

  // Start what is due. Returns when to call again; nothing: not before another function is.
  std::optional<uint64_t> Turn(uint64_t now_ms);

  // Null if the URL is not wanted.
  const State* Look(const std::string& url) const;

  // Any thread. Null: none.
  std::shared_ptr<const KeySet> Find(const std::string& url) const;

  // Any thread: since the start.
  uint64_t fetches() const { return fetches_; }
  uint64_t failures() const { return failures_; }

 private:
  struct Entry : State {
    std::string users;
    uint32_t fetch = kNone;  // the one under way
    uint64_t started_ms = 0;
    std::optional<uint64_t> refreshed_ms;  // when Refresh last brought a fetch about
    unsigned failures = 0;                 // in a row
    uint64_t told_ms = 0;                  // when OnTrouble was last called for these
    std::string told_error;
  };
  using Keys = std::map<std::string, std::shared_ptr<const KeySet>>;
  static constexpr uint32_t kNone = 0;

  KeysTried Take(Entry* entry, FetchResult result, uint64_t now_ms);
  void Fail(Entry* entry, const std::string& error, uint64_t now_ms);
  void ShareKeys();

  KeyStoreHost* const host_;
  const Parse parse_;
  std::map<std::string, Entry> entries_;  // by URL
  uint32_t last_fetch_ = kNone;
  std::atomic<uint64_t> fetches_{0};
  std::atomic<uint64_t> failures_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const Keys> keys_ = std::make_shared<const Keys>();  // guarded by mutex_
};

}  // namespace fsubs
