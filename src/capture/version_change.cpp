#include "src/capture/version_change.hpp"

namespace fsubs {
namespace {

CommandId InsertingCommand(HeapTupleHeader row) {
  // That of a frozen row is FrozenTransactionId, and that of a row that was never stored is
  // invalid.
  if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(row))) return InvalidCommandId;
  return HeapTupleHeaderGetCmin(row);
}

CommandId DeletingCommand(HeapTupleHeader row) {
  // Without a deleting transaction, its field may hold a locker or a multixact of lockers.
  if ((row->t_infomask & HEAP_XMAX_INVALID) != 0) return InvalidCommandId;
  if (HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask)) return InvalidCommandId;
  if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(row))) {
    return InvalidCommandId;
  }
  return HeapTupleHeaderGetCmax(row);
}

void SetOld(VersionChange* change, Oid table, HeapTuple row) {
  change->old_command = InsertingCommand(row->t_data);
  if (change->old_command != InvalidCommandId) change->old_version = {table, row->t_self};
}

}  // namespace

VersionChange VersionChangeOf(const TriggerData* trigger) {
  const TriggerEvent event = trigger->tg_event;
  const Relation relation = trigger->tg_relation;
  VersionChange change;
  if (!TRIGGER_FIRED_FOR_ROW(event)) return change;
  if (relation->rd_tableam != GetHeapamTableAmRoutine()) return change;
  const Oid table = RelationGetRelid(relation);
  if (TRIGGER_FIRED_BY_DELETE(event)) {
    change.command = DeletingCommand(trigger->tg_trigtuple->t_data);
    SetOld(&change, table, trigger->tg_trigtuple);
    return change;
  }
  const bool is_update = TRIGGER_FIRED_BY_UPDATE(event);
  const HeapTuple row = is_update ? trigger->tg_newtuple : trigger->tg_trigtuple;
  change.command = InsertingCommand(row->t_data);
  change.new_version = {table, row->t_self};
  if (is_update) SetOld(&change, table, trigger->tg_trigtuple);
  return change;
}

}  // namespace fsubs
