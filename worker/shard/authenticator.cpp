#include "worker/shard/authenticator.hpp"

#include <utility>

namespace fsubs {
namespace {

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
  const bool has_token = !credentials.token.empty();
  Login login{.number = ++last_number_,
              .deadline_ms = uv_now(timer_.loop) + rules_.init_timeout_ms,
              .credentials = std::move(credentials),
              .verified = nullptr,
              .asker = nullptr};
  if (has_token) {
    Verify(client, std::move(login), false);
  } else if (rules_.asks_function) {
    AskFunction(client, std::move(login));
  } else if (auto anonymous = host_->Anonymous()) {
    host_->OnIdentified(client, std::move(anonymous));
  } else {
    host_->OnRefused(client, LoginRefusal::kNoToken, "there is no token");
  }
}

void Authenticator::Verify(uint64_t client, Login login, bool again) {
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
  // Keys that came and lack the token's will not have it soon. Where none have come yet, those of
  // another issuer may be what this is about.
  if (again && host_->HasKeys(verification.url)) {
    host_->OnRefused(client, LoginRefusal::kToken, verification.reason);
    return;
  }
  if (Wait(client, std::move(login)) && !again) host_->RefreshKeys(verification.url);
}

void Authenticator::AskFunction(uint64_t client, Login login) {
  FunctionCall call{.init_payload = std::move(login.credentials.init_payload),
                    .headers = std::move(login.credentials.headers)};
  if (login.verified) call.claims = login.verified->claims.root().raw();
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
  if (!answer.error.empty()) {
    host_->OnRefused(client, LoginRefusal::kFunctionFailed, "it could not be asked who this is");
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
  const size_t bytes = SizeOf(login.credentials);
  if (logins_.size() >= limits_.max_waiting || bytes_ + bytes > limits_.max_bytes) {
    host_->OnRefused(client, LoginRefusal::kBusy, "too many wait to be let in");
    return false;
  }
  bytes_ += bytes;
  overdue_.emplace(login.deadline_ms, client);
  logins_.insert_or_assign(client, std::move(login));
  Arm();
  return true;
}

Authenticator::Login Authenticator::Take(std::unordered_map<uint64_t, Login>::iterator at) {
  Login login = std::move(at->second);
  bytes_ -= SizeOf(login.credentials);
  overdue_.erase({login.deadline_ms, at->first});
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
  retries_.clear();
  bytes_ = 0;
}

void Authenticator::RetryAll() {
  retries_.clear();
  for (const auto& [client, login] : logins_) {
    if (!login.asker) retries_.push_back(client);
  }
  if (!retries_.empty()) host_->OnMore();
}

bool Authenticator::Continue(WorkBudget* budget) {
  while (!retries_.empty()) {
    if (budget->is_spent()) return false;
    const uint64_t client = retries_.front();
    retries_.pop_front();
    const auto found = logins_.find(client);
    if (found == logins_.end() || found->second.asker) continue;
    budget->Spend(1);
    Verify(client, Take(found), true);
  }
  return true;
}

void Authenticator::RefuseLate() {
  const uint64_t now = uv_now(timer_.loop);
  while (!overdue_.empty() && overdue_.begin()->first <= now) {
    const uint64_t client = overdue_.begin()->second;
    const bool asked = Take(logins_.find(client)).asker != nullptr;
    host_->OnRefused(
        client, asked ? LoginRefusal::kFunctionFailed : LoginRefusal::kNoKeys,
        asked ? "it could not be asked who this is" : "the keys of its issuer are not there");
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
      first > now ? first - now : 0, 0);
}

}  // namespace fsubs
