// Finds out who clients are: has their tokens verified, waits for keys, asks the function that the
// setting `authenticate` names. Whatever goes wrong refuses them.
//
//   no token, no function       whom the catalog says, if clients without credentials are let in
//   a token                     verified, when the keys of its issuer have come if they were
//   missing a function                  asked then, also where there is no token; its claims count
//
// No log-in takes longer than `init_timeout` until its token is verified, and
// `authenticate_timeout` more until the function has answered.
//
// One shard's thread only.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "worker/base/counters.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/identity/credentials.hpp"
#include "worker/identity/identity.hpp"
#include "worker/identity/keys_tried.hpp"
#include "worker/identity/token_verifier.hpp"
#include "worker/shard/client_queue.hpp"

namespace fsubs {

class Authenticator {
 public:
  // What a function is asked, and its answer.
  struct FunctionCall {
    std::string claims;  // of a verified token: JSON; empty without one
    std::string init_payload;
    std::string headers;
    std::weak_ptr<const void> asker;  // expired: nobody waits for the answer any more
  };
  struct FunctionAnswer {
    std::string claims;  // a JSON object; empty: refused
    std::string error;   // it could not be asked, or failed
  };

  class Host {
   public:
    virtual ~Host() = default;
    // Whether there is one. Anonymous, Verify and Map are called only then.
    virtual bool HasCatalog() = 0;
    // Whom clients without credentials are; null: they are not let in.
    virtual std::shared_ptr<const Identity> Anonymous() = 0;
    virtual Verification Verify(const Credentials& credentials) = 0;
    virtual bool HasKeys(const std::string& url) = 0;
    // Retry is called when that is done.
    virtual void RefreshKeys(const std::string& url) = 0;
    // `reply` is called once, perhaps before this returns.
    virtual void CallFunction(FunctionCall call, std::function<void(FunctionAnswer)> reply) = 0;
    // Who the function says that somebody is. `verified` is null without a token. Null, with
    // `*reason` set, if these are no claims.
    virtual std::shared_ptr<const Identity> Map(const Identity* verified,
                                                const std::string& requested_role,
                                                const std::string& claims, std::string* reason) = 0;
    // The ends of a log-in.
    virtual void OnIdentified(uint64_t client, std::shared_ptr<const Identity> identity) = 0;
    virtual void OnRefused(uint64_t client, LoginRefusal why, const std::string& reason) = 0;
    // Log-ins wait that may go on: call Continue.
    virtual void OnMore() = 0;
  };

  struct Rules {
    bool asks_function = false;
    uint64_t init_timeout_ms = 0;
    uint64_t function_timeout_ms = 0;
  };

  // How many may wait, for keys or the function, and with how many bytes of what they presented
  // themselves with. Those beyond are refused.
  struct Limits {
    size_t max_waiting = 10'000;
    size_t max_bytes = 64 * 1024 * 1024;
  };

  Authenticator(Limits limits, Host* host) : limits_(limits), host_(host) {}
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // Keep time on `loop`, which it does not outlive.
  void Attach(uv_loop_t* loop);

  void SetRules(const Rules& rules) { rules_ = rules; }

  // One of the host's functions is called with the end, perhaps before this returns, unless the
  // client is forgotten first. REQUIRES: no log-in of the client is under way.
  void Begin(uint64_t client, Credentials credentials);
  void Forget(uint64_t client);
  void Clear();

  // Verify again those that wait for the keys of `url`.
  void Retry(const std::string& url, KeysTried outcome);
  // Returns whether there is nothing left to do; if not, the budget is spent. What it costs to
  // verify is the host's to spend.
  bool Continue(WorkBudget* budget);

  size_t waiting() const { return logins_.size(); }

 private:
  struct Login {
    uint64_t number;
    uint64_t deadline_ms;
    Credentials credentials;
    size_t bytes;                              // of these, and of what the function is asked
    std::string url = {};                      // whose keys it waits for
    std::optional<KeysTried> tried = {};       // what came of that, which it has not seen
    std::shared_ptr<const Identity> verified;  // null: it waits for keys, or has no token
    std::shared_ptr<const void> asker;         // of the function; null: it waits for keys
  };
  // Those that wait for the keys of one URL. They were asked for, and Retry is to come, unless
  // `is_answered`.
  struct Waiting {
    std::unordered_set<uint64_t> clients;
    bool is_answered = false;
  };

  bool RefuseWithoutCatalog(uint64_t client);
  void Verify(uint64_t client, Login login);
  void WaitForKeys(uint64_t client, Login login);
  void AskFunction(uint64_t client, Login login);
  void OnAnswer(uint64_t client, uint64_t number, const FunctionAnswer& answer);
  // Returns whether there was room.
  bool Wait(uint64_t client, Login login);
  Login Take(std::unordered_map<uint64_t, Login>::iterator at);
  void RefuseLate();
  void Arm();

  const Limits limits_;
  Host* const host_;
  Rules rules_;
  uv_timer_t timer_{};
  uint64_t last_number_ = 0;
  std::unordered_map<uint64_t, Login> logins_;       // those that wait, by client
  std::set<std::pair<uint64_t, uint64_t>> overdue_;  // their deadlines and clients
  size_t bytes_ = 0;                                 // of their credentials
  std::map<std::string, Waiting> by_url_;            // those that wait for keys
  ClientQueue retries_;                              // some are done, or have left
};

}  // namespace fsubs
