// Executes a plan on one event (October 2021 specification, section 6.4) and writes the response.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/json/json_tree.hpp"
#include "worker/operation/error.hpp"
#include "worker/operation/plan.hpp"

namespace fsubs {

// What a response says about its event besides the data.
struct EventMark {
  std::string_view position;
  int64_t committed_at_us = 0;  // since 1970
  bool is_incomplete = false;   // columns were left out of the data: the response says so
};

// Append `{"data":{...},"errors":[...],"extensions":{"position":"..."}}`; "errors" only if there
// are any, and "committedAt" beside the position if the plan wants timing. `event` is the event's
// data, the value of the plan's root field. Strings and numbers are copied as they stand in the
// data. Allocates only for errors and when `out` must grow.
void Encode(const Plan& plan, const JsonValue& event, const EventMark& mark, std::string* out);

// The response in place of an event that cannot be had. `error` is its field's, which is null; so
// is all data only if the field's type forbids that, since some clients end a subscription without
// data.
// `position`: of the event; empty: it has none.
std::string EncodeFailure(const Plan& plan, Error error, std::string_view position = {});

}  // namespace fsubs
