// fraiseql_subs.session_exchange and session_send: how a process that has accepted clients' sockets
// itself has the worker serve them (contract/session_records.hpp).
//
// A backend holds one link for as long as it lives, or until the link ends. What it waits for there
// may be a long time: no snapshot is held meanwhile, and the end of its client is noticed.
#include <algorithm>
#include <chrono>

#include "contract/session_records.hpp"
#include "src/base/sql_arguments.hpp"
#include "src/ring/shmem.hpp"
#include "src/worker_process/side_door_wait.hpp"
#include "src/worker_process/worker_contact.hpp"

namespace fsubs {
namespace {

using Clock = std::chrono::steady_clock;
using session::Answer;
using session::Sent;
using session::Take;

// A connection to the worker that outlives transactions.
struct Contact {
  MemoryContext context;  // null: there is none
  SideDoorClient* door;
  bool is_busy;  // something is half sent, or its answer has not come
};

struct Link {
  Contact contact;
  SideDoorWait* wait;
  char text[session::kLinkNameLength + 1 + 16 + 1];  // name, colon, epoch
  int asked;                                         // answers that are to come
};

Link held;
Contact sender;

void Close(Contact* contact) {
  if (contact->context == nullptr) return;
  const MemoryContext context = contact->context;
  *contact = {};
  MemoryContextDelete(context);
}

void CloseLink() {
  Close(&held.contact);
  held = {};
}

// Tell the worker what the connection is for. Returns the answer.
Jsonb* Introduce(Contact* contact, const char* op, Wait wait) {
  const Deadline deadline = Clock::now() + kAnswerTimeout;
  contact->context =
      AllocSetContextCreate(TopMemoryContext, "side door of fraiseql_subs", ALLOCSET_DEFAULT_SIZES);
  contact->is_busy = true;
  const MemoryContext before = MemoryContextSwitchTo(contact->context);
  contact->door = OpenSideDoor(wait, deadline);
  MemoryContextSwitchTo(before);
  const SideDoorResult sent = contact->door->Send(MakeMessage(op), deadline);
  if (sent != SideDoorResult::kDone) RaiseNoAnswer(sent);
  AwaitAnswer(contact->door, deadline);
  Jsonb* const answer = contact->door->TakeMessage();
  contact->is_busy = false;
  return answer;
}

[[noreturn]] void RaiseEnded() {
  CloseLink();
  ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE),
                  errmsg("the link to the worker of fraiseql_subs has ended"),
                  errdetail("The worker was restarted, or has ended the link."),
                  errhint("Open another link, and restore its sessions there.")));
  pg_unreachable();
}

[[noreturn]] void RaiseNoLink() {
  ereport(ERROR,
          (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("there is no such link"),
           errdetail("A link ends with the session that has opened it, and with the worker.")));
  pg_unreachable();
}

// What the worker says of what it was sent.
[[noreturn]] void RaiseRefused(std::string_view problem) {
  const int length = static_cast<int>(std::min<size_t>(problem.size(), 1000));
  const bool is_text = pg_verify_mbstr(PG_UTF8, problem.data(), length, true);
  ereport(ERROR,
          (errcode(ERRCODE_PROTOCOL_VIOLATION),
           errmsg("the worker of fraiseql_subs has refused commands and ended their link"),
           is_text ? errdetail_internal(
                         "%s", pg_any_to_server(pnstrdup(problem.data(), length), length, PG_UTF8))
                   : 0));
  pg_unreachable();
}

[[noreturn]] void RaiseNonsense() {
  CloseLink();
  ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
                  errmsg("what the worker of fraiseql_subs has sent makes no sense")));
  pg_unreachable();
}

