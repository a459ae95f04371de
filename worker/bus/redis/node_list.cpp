#include "worker/bus/redis/node_list.hpp"

#include <algorithm>
#include <string_view>

#include "worker/bus/redis/command.hpp"

namespace fsubs {
namespace {

constexpr uint64_t kFreshUs = 1'000'000;
// Shorter than what backends wait for the worker, so that they hear of the other nodes' absence.
constexpr uint64_t kPatienceUs = 2'500'000;
constexpr char kLastName[] = "999";

}  // namespace

void NodeList::Add(Asker asker, uint64_t now_us) {
  if (known_us_ != 0 && now_us - known_us_ < kFreshUs) return asker(known_);
  askers_.push_back({std::move(asker), now_us});
}

std::string NodeList::Begin() {
  stage_ = Stage::kNames;
  return Command("ZRANGE", keys_->nodes, "0", kLastName, "REV");
}

std::string NodeList::OnReply(const Reply& reply, uint64_t now_us) {
  if (reply.is_error()) {
    Fail("Redis: " + reply.text);
  } else if (!reply.is_array()) {
    Fail("Redis: its list of nodes is none");
  } else if (stage_ == Stage::kNames && !reply.elements.empty()) {
    return AskForRows(reply);
  } else {
    TakeRows(reply, now_us);
  }
  return {};
}

std::string NodeList::AskForRows(const Reply& names) {
  stage_ = Stage::kRows;
  std::vector<std::string> keys;
  for (const Reply& name : names.elements) {
    names_.push_back(name.text);
    keys.push_back(keys_->Node(name.text));
  }
  std::vector<std::string_view> parts = {"MGET"};
  parts.insert(parts.end(), keys.begin(), keys.end());
  std::string command;
  AppendCommand(parts, &command);
  return command;
}

// A node that is gone has a name but no row.
void NodeList::TakeRows(const Reply& reply, uint64_t now_us) {
  Answer answer;
  for (size_t i = 0; i < std::min(names_.size(), reply.elements.size()); ++i) {
    const Reply& row = reply.elements[i];
    auto node = row.is_text() ? NodeRow::Read(row.text) : std::nullopt;
    if (!node || node->name != names_[i]) continue;
    answer.nodes.push_back(std::move(*node));
  }
  names_.clear();
  stage_ = Stage::kIdle;
  known_ = std::move(answer);
  known_us_ = now_us;
  Tell(known_);
}

void NodeList::Fail(const std::string& why) {
  stage_ = Stage::kIdle;
  names_.clear();
  Tell({.nodes = {}, .error = why});
}

void NodeList::Expire(uint64_t now_us) {
  std::vector<Waiting> late;
  std::erase_if(askers_, [&](Waiting& one) {
    if (now_us - one.since_us < kPatienceUs) return false;
    late.push_back(std::move(one));
    return true;
  });
  const Answer none{.nodes = {}, .error = "Redis does not answer"};
  for (const Waiting& one : late) one.asker(none);
}

void NodeList::Tell(const Answer& answer) {
  for (const Waiting& one : std::exchange(askers_, {})) one.asker(answer);
}

}  // namespace fsubs
