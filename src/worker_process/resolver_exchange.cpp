// fsubs_resolver_exchange: a process outside the database resolves events, over this backend's
// connection to the worker. fsubs_resolver_send: it hands in results while that backend waits.
#include <algorithm>
#include <chrono>

#include "contract/ring_layout.hpp"
#include "src/ring/shmem.hpp"
#include "src/worker_process/side_door_wait.hpp"
#include "src/worker_process/worker_contact.hpp"

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kSendTimeout{5};
constexpr int kNonceBytes = 16;

enum Argument { kLink, kFields, kResults, kCredits, kWaitMs, kCalls };
// Of fsubs_resolver_send, behind kLink.
enum SentArgument { kSentResults = 1, kSentCredits };

// This backend's, for as long as it lives or until it fails.
struct Link {
  MemoryContext context;  // null: there is none
  SideDoorClient* door;
  SideDoorWait* wait;
  char* name;
  uint64_t seen;  // messages of the worker
  bool is_named;  // the worker knows the name
};

Link link;

void CloseLink() {
  if (link.context != nullptr) MemoryContextDelete(link.context);
  link = {};
}

[[noreturn]] void RaiseLost() {
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("the link to the worker of fraiseql_subs has ended"),
                  errhint("Open another: the argument link is null for that.")));
  pg_unreachable();
}

char* MakeName() {
  unsigned char nonce[kNonceBytes];
  if (!pg_strong_random(nonce, sizeof(nonce))) {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random value")));
  }
  char hex[2 * kNonceBytes + 1];
  hex[hex_encode(reinterpret_cast<const char*>(nonce), sizeof(nonce), hex)] = '\0';
  return psprintf("%s:" UINT64_FORMAT, hex, GetSharedRing().ring->epoch);
}

void Send(const char* json) {
  switch (link.door->Send(json, Clock::now() + kSendTimeout)) {
    case SideDoorResult::kDone:
      return;
    case SideDoorResult::kOversize:
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("results are longer than %u bytes", side_door::kMaxFrameLength)));
    default:
      RaiseLost();
  }
}

void OpenLink() {
  CloseLink();
  link.context = AllocSetContextCreate(TopMemoryContext, "fraiseql_subs resolver link",
                                       ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(link.context);
  link.door = OpenSideDoor(Wait::kSideDoor, Clock::now() + kSendTimeout);
  link.wait = SideDoorWait::Make(link.door, Wait::kSideDoor);
  link.name = MakeName();
  MemoryContextSwitchTo(before);
  Send(MakeMessage(side_door::op::kResolverLink));
}

// The argument, which is to be JSON, in UTF-8; null if it is. Raises an error if it is no JSON.
const char* JsonArgument(FunctionCallInfo call, int argument) {
  if (call->args[argument].isnull) return nullptr;
  const char* const json = text_to_cstring(DatumGetTextPP(call->args[argument].value));
  (void)DirectFunctionCall1(json_in, CStringGetDatum(json));
  return pg_server_to_any(json, static_cast<int>(strlen(json)), PG_UTF8);
}

int NumberArgument(FunctionCallInfo call, int argument, const char* name) {
  const int number = call->args[argument].isnull ? 0 : DatumGetInt32(call->args[argument].value);
  if (number < 0) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("%s cannot be negative: %d", name, number)));
  }
  return number;
}

void CheckLink(FunctionCallInfo call) {
  const char* const name = text_to_cstring(DatumGetTextPP(call->args[kLink].value));
  if (link.context == nullptr || strcmp(name, link.name) != 0) RaiseLost();
}

const char* MakeExchange(FunctionCallInfo call) {
  const char* const fields = JsonArgument(call, kFields);
  const char* const results = JsonArgument(call, kResults);
  StringInfoData message;
  initStringInfo(&message);
  appendStringInfo(&message, "{\"%s\":\"%s\",\"%s\":%d,\"%s\":" UINT64_FORMAT,
                   side_door::member::kOp, side_door::op::kExchange, side_door::member::kCredits,
                   NumberArgument(call, kCredits, "credits"), side_door::member::kSeen, link.seen);
  // The first message tells by which name fsubs_resolver_send finds the link.
  if (!link.is_named) {
    appendStringInfo(&message, ",\"%s\":\"%s\"", side_door::member::kLink, link.name);
    link.is_named = true;
  }
  if (fields != nullptr) {
    appendStringInfo(&message, ",\"%s\":%s", side_door::member::kFields, fields);
  }
  if (results != nullptr) {
    appendStringInfo(&message, ",\"%s\":%s", side_door::member::kResults, results);
  }
  appendStringInfoChar(&message, '}');
  return message.data;
}

