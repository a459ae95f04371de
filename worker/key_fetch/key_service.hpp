// Keeps the keys of issuers that publish them at a URL, for the shards. Joins the store, the
// channel to the fetcher, and a timer.
//
// Control thread only, but for Find and the counts.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/key_fetch/fetch_channel.hpp"
#include "worker/key_fetch/key_store.hpp"

namespace fsubs {

// What is to be known of an issuer.
struct IssuerKeys {
  std::string name;
  size_t registered_keys = 0;  // that need not be fetched
  std::string url;             // empty: none
  std::string problem;         // why its tokens are refused; empty: they are not
};

class KeyService final : private KeyStoreHost, private FetchChannel::Sink {
 public:
  class Host {
   public:
    virtual ~Host() = default;
    // As KeyStoreHost has it.
    virtual void OnKeysTried(const std::string& url, KeysTried outcome) = 0;
  };

  // `host` outlives it.
  KeyService(FetcherProcess fetcher, Host* host);

  // Work on `loop`, which the service does not outlive.
  void Attach(uv_loop_t* loop);

  void SetIssuers(std::vector<IssuerKeys> issuers);

  // As KeyStore has it.
  std::optional<KeysTried> Refresh(const std::string& url);
  std::shared_ptr<const KeySet> Find(const std::string& url) const { return store_.Find(url); }

  // Each issuer as a row of fraiseql_issuers(): a JSON array.
  std::string Rows() const;

  uint64_t fetches() const { return store_.fetches(); }
  uint64_t failures() const { return store_.failures(); }

 private:
  // KeyStoreHost
  void StartFetch(uint32_t id, const std::string& url) override;
  void OnKeysTried(const std::string& url, KeysTried outcome) override {
    host_->OnKeysTried(url, outcome);
  }
  void OnTrouble(const std::string& users, const std::string& error) override;
  void OnTroubleOver(const std::string& users) override;

  // FetchChannel::Sink
  void OnFetched(uint32_t id, FetchResult result) override;
  void OnFetcherLost(const std::string& why) override;

  // Later in this turn of the loop: in the middle of a call the store must not be called again.
  void TurnSoon();
  void Turn();

  Host* const host_;
  KeyStore store_;
  FetchChannel channel_;
  uv_timer_t timer_{};
  std::vector<IssuerKeys> issuers_;
  std::vector<std::pair<uint32_t, FetchResult>> unsent_;  // fetches that could not begin
};

}  // namespace fsubs
