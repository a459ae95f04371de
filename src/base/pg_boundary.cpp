#include "src/base/pg_boundary.hpp"

namespace fsubs {
namespace {

constexpr size_t kMaxPart = 2048;

struct Interrupted {};

enum class Outcome { kDone, kInterrupted, kError };

// What was caught, in memory that needs no destructor.
struct CaughtError {
  int sqlstate;
  char message[kMaxPart];
  char detail[kMaxPart];
  char hint[kMaxPart];
};

void CopyPart(std::string_view text, char (&part)[kMaxPart]) {
  size_t length = text.size();
  if (length >= kMaxPart) {
    length = kMaxPart - 1;
    // Do not cut a UTF-8 character in two.
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  }
  memcpy(part, text.data(), length);
  part[length] = '\0';
}

void CopyError(int sqlstate, std::string_view message, std::string_view detail,
               std::string_view hint, CaughtError* error) {
  error->sqlstate = sqlstate;
  CopyPart(message, error->message);
  CopyPart(detail, error->detail);
  CopyPart(hint, error->hint);
}

// Run `body`; `*error` says what it threw.
Outcome Run(void (*body)(void*), void* argument, CaughtError* error) noexcept {
  try {
    body(argument);
    return Outcome::kDone;
  } catch (const Interrupted&) {
    return Outcome::kInterrupted;
  } catch (const UserError& user_error) {
    CopyError(user_error.sqlstate, user_error.message, user_error.detail, user_error.hint, error);
  } catch (const std::bad_alloc&) {
    CopyError(ERRCODE_OUT_OF_MEMORY, "out of memory", {}, {}, error);
  } catch (const std::exception& exception) {
    CopyError(ERRCODE_INTERNAL_ERROR, exception.what(), {}, {}, error);
  } catch (...) {
    CopyError(ERRCODE_INTERNAL_ERROR, "unknown C++ exception", {}, {}, error);
  }
  return Outcome::kError;
}

const char* ToServer(const char* text) {
  return pg_any_to_server(text, static_cast<int>(strlen(text)), PG_UTF8);
}

}  // namespace

void ThrowIfInterrupted() {
  if (InterruptPending && INTERRUPTS_CAN_BE_PROCESSED()) throw Interrupted{};
}

void RunGuarded(void (*body)(void*), void* argument) {
  CaughtError error;
  Outcome outcome;
  while ((outcome = Run(body, argument, &error)) == Outcome::kInterrupted) CHECK_FOR_INTERRUPTS();
  if (outcome == Outcome::kDone) return;
  ereport(ERROR, (errcode(error.sqlstate), errmsg_internal("%s", ToServer(error.message)),
                  error.detail[0] != '\0' ? errdetail_internal("%s", ToServer(error.detail)) : 0,
                  error.hint[0] != '\0' ? errhint("%s", ToServer(error.hint)) : 0));
}

}  // namespace fsubs
