// The data of one event, as subscribers may see it.
#pragma once

#include <cstddef>
#include <string_view>

#include "worker/access/event_rules.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

class EventData {
 public:
  // As JsonTree::Parse.
  [[nodiscard]] bool Parse(std::string_view text);

  // All of it. REQUIRES: the last parse succeeded.
  JsonValue all() const { return tree_.root(); }

  // What subscribers of a field with these rules may see: without the row before an UPDATE, if that
  // was others'. Valid until the next parse. REQUIRES: the last parse succeeded.
  JsonValue For(const EventRules& rules);

  // As JsonTree::Shrink.
  size_t Shrink(size_t text_bytes);

 private:
  void HideOld();

  JsonTree tree_;
  JsonTree without_old_;        // the same, where "old" is null
  bool old_is_hidden_ = false;  // in without_old_, which is of this event then
};

}  // namespace fsubs
