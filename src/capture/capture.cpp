// The trigger function fraiseql_capture: a row change becomes an event. It neither changes nor
// fails the write, unless fraiseql_subs.capture_failure asks for that.
#include "src/base/guc.hpp"
#include "src/capture/capture_error.hpp"
#include "src/capture/change_event.hpp"
#include "src/capture/row_compare.hpp"
#include "src/capture/version_change.hpp"
#include "src/capture/watched_table.hpp"
#include "src/capture/xact_queue.hpp"
#include "src/ring/shmem.hpp"

namespace fsubs {
namespace {

[[noreturn]] void RefuseCall(const char* reason) {
  ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                  errmsg("fraiseql_capture() %s", reason),
                  errhint("Create its triggers with fraiseql_watch().")));
  pg_unreachable();
}

void CheckCall(FunctionCallInfo fcinfo) {
  if (!CALLED_AS_TRIGGER(fcinfo)) RefuseCall("can only be called as a trigger");
  const TriggerData* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  const TriggerEvent event = trigger->tg_event;
  if (!TRIGGER_FIRED_AFTER(event)) RefuseCall("must be an AFTER trigger");
  if (TRIGGER_FIRED_FOR_ROW(event) == TRIGGER_FIRED_BY_TRUNCATE(event)) {
    RefuseCall("must be FOR EACH ROW, or FOR EACH STATEMENT for TRUNCATE");
  }
  const Trigger* const definition = trigger->tg_trigger;
  if (definition->tgnargs != 1 || definition->tgargs[0][0] == '\0') {
    RefuseCall("needs one argument, the channel");
  }
}

const char* OperationName(TriggerEvent event) {
  if (TRIGGER_FIRED_BY_INSERT(event)) return "INSERT";
  if (TRIGGER_FIRED_BY_UPDATE(event)) return "UPDATE";
  if (TRIGGER_FIRED_BY_DELETE(event)) return "DELETE";
  return "TRUNCATE";
}

RowChange ChangeOf(const TriggerData* trigger) {
  RowChange change = {OperationName(trigger->tg_event), trigger->tg_relation, nullptr, nullptr};
  if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)) {
    change.row = trigger->tg_newslot;
    change.old = trigger->tg_trigslot;
  } else if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event)) {
    change.row = trigger->tg_trigslot;
  }
  return change;
}

bool ChangesNothing(const RowChange& change) {
  if (change.old == nullptr) return false;
  slot_getallattrs(change.row);
  slot_getallattrs(change.old);
  return IsSameRow(change.row, change.old);
}

void Capture(FunctionCallInfo fcinfo) {
  const TriggerData* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
  const RowChange change = ChangeOf(trigger);
  if (ChangesNothing(change)) return NoteChange(VersionChangeOf(trigger));
  WatchedTable* const table = GetWatchedTable(fcinfo);
  const bool raise = settings::capture_failure() == CaptureFailure::kError;
  if (!table->has_channel) {
    if (raise) RaiseNoName(RelationGetRelationName(change.relation));
    return;  // nobody can be subscribed to it
  }
  EventRecord event;
  if (MakeChangeEvent(table, change, &event)) {
    if (TryQueueChange(event, VersionChangeOf(trigger))) return;
    if (raise) RaiseQueueFull();
  }
  QueueLoss(table->channel);
  NoteChange(VersionChangeOf(trigger));
}

}  // namespace
}  // namespace fsubs

FSUBS_FUNCTION(fsubs_capture) {
  using namespace fsubs;
  CheckCall(fcinfo);
  // Elsewhere, as on a server that a dump was restored to, the table can be written to all the
  // same.
  if (IsServing()) Capture(fcinfo);
  PG_RETURN_POINTER(nullptr);
}
