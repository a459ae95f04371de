// What a line of the memory bus says: an event, another catalog, or a question.
#pragma once

#include <string>
#include <string_view>

#include "contract/event_record.hpp"
#include "worker/json/json_tree.hpp"

namespace fsubs {

class EventLine {
 public:
  enum class [[nodiscard]] Kind{
      kNone,     // the line is blank
      kEvent,    // event()
      kCatalog,  // catalog()
      kSync,     // sync(): who wrote it wants to hear it when all before has been taken
      kBad,      // error()
  };

  // Read a line. What it says is valid until another is read, and as long as `text`.
  Kind Read(std::string_view text);

  // Without sequence, position and stamp.
  const EventRecord& event() const { return event_; }
  // A JSON object.
  std::string_view catalog() const { return value_; }
  // Any JSON.
  std::string_view sync() const { return value_; }
  // One line, as PostgreSQL would say it.
  const std::string& error() const { return error_; }

 private:
  Kind ReadEvent(const JsonValue& object);
  Kind Fail(std::string error);
  bool ReadName(const JsonValue& object, const char* member, bool is_required,
                std::string_view* name);

  JsonTree tree_;
  EventRecord event_;
  std::string_view value_;
  std::string error_;
};

}  // namespace fsubs
