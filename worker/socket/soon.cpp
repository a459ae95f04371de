#include "worker/socket/soon.hpp"

#include "worker/socket/connection.hpp"

namespace fsubs {

SoonList::SoonList(uv_loop_t* loop) : time_(loop) {
  uv_idle_init(loop, &idle_);
  idle_.data = this;
}

void SoonList::Add(Connection* connection) {
  connections_.push_back(connection);
  uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<SoonList*>(idle->data)->Run(); });
}

void SoonList::Remove(Connection* connection) {
  std::erase(connections_, connection);
}

void SoonList::Run() {
  std::vector<Connection*> connections;
  connections.swap(connections_);
  // Connections are destroyed by the loop alone, not in here.
  auto next = connections.begin();
  while (next != connections.end() && !time_.is_over()) {
    time_.Spend([&] { (*next++)->OnSoon(); });
  }
  // Those that are left have waited longer than those that came meanwhile.
  connections_.insert(connections_.begin(), next, connections.end());
  if (connections_.empty()) uv_idle_stop(&idle_);
}

}  // namespace fsubs
