// What executors of every kind share: work in transactions of its own, and interrupts around it.
#pragma once

#include <chrono>

#include "src/base/pg_compat.hpp"
#include "src/worker_process/log_budget.hpp"

namespace fsubs {

// Errors that are logged; of more than the budget has room for, the rest is counted.
struct ErrorLog {
  LogBudget budget;
  uint64_t left_out = 0;
};

// Take over SIGTERM and SIGHUP, and leave cancels for work. Call once, when the process starts.
void SetUpInterrupts();

// Between work: end if that is asked for. Returns whether the settings were read again.
bool HandleInterrupts();

// Work is interrupted; otherwise the process ends by itself, which needs no line in the server log.
void StartWorking();
void StopWorking();

void ShowIdle(const char* text);

struct TransactionSetup {
  const char* activity;
  int timeout_ms = 30000;
  ErrorLog* errors = nullptr;  // null: each is logged
};

// Run `body` in a transaction of its own and in the current memory context. Returns null, or the
// message, in UTF-8, of the error that ended it.
const char* RunTransaction(const TransactionSetup& setup, void (*body)(void*), void* argument);

template <typename Body>
const char* RunTransaction(const TransactionSetup& setup, Body body) {
  static_assert(std::is_trivially_destructible_v<Body>);
  return RunTransaction(
      setup, [](void* argument) { (*static_cast<Body*>(argument))(); }, &body);
}

}  // namespace fsubs
