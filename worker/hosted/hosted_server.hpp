// The links of one shard.
//
// One shard's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "contract/session_records.hpp"
#include "worker/base/work_budget.hpp"
#include "worker/hosted/link_report.hpp"
#include "worker/hosted/session_link.hpp"

namespace fsubs {

// A link's number in the worker.
using LinkId = uint64_t;

class HostedServer {
 public:
  // `host` outlives it. `report` is called with what the control thread is to know of a link.
  HostedServer(HostedHost* host, std::function<void(LinkId, LinkReport)> report)
      : host_(host), report_(std::move(report)) {}

  void Open(LinkId link);
  // `commands` as of SessionLink::Add. What comes for a link that has ended is dropped.
  void Add(LinkId link, std::string commands, session::Take take);
  // With all its sessions, one after the other.
  void Close(LinkId link);

  // Handle commands. Returns whether none is left that can be; if one is, the budget is spent.
  bool Continue(WorkBudget* budget);

  // Call once per turn, when nothing of the server is on the stack: settles links and reports.
  void Settle();

  // Whether hosts have taken everything.
  bool is_empty() const;
  // Drop what they have not taken.
  void GiveUp();

 private:
  HostedHost* const host_;
  const std::function<void(LinkId, LinkReport)> report_;
  std::unordered_map<LinkId, std::unique_ptr<SessionLink>> links_;
  std::vector<std::unique_ptr<SessionLink>> ended_;  // whose sessions are to be destroyed
};

}  // namespace fsubs
