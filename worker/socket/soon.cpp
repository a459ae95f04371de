#include "worker/socket/soon.hpp"

#include "worker/socket/connection.hpp"

namespace fsubs {

SoonList::SoonList(uv_loop_t* loop) {
  uv_idle_init(loop, &idle_);
  idle_.data = this;
}

void SoonList::Add(Connection* connection) {
  connections_.push_back(connection);
  if (connections_.size() > 1) return;
  uv_idle_start(&idle_, [](uv_idle_t* idle) { static_cast<SoonList*>(idle->data)->Run(); });
}

void SoonList::Remove(Connection* connection) {
  std::erase(connections_, connection);
}

void SoonList::Run() {
  std::vector<Connection*> connections;
  connections.swap(connections_);
  // Connections are destroyed by the loop alone, not in here.
  for (Connection* const connection : connections) connection->OnSoon();
  if (connections_.empty()) uv_idle_stop(&idle_);
}

}  // namespace fsubs
