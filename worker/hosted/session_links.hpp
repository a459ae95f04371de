// All links of the worker, as PostgreSQL's backends reach them: hands commands to the shards that
// have the links, and frames back.
//
// Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "contract/session_records.hpp"
#include "worker/hosted/door.hpp"
#include "worker/hosted/hosted_server.hpp"

namespace fsubs {

// A shard's links. Any thread.
class LinkShard {
 public:
  virtual ~LinkShard() = default;
  virtual void OpenLink(LinkId link) = 0;
  virtual void AddToLink(LinkId link, std::string commands, session::Take take) = 0;
  virtual void CloseLink(LinkId link) = 0;
};

class SessionLinks {
 public:
  SessionLinks() = default;
  SessionLinks(const SessionLinks&) = delete;
  SessionLinks& operator=(const SessionLinks&) = delete;

  // Where links live from now on. It outlives the links.
  void AddShard(LinkShard* shard) { shards_.push_back(shard); }

  // A backend holds a link from now on, as long as the returned user lives. `*name` is the link's.
  // Null if there is no shard.
  std::unique_ptr<DoorUser> Open(Door* door, std::string* name);
  // A backend sends commands to any links.
  std::unique_ptr<DoorUser> OpenSender(Door* door);

  // What the shard says of it.
  void OnReport(LinkId link, const LinkReport& report);

 private:
  class Holder;
  class Sender;
  // One whose commands were taken, and who is told once there is room for more.
  struct Waiting {
    std::weak_ptr<Sender*> sender;
  };
  struct Link {
    LinkShard* shard;
    std::string name;
    Door* door;
    size_t unread = 0;  // bytes of commands that the shard has not handled
    bool paused = false;
    std::vector<Waiting> waiting;
  };

  void Give(LinkId id, Link* link, std::string_view commands, session::Take take);
  void Fail(LinkId id, std::string_view problem);
  void Close(LinkId id);

  std::vector<LinkShard*> shards_;
  size_t next_shard_ = 0;
  LinkId last_id_ = 0;
  std::unordered_map<LinkId, Link> links_;
  std::unordered_map<std::string, LinkId> names_;
};

}  // namespace fsubs
