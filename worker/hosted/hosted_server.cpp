#include "worker/hosted/hosted_server.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace fsubs {

void HostedServer::Open(LinkId link) {
  links_[link] = std::make_unique<SessionLink>(host_);
}

void HostedServer::Add(LinkId link, std::string commands, session::Take take) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  found->second->Add(std::move(commands));
  found->second->Add(take);
}

bool HostedServer::Continue(WorkBudget* budget) {
  bool done = true;
  for (const auto& [id, link] : links_) done = link->Continue(budget) && done;
  while (!ended_.empty()) {
    if (!ended_.back()->Bury(budget)) return false;
    ended_.pop_back();
  }
  return done;
}

void HostedServer::Close(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  found->second->GiveUp();
  ended_.push_back(std::move(found->second));
  links_.erase(found);
}

void HostedServer::GiveUp() {
  for (const auto& [id, link] : links_) link->GiveUp();
}

void HostedServer::Settle() {
  std::vector<LinkId> ended;
  for (const auto& [id, link] : links_) {
    link->Settle();
    LinkReport report = link->TakeReport();
    if (report.is_empty()) continue;
    if (!report.failure.empty()) ended.push_back(id);
    report_(id, std::move(report));
  }
  for (const LinkId id : ended) Close(id);
}

bool HostedServer::is_empty() const {
  return std::all_of(links_.begin(), links_.end(),
                     [](const auto& link) { return link.second->is_empty(); });
}

}  // namespace fsubs