bool IsLinkName(std::string_view name) {
  return name.size() == session::kLinkNameLength &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The name in the answer's only row.
std::string_view LinkNameIn(Jsonb* answer) {
  JsonbValue rows;
  if (!FindMember(answer, side_door::member::kRows, &rows) || rows.type != jbvBinary ||
      !JsonContainerIsArray(rows.val.binary.data)) {
    return {};
  }
  const JsonbValue* const name = getIthJsonbValueFromContainer(rows.val.binary.data, 0);
  if (name == nullptr || name->type != jbvString) return {};
  return {name->val.string.val, static_cast<size_t>(name->val.string.len)};
}

void OpenLink() {
  CloseLink();
  Jsonb* const answer = Introduce(&held.contact, side_door::op::kSessionLink, Wait::kSessionLink);
  held.contact.is_busy = true;  // until all is done
  JsonbValue error;
  if (FindMember(answer, side_door::member::kError, &error) && error.type == jbvString) {
    ereport(ERROR, (errcode(ERRCODE_SQLCLIENT_UNABLE_TO_ESTABLISH_SQLCONNECTION),
                    errmsg("the worker of fraiseql_subs does not take a link: %.*s",
                           error.val.string.len, error.val.string.val),
                    errhint("Try again later.")));
  }
  const std::string_view name = LinkNameIn(answer);
  if (!IsLinkName(name)) RaiseNonsense();
  snprintf(held.text, sizeof(held.text), "%.*s:%llx", static_cast<int>(name.size()), name.data(),
           static_cast<unsigned long long>(GetSharedRing().ring->epoch));
  const MemoryContext before = MemoryContextSwitchTo(held.contact.context);
  held.wait = SideDoorWait::Make(held.contact.door, Wait::kSessionLink);
  MemoryContextSwitchTo(before);
  held.contact.is_busy = false;
}

void Send(std::string_view commands, Take take) {
  const char head = static_cast<char>(take);
  held.contact.is_busy = true;
  const SideDoorResult sent = held.contact.door->Send({&head, 1}, commands, Deadline::max());
  if (sent != SideDoorResult::kDone) RaiseEnded();
  held.contact.is_busy = false;
  if (take != Take::kNothing) ++held.asked;
}

// Whether these are whole frames.
bool AreFrames(std::string_view bytes) {
  while (!bytes.empty()) {
    if (bytes.size() < session::kLengthSize) return false;
    const auto length = session::Load<uint32_t>(bytes.data());
    bytes.remove_prefix(session::kLengthSize);
    if (length < session::kFrameHeader || length > bytes.size()) return false;
    const auto id_length =
        session::Load<uint16_t>(bytes.data() + session::kFrameHeader - sizeof(uint16_t));
    if (id_length > length - session::kFrameHeader) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

// Returns whether an answer has come, and sets `*frames`, which are valid until the next call.
bool Receive(std::string_view* frames) {
  switch (held.contact.door->TryReceive()) {
    case SideDoorResult::kNotYet:
      return false;
    case SideDoorResult::kClosed:
      RaiseEnded();
    case SideDoorResult::kOversize:
      RaiseNonsense();
    case SideDoorResult::kDone:
      break;
  }
  std::string_view bytes = held.contact.door->TakeBytes();
  if (bytes.empty()) RaiseNonsense();
  const char kind = bytes[0];
  bytes.remove_prefix(1);
  if (kind == static_cast<char>(Answer::kFailure)) {
    // The bytes go with the link.
    const char* const problem = pnstrdup(bytes.data(), bytes.size());
    CloseLink();
    RaiseRefused(problem);
  }
  if (kind != static_cast<char>(Answer::kFrames) || held.asked == 0 || !AreFrames(bytes)) {
    RaiseNonsense();
  }
  --held.asked;
  *frames = bytes;
  return true;
}

// Frames that are there or come in time; valid until the next exchange.
std::string_view Exchange(std::string_view commands, int wait_ms) {
  const Deadline deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
  const Take take = wait_ms == 0      ? Take::kAtOnce
                    : held.asked == 0 ? Take::kWhenThere
                                      : Take::kNothing;
  if (take != Take::kNothing || !commands.empty()) Send(commands, take);
  // It answers at once, unless something is wrong.
  const Deadline patience = wait_ms == 0 ? Clock::now() + kAnswerTimeout : deadline;
  for (;;) {
    std::string_view frames;
    while (Receive(&frames)) {
      if (!frames.empty() || (wait_ms == 0 && held.asked == 0)) return frames;
      CHECK_FOR_INTERRUPTS();
      if (Clock::now() >= patience) return {};
      if (held.asked == 0) Send({}, Take::kWhenThere);
    }
    if (Clock::now() >= patience) {
      if (wait_ms == 0) RaiseNoAnswer(SideDoorResult::kNotYet);
      return {};
    }
    held.wait->Once(patience);
  }
}

bytea* MakeBytes(std::string_view bytes) {
  bytea* const made = static_cast<bytea*>(palloc(VARHDRSZ + bytes.size()));
  SET_VARSIZE(made, VARHDRSZ + bytes.size());
  memcpy(VARDATA(made), bytes.data(), bytes.size());
  return made;
}

std::string_view CommandsArgument(FunctionCallInfo fcinfo, int argument) {
  if (PG_ARGISNULL(argument)) return {};
  const bytea* const bytes = PG_GETARG_BYTEA_PP(argument);
  if (VARSIZE_ANY_EXHDR(bytes) > session::kMaxCommands) {
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("commands of %zu bytes are too many for one call",
                           static_cast<size_t>(VARSIZE_ANY_EXHDR(bytes))),
                    errhint("One call takes %zu bytes.", session::kMaxCommands)));
  }
  return {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
}

Datum MakeRow(std::string_view frames) {
  TupleDesc description = CreateTemplateTupleDesc(2);
  TupleDescInitEntry(description, 1, "link", TEXTOID, -1, 0);
  TupleDescInitEntry(description, 2, "frames", BYTEAOID, -1, 0);
  description = BlessTupleDesc(description);
  Datum values[2] = {CStringGetTextDatum(held.text), PointerGetDatum(MakeBytes(frames))};
  bool nulls[2] = {false, false};
  return HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_session_exchange) {
  using namespace fsubs;
  RequirePreloaded();
  RequireNonatomic(fcinfo, "session_exchange");
  const std::string_view commands = CommandsArgument(fcinfo, 1);
  const int wait_ms = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
  if (wait_ms < 0) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("wait_ms cannot be negative")));
  }
  const char* const given = PG_ARGISNULL(0) ? nullptr : text_to_cstring(PG_GETARG_TEXT_PP(0));
  CommitBeforeWaiting();
  if (given == nullptr) {
    OpenLink();
  } else if (held.contact.context == nullptr || held.contact.is_busy ||
             strcmp(given, held.text) != 0) {
    if (held.contact.is_busy) CloseLink();
    RaiseNoLink();
  }
  return MakeRow(Exchange(commands, wait_ms));
}

