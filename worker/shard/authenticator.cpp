#include "worker/shard/authenticator.hpp"

#include <utility>

namespace fsubs {
namespace {

// When the function hangs, any number of log-ins may be late at once, and others must get their
// turn.
constexpr size_t kRefusalsPerTurn = 200;

constexpr char kKeysMissing[] = "the keys of its issuer are not there";
constexpr char kFunctionSilent[] = "it could not be asked who this is";

size_t SizeOf(const Credentials& credentials) {
  return credentials.token.size() + credentials.requested_role.size() +
         credentials.init_payload.size() + credentials.headers.size();
}

}  // namespace

void Authenticator::Attach(uv_loop_t* loop) {
  uv_timer_init(loop, &timer_);
  timer_.data = this;
}

void Authenticator::Begin(uint64_t client, Credentials credentials) {
  if (RefuseWithoutCatalog(client)) return;
  const bool has_token = !credentials.token.empty();
  const size_t bytes = SizeOf(credentials);
  Login login{.number = ++last_number_,
              .deadline_ms = uv_now(timer_.loop) + rules_.init_timeout_ms,
              .credentials = std::move(credentials),
              .bytes = bytes,
              .verified = nullptr,
              .asker = nullptr};
  if (has_token) {
    Verify(client, std::move(login));
  } else if (rules_.asks_function) {
    AskFunction(client, std::move(login));
  } else if (auto anonymous = host_->Anonymous()) {
    host_->OnIdentified(client, std::move(anonymous));
  } else {
    host_->OnRefused(client, LoginRefusal::kNoToken, "there is no token");
  }
}

bool Authenticator::RefuseWithoutCatalog(uint64_t client) {
  if (host_->HasCatalog()) return false;
  host_->OnRefused(client, LoginRefusal::kNoCatalog, "there is no catalog");
  return true;
}

void Authenticator::Verify(uint64_t client, Login login) {
  if (RefuseWithoutCatalog(client)) return;
  Verification verification = host_->Verify(login.credentials);
  switch (verification.outcome) {
    case Verification::Outcome::kAccepted:
      if (!rules_.asks_function) {
        host_->OnIdentified(client, std::move(verification.identity));
        return;
      }
      login.verified = std::move(verification.identity);
      AskFunction(client, std::move(login));
      return;
    case Verification::Outcome::kRefused:
      host_->OnRefused(client, LoginRefusal::kToken, verification.reason);
      return;
    case Verification::Outcome::kNeedsKeys:
      break;
  }
  if (login.tried && login.url == verification.url) {
    // Keys that came and lack the token's will not have it soon.
    if (login.tried == KeysTried::kFetched) {
      host_->OnRefused(client, LoginRefusal::kToken, verification.reason);
    } else {
      host_->OnRefused(client, LoginRefusal::kNoKeys, kKeysMissing);
    }
    return;
  }
  login.url = std::move(verification.url);
  login.tried.reset();
  WaitForKeys(client, std::move(login));
}

void Authenticator::WaitForKeys(uint64_t client, Login login) {
  const std::string url = login.url;
  if (!Wait(client, std::move(login))) return;
  const auto [waiting, is_new] = by_url_.try_emplace(url);
  waiting->second.clients.insert(client);
  // One answer is for all who wait for it.
  if (is_new || std::exchange(waiting->second.is_answered, false)) host_->RefreshKeys(url);
}

void Authenticator::AskFunction(uint64_t client, Login login) {
  FunctionCall call{.init_payload = std::move(login.credentials.init_payload),
                    .headers = std::move(login.credentials.headers)};
  if (login.verified) call.claims = login.verified->claims.root().raw();
  login.bytes += call.claims.size();
  login.url.clear();
  login.tried.reset();
  login.asker = std::make_shared<const uint64_t>(login.number);
  call.asker = login.asker;
  login.deadline_ms += rules_.function_timeout_ms;
  const uint64_t number = login.number;
  if (!Wait(client, std::move(login))) return;
  host_->CallFunction(std::move(call), [this, client, number](const FunctionAnswer& answer) {
    OnAnswer(client, number, answer);
  });
}

void Authenticator::OnAnswer(uint64_t client, uint64_t number, const FunctionAnswer& answer) {
  const auto found = logins_.find(client);
  if (found == logins_.end() || found->second.number != number) return;
  const Login login = Take(found);
  if (RefuseWithoutCatalog(client)) return;
  if (!answer.error.empty()) {
    host_->OnRefused(client, LoginRefusal::kFunctionFailed, kFunctionSilent);
    return;
  }
  if (answer.claims.empty()) {
    host_->OnRefused(client, LoginRefusal::kFunction, {});
    return;
  }
  std::string reason;
  auto identity =
      host_->Map(login.verified.get(), login.credentials.requested_role, answer.claims, &reason);
  if (identity) {
    host_->OnIdentified(client, std::move(identity));
  } else {
    host_->OnRefused(client, LoginRefusal::kFunction, reason);
  }
}

bool Authenticator::Wait(uint64_t client, Login login) {
  if (logins_.size() >= limits_.max_waiting || bytes_ + login.bytes > limits_.max_bytes) {
    host_->OnRefused(client, LoginRefusal::kBusy, "too many wait to be let in");
    return false;
  }
  bytes_ += login.bytes;
  overdue_.emplace(login.deadline_ms, client);
  logins_.insert_or_assign(client, std::move(login));
  Arm();
  return true;
}

Authenticator::Login Authenticator::Take(std::unordered_map<uint64_t, Login>::iterator at) {
  Login login = std::move(at->second);
  bytes_ -= login.bytes;
  overdue_.erase({login.deadline_ms, at->first});
  if (const auto waiting = by_url_.find(login.url); waiting != by_url_.end()) {
    waiting->second.clients.erase(at->first);
    if (waiting->second.clients.empty()) by_url_.erase(waiting);
  }
  logins_.erase(at);
  return login;
}

void Authenticator::Forget(uint64_t client) {
  const auto found = logins_.find(client);
  if (found != logins_.end()) Take(found);
}

void Authenticator::Clear() {
  logins_.clear();
  overdue_.clear();
  by_url_.clear();
  retries_.Clear();
  bytes_ = 0;
}

void Authenticator::Retry(const std::string& url, KeysTried outcome) {
  const auto waiting = by_url_.find(url);
  if (waiting == by_url_.end()) return;
  waiting->second.is_answered = true;
  // The next attempt follows before long, and until then there is nothing to verify with.
  if (outcome == KeysTried::kFailed && !host_->HasKeys(url)) return;
  for (const uint64_t client : waiting->second.clients) {
    logins_.find(client)->second.tried = outcome;
    retries_.Push(client);
  }
  host_->OnMore();
}

bool Authenticator::Continue(WorkBudget* budget) {
  while (!retries_.is_empty()) {
    if (budget->is_spent()) return false;
    const uint64_t client = retries_.Pop();
    const auto found = logins_.find(client);
    if (found == logins_.end() || !found->second.tried) continue;
    budget->Spend(1);
    Verify(client, Take(found));
  }
  return true;
}

void Authenticator::RefuseLate() {
  const uint64_t now = uv_now(timer_.loop);
  for (size_t i = 0; i < kRefusalsPerTurn && !overdue_.empty(); ++i) {
    const auto [deadline_ms, client] = *overdue_.begin();
    if (deadline_ms > now) break;
    const bool asked = Take(logins_.find(client)).asker != nullptr;
    host_->OnRefused(client, asked ? LoginRefusal::kFunctionFailed : LoginRefusal::kNoKeys,
                     asked ? kFunctionSilent : kKeysMissing);
  }
  Arm();
}

void Authenticator::Arm() {
  if (overdue_.empty()) {
    uv_timer_stop(&timer_);
    return;
  }
  const uint64_t now = uv_now(timer_.loop);
  const uint64_t first = overdue_.begin()->first;
  uv_timer_start(
      &timer_, [](uv_timer_t* timer) { static_cast<Authenticator*>(timer->data)->RefuseLate(); },
      first > now ? first - now : 1, 0);
}

}  // namespace fsubs
