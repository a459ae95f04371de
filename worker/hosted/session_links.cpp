#include "worker/hosted/session_links.hpp"

#include <sys/random.h>

#include <stdexcept>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/hosted/command_reader.hpp"

namespace fsubs {
namespace {

using session::Answer;
using session::Sent;
using session::Take;

std::string RandomName() {
  static constexpr char kDigits[] = "0123456789abcdef";
  unsigned char bytes[session::kLinkNameLength / 2];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
    throw std::runtime_error("there are no random numbers");
  }
  std::string name;
  for (const unsigned char byte : bytes) {
    name += kDigits[byte >> 4];
    name += kDigits[byte & 0xF];
  }
  return name;
}

template <typename Kind>
std::string Marked(Kind kind, std::string_view text) {
  return std::string(1, static_cast<char>(kind)).append(text);
}

}  // namespace

// The backend whose link it is.
class SessionLinks::Holder final : public DoorUser {
 public:
  Holder(SessionLinks* links, LinkId id) : links_(links), id_(id) {}
  ~Holder() override { links_->Close(id_); }

  bool OnBytes(std::string_view bytes) override {
    const auto found = links_->links_.find(id_);
    if (found == links_->links_.end()) return true;  // it was told why
    if (bytes.empty() ||
        static_cast<unsigned char>(bytes[0]) > static_cast<unsigned char>(Take::kAtOnce)) {
      return false;
    }
    const auto take = static_cast<Take>(bytes[0]);
    bytes.remove_prefix(1);
    if (bytes.size() > session::kMaxCommands) return false;
    const std::string problem = CheckCommands(bytes);
    if (!problem.empty()) {
      links_->Fail(id_, problem);
      return true;
    }
    links_->Give(id_, &found->second, bytes, take);
    if (found->second.unread > session::kMaxUnread) {
      found->second.paused = true;
      found->second.door->SetReading(false);
    }
    return true;
  }

 private:
  SessionLinks* const links_;
  const LinkId id_;
};

class SessionLinks::Sender final : public DoorUser {
 public:
  Sender(SessionLinks* links, Door* door)
      : links_(links), door_(door), alive_(std::make_shared<Sender*>(this)) {}

  bool OnBytes(std::string_view bytes) override {
    if (bytes.size() < session::kLinkNameLength) return false;
    const auto named = links_->names_.find(std::string(bytes.substr(0, session::kLinkNameLength)));
    if (named == links_->names_.end()) {
      door_->Send(Marked(Sent::kNoLink, {}));
      return true;
    }
    bytes.remove_prefix(session::kLinkNameLength);
    if (bytes.size() > session::kMaxCommands) return false;
    const LinkId id = named->second;
    const std::string problem = CheckCommands(bytes);
    if (!problem.empty()) {
      links_->Fail(id, problem);
      door_->Send(Marked(Sent::kRefused, problem));
      return true;
    }
    Link& link = links_->links_.at(id);
    links_->Give(id, &link, bytes, Take::kNothing);
    if (link.unread > session::kMaxUnread) {
      link.waiting.push_back({alive_});
    } else {
      door_->Send(Marked(Sent::kTaken, {}));
    }
    return true;
  }

  void Tell(Sent sent) { door_->Send(Marked(sent, {})); }

 private:
  SessionLinks* const links_;
  Door* const door_;
  const std::shared_ptr<Sender*> alive_;
};

std::unique_ptr<DoorUser> SessionLinks::Open(Door* door, std::string* name) {
  if (shards_.empty()) return nullptr;
  *name = RandomName();
  LinkShard* const shard = shards_[next_shard_++ % shards_.size()];
  const LinkId id = ++last_id_;
  links_.emplace(id, Link{.shard = shard, .name = *name, .door = door, .waiting = {}});
  names_.emplace(*name, id);
  shard->OpenLink(id);
  return std::make_unique<Holder>(this, id);
}

std::unique_ptr<DoorUser> SessionLinks::OpenSender(Door* door) {
  return std::make_unique<Sender>(this, door);
}

void SessionLinks::Give(LinkId id, Link* link, std::string_view commands, Take take) {
  if (commands.empty() && take == Take::kNothing) return;
  link->unread += commands.size();
  link->shard->AddToLink(id, std::string(commands), take);
}

void SessionLinks::OnReport(LinkId id, const LinkReport& report) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = found->second;
  for (const std::string& frames : report.frames) link.door->Send(Marked(Answer::kFrames, frames));
  link.unread -= report.handled;
  if (link.unread <= session::kMaxUnread) {
    for (const Waiting& waiting : std::exchange(link.waiting, {})) {
      if (const auto sender = waiting.sender.lock()) (*sender)->Tell(Sent::kTaken);
    }
    if (std::exchange(link.paused, false)) link.door->SetReading(true);
  }
  if (!report.failure.empty()) Fail(id, report.failure);
}

void SessionLinks::Fail(LinkId id, std::string_view problem) {
  Log(LogLevel::kWarning,
      "a host of sessions has sent what makes no sense, its link is closed: %.*s",
      static_cast<int>(problem.size()), problem.data());
  links_.at(id).door->Send(Marked(Answer::kFailure, problem));
  Close(id);
}

void SessionLinks::Close(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = found->second;
  for (const Waiting& waiting : link.waiting) {
    if (const auto sender = waiting.sender.lock()) (*sender)->Tell(Sent::kNoLink);
  }
  link.shard->CloseLink(id);
  names_.erase(link.name);
  links_.erase(found);
}

}  // namespace fsubs