FSUBS_FUNCTION(fsubs_session_send) {
  using namespace fsubs;
  RequirePreloaded();
  RequireArgument(fcinfo, 0, "link");
  const std::string_view name = ViewOf(PG_GETARG_TEXT_PP(0)).substr(0, session::kLinkNameLength);
  const std::string_view commands = CommandsArgument(fcinfo, 1);
  if (!IsLinkName(name)) RaiseNoLink();
  // One that another worker had is of no use.
  if (sender.context != nullptr &&
      (sender.is_busy || sender.door->TryReceive() != SideDoorResult::kNotYet)) {
    Close(&sender);
  }
  if (sender.context == nullptr) {
    (void)Introduce(&sender, side_door::op::kSessionSender, Wait::kSideDoor);
  }
  sender.is_busy = true;
  SideDoorResult result = sender.door->Send(name, commands, Deadline::max());
  while (result == SideDoorResult::kDone) {
    result = sender.door->TryReceive();
    if (result != SideDoorResult::kNotYet) break;
    sender.door->WaitReadable(Clock::now() + std::chrono::hours(1));
    CHECK_FOR_INTERRUPTS();
    result = SideDoorResult::kDone;
  }
  if (result != SideDoorResult::kDone) RaiseNoAnswer(result);
  const std::string_view answer = sender.door->TakeBytes();
  sender.is_busy = false;
  if (answer.empty() || answer[0] == static_cast<char>(Sent::kNoLink)) RaiseNoLink();
  if (answer[0] == static_cast<char>(Sent::kRefused)) RaiseRefused(answer.substr(1));
  PG_RETURN_VOID();
}