// The next message of the worker, in `context`; null if none has come until the deadline.
char* Receive(Deadline deadline, MemoryContext context) {
  for (;;) {
    const MemoryContext before = MemoryContextSwitchTo(link.context);
    const SideDoorResult received = link.door->TryReceive();
    MemoryContextSwitchTo(before);
    switch (received) {
      case SideDoorResult::kDone: {
        ++link.seen;
        const MemoryContext caller = MemoryContextSwitchTo(context);
        char* const text = link.door->TakeText();
        MemoryContextSwitchTo(caller);
        return text;
      }
      case SideDoorResult::kNotYet:
        if (Clock::now() >= deadline) return nullptr;
        link.wait->Once(deadline);
        break;
      default:
        RaiseLost();
    }
  }
}

Datum Exchange(FunctionCallInfo call) {
  const MemoryContext context = CurrentMemoryContext;
  const int wait_ms = NumberArgument(call, kWaitMs, "wait_ms");
  if (call->args[kLink].isnull) {
    OpenLink();
  } else {
    CheckLink(call);
  }
  Send(MakeExchange(call));
  CommitBeforeWaiting();
  const Deadline deadline = Clock::now() + milliseconds(wait_ms);
  const char* const calls = Receive(deadline, context);
  MemoryContextSwitchTo(context);

  TupleDesc row;
  if (get_call_result_type(call, nullptr, &row) != TYPEFUNC_COMPOSITE) {
    elog(ERROR, "fraiseql_subs: resolver_exchange returns a row");
  }
  Datum values[] = {CStringGetTextDatum(link.name),
                    CStringGetTextDatum(calls == nullptr ? "[]" : calls)};
  bool nulls[lengthof(values)] = {};
  return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls));
}

// The connection over which this backend hands in results; kept, for it does so often.
struct Sender {
  MemoryContext context;  // null: there is none
  SideDoorClient* door;
};

Sender sender;

void CloseSender() {
  if (sender.context != nullptr) MemoryContextDelete(sender.context);
  sender = {};
}

void OpenSender() {
  sender.context = AllocSetContextCreate(TopMemoryContext, "fraiseql_subs resolver results",
                                         ALLOCSET_DEFAULT_SIZES);
  const MemoryContext before = MemoryContextSwitchTo(sender.context);
  sender.door = OpenSideDoor(Wait::kSideDoor, Clock::now() + kSendTimeout);
  MemoryContextSwitchTo(before);
}

Jsonb* AskBySender(const char* request) {
  const Deadline deadline = Clock::now() + kSendTimeout;
  if (sender.door->Send(request, deadline) != SideDoorResult::kDone) RaiseLost();
  for (;;) {
    const MemoryContext before = MemoryContextSwitchTo(sender.context);
    const SideDoorResult received = sender.door->TryReceive();
    MemoryContextSwitchTo(before);
    if (received == SideDoorResult::kDone) return sender.door->TakeMessage();
    if (received != SideDoorResult::kNotYet || Clock::now() >= deadline) RaiseLost();
    sender.door->WaitReadable(deadline);
    CHECK_FOR_INTERRUPTS();
  }
}

void SendResults(FunctionCallInfo call) {
  const char* const results = JsonArgument(call, kSentResults);
  StringInfoData message;
  initStringInfo(&message);
  appendStringInfo(&message, "{\"%s\":\"%s\",\"%s\":{\"%s\":", side_door::member::kOp,
                   side_door::op::kResolverSend, side_door::member::kArguments,
                   side_door::member::kLink);
  escape_json(&message, text_to_cstring(DatumGetTextPP(call->args[kLink].value)));
  if (results != nullptr) {
    appendStringInfo(&message, ",\"%s\":%s", side_door::member::kResults, results);
  }
  if (!call->args[kSentCredits].isnull) {
    appendStringInfo(&message, ",\"%s\":%d", side_door::member::kCredits,
                     NumberArgument(call, kSentCredits, "credits"));
  }
  appendStringInfoString(&message, "}}");
  if (sender.context == nullptr) OpenSender();
  JsonbValue error;
  if (FindMember(AskBySender(message.data), side_door::member::kError, &error)) RaiseLost();
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_resolver_exchange) {
  using namespace fsubs;
  RequirePreloaded();
  RequireNonatomic(fcinfo, "resolver_exchange");
  volatile Datum result = 0;
  PG_TRY();
  { result = Exchange(fcinfo); }
  PG_CATCH();
  {
    // What it had is given back at once.
    CloseLink();
    PG_RE_THROW();
  }
  PG_END_TRY();
  return result;
}

FSUBS_FUNCTION(fsubs_resolver_send) {
  using namespace fsubs;
  RequirePreloaded();
  if (PG_ARGISNULL(kLink)) RaiseLost();
  PG_TRY();
  { SendResults(fcinfo); }
  PG_CATCH();
  {
    // An answer may still come, and is not to be taken for the next one's.
    CloseSender();
    PG_RE_THROW();
  }
  PG_END_TRY();
  PG_RETURN_VOID();
}
