// Where C++ exceptions become PostgreSQL errors; nothing else in src/ catches.
//
// PostgreSQL raises an error by a jump that runs no destructors. So code that may raise holds no
// C++ object that needs one: such objects live in a memory context (NewInContext). C++ code that
// may throw runs in RunGuarded, which raises nothing until every frame of that code is gone.
#pragma once

#include "src/base/pg_compat.hpp"

namespace fsubs {

// An error for the user, to be thrown in RunGuarded. The texts are UTF-8; empty ones are left out.
struct UserError {
  int sqlstate;
  std::string message;
  std::string detail;
  std::string hint;
};

// For C++ code that runs long, to call often: throws if PostgreSQL has an interrupt to handle, such
// as a cancel request. REQUIRES: the caller runs in RunGuarded.
void ThrowIfInterrupted();

void RunGuarded(void (*body)(void*), void* argument);

// Run `body`, C++ code that may throw, and raise what it throws as an error of PostgreSQL with
// every part it has. An interrupt is handled, and if that was not the end, `body` runs once more.
// REQUIRES: `body` calls nothing that may raise an error of PostgreSQL, and can be run again if it
// calls ThrowIfInterrupted.
template <typename Body>
void RunGuarded(Body body) {
  static_assert(std::is_trivially_destructible_v<Body>);
  RunGuarded([](void* argument) { (*static_cast<Body*>(argument))(); }, &body);
}

// Make a C++ object that is destroyed with the current memory context.
template <typename T>
T* NewInContext() {
  static_assert(std::is_nothrow_default_constructible_v<T> && alignof(T) <= MAXIMUM_ALIGNOF);
  struct Owned {
    MemoryContextCallback callback;
    T object;
  };
  Owned* const owned = static_cast<Owned*>(palloc(sizeof(Owned)));
  new (&owned->object) T();
  owned->callback.func = [](void* object) { static_cast<T*>(object)->~T(); };
  owned->callback.arg = &owned->object;
  MemoryContextRegisterResetCallback(CurrentMemoryContext, &owned->callback);
  return &owned->object;
}

}  // namespace fsubs
