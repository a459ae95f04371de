// A connection at the side door on which, once it has said what it is for, bytes are exchanged that
// are no JSON.
//
// Control thread only.
#pragma once

#include <string_view>

namespace fsubs {

// The connection, as its user sees it.
class Door {
 public:
  virtual ~Door() = default;
  virtual void Send(std::string_view bytes) = 0;
  // Whether OnBytes may be called. What was read already is still delivered.
  virtual void SetReading(bool reading) = 0;
};

// Its user; destroyed with it.
class DoorUser {
 public:
  virtual ~DoorUser() = default;
  // Returns false if these bytes are nothing that may come: the connection is closed.
  virtual bool OnBytes(std::string_view bytes) = 0;
};

}  // namespace fsubs
