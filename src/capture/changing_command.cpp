#include "src/capture/changing_command.hpp"

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

}  // namespace

CommandId ChangingCommand(const TriggerData* trigger) {
  const TriggerEvent event = trigger->tg_event;
  if (!TRIGGER_FIRED_FOR_ROW(event)) return InvalidCommandId;
  if (trigger->tg_relation->rd_tableam != GetHeapamTableAmRoutine()) return InvalidCommandId;
  if (TRIGGER_FIRED_BY_UPDATE(event)) return InsertingCommand(trigger->tg_newtuple->t_data);
  if (TRIGGER_FIRED_BY_INSERT(event)) return InsertingCommand(trigger->tg_trigtuple->t_data);
  return DeletingCommand(trigger->tg_trigtuple->t_data);
}

}  // namespace fsubs
