#include "worker/key_fetch/key_store.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "worker/key_fetch/cache_control.hpp"
#include "worker/key_fetch/fetch_protocol.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kSecond = 1000;
constexpr uint64_t kShortestKept = 60 * kSecond;
constexpr uint64_t kLongestKept = 24 * 60 * 60 * kSecond;
constexpr uint64_t kKept = 10 * 60 * kSecond;  // where the server says nothing
constexpr uint64_t kFirstRetry = 2 * kSecond;
constexpr uint64_t kLongestRetry = 60 * kSecond;
constexpr uint64_t kRefreshInterval = 30 * kSecond;
constexpr uint64_t kTroubleInterval = 10 * 60 * kSecond;
// Longer than the fetcher takes (fetcher.cpp).
constexpr uint64_t kPatience = 15 * kSecond;

uint64_t KeptFor(std::string_view cache_control) {
  const auto seconds = FreshSeconds(cache_control);
  if (!seconds) return kKept;
  return std::clamp(*seconds, kShortestKept / kSecond, kLongestKept / kSecond) * kSecond;
}

uint64_t RetryDelay(unsigned failures) {
  return std::min(kFirstRetry << std::min(failures - 1, 10u), kLongestRetry);
}

}  // namespace

void KeyStore::SetUrls(const std::map<std::string, std::string>& users_by_url, uint64_t now_ms) {
  std::vector<std::string> unwanted;
  for (const auto& [url, entry] : entries_) {
    if (!users_by_url.contains(url)) unwanted.push_back(url);
  }
  for (const std::string& url : unwanted) entries_.erase(url);
  for (const auto& [url, users] : users_by_url) {
    const auto [entry, is_new] = entries_.try_emplace(url);
    entry->second.users = users;
    if (is_new) entry->second.due_ms = now_ms;
  }
  ShareKeys();
  for (const std::string& url : unwanted) host_->OnKeysTried(url, KeysTried::kUnwanted);
}

std::optional<KeysTried> KeyStore::Refresh(const std::string& url, uint64_t now_ms) {
  const auto found = entries_.find(url);
  if (found == entries_.end()) return KeysTried::kUnwanted;
  Entry* const entry = &found->second;
  const bool is_coming = entry->fetch != kNone || entry->due_ms <= now_ms;
  if (is_coming) return std::nullopt;
  if (entry->refreshed_ms && now_ms - *entry->refreshed_ms < kRefreshInterval) {
    return entry->error.empty() ? KeysTried::kFetched : KeysTried::kFailed;
  }
  entry->refreshed_ms = now_ms;
  entry->due_ms = now_ms;
  return std::nullopt;
}

void KeyStore::OnFetched(uint32_t id, FetchResult result, uint64_t now_ms) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return id != kNone && entry.second.fetch == id;
  });
  // Its URL is not wanted any more, or it came too late.
  if (found == entries_.end()) return;
  const KeysTried outcome = Take(&found->second, std::move(result), now_ms);
  host_->OnKeysTried(found->first, outcome);
}

KeysTried KeyStore::Take(Entry* entry, FetchResult result, uint64_t now_ms) {
  std::string error = std::move(result.error);
  auto keys = error.empty() ? parse_(result.document, &error) : nullptr;
  if (!keys) {
    Fail(entry, error, now_ms);
    return KeysTried::kFailed;
  }
  entry->fetch = kNone;
  entry->keys = std::move(keys);
  entry->fetched_ms = now_ms;
  entry->due_ms = now_ms + KeptFor(result.cache_control);
  entry->error.clear();
  if (std::exchange(entry->failures, 0) > 0) host_->OnTroubleOver(entry->users);
  ShareKeys();
  return KeysTried::kFetched;
}

// The keys stay: an issuer that cannot be reached has not withdrawn them.
void KeyStore::Fail(Entry* entry, const std::string& error, uint64_t now_ms) {
  ++failures_;
  entry->fetch = kNone;
  entry->error = error;
  entry->due_ms = now_ms + RetryDelay(++entry->failures);
  const bool is_news = entry->failures == 1 || error != entry->told_error ||
                       now_ms - entry->told_ms >= kTroubleInterval;
  if (!is_news) return;
  entry->told_ms = now_ms;
  entry->told_error = error;
  host_->OnTrouble(entry->users, error);
}

void KeyStore::AbandonFetches(const std::string& error, uint64_t now_ms) {
  for (auto& [url, entry] : entries_) {
    if (entry.fetch == kNone) continue;
    Fail(&entry, error, now_ms);
    host_->OnKeysTried(url, KeysTried::kFailed);
  }
}

std::optional<uint64_t> KeyStore::Turn(uint64_t now_ms) {
  size_t under_way = 0;
  for (auto& [url, entry] : entries_) {
    if (entry.fetch == kNone) continue;
    if (now_ms - entry.started_ms < kPatience) {
      ++under_way;
    } else {
      Fail(&entry, "there was no answer in time", now_ms);
      host_->OnKeysTried(url, KeysTried::kFailed);
    }
  }

  std::optional<uint64_t> next;
  const auto call_at = [&](uint64_t at_ms) { next = next ? std::min(*next, at_ms) : at_ms; };
  std::vector<std::pair<const std::string*, Entry*>> due;
  for (auto& [url, entry] : entries_) {
    if (entry.fetch != kNone) {
      call_at(entry.started_ms + kPatience);
    } else if (entry.due_ms <= now_ms) {
      due.push_back({&url, &entry});
    } else {
      call_at(entry.due_ms);
    }
  }
  // Those that have waited longest; the others when an answer has come.
  std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
    return a.second->due_ms < b.second->due_ms;
  });
  for (const auto& [url, entry] : due) {
    if (under_way == kMaxFetches) break;
    ++under_way;
    ++fetches_;
    if (++last_fetch_ == kNone) ++last_fetch_;
    entry->fetch = last_fetch_;
    entry->started_ms = now_ms;
    call_at(now_ms + kPatience);
    host_->StartFetch(entry->fetch, *url);
  }
  return next;
}

const KeyStore::State* KeyStore::Look(const std::string& url) const {
  const auto found = entries_.find(url);
  return found == entries_.end() ? nullptr : &found->second;
}

std::shared_ptr<const KeySet> KeyStore::Find(const std::string& url) const {
  std::shared_ptr<const Keys> keys;
  {
    const std::lock_guard lock(mutex_);
    keys = keys_;
  }
  const auto found = keys->find(url);
  return found == keys->end() ? nullptr : found->second;
}

void KeyStore::ShareKeys() {
  auto keys = std::make_shared<Keys>();
  for (const auto& [url, entry] : entries_) {
    if (entry.keys) keys->emplace(url, entry.keys);
  }
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
}

}  // namespace fsubs
