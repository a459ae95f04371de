#include "worker/socket/proxy_gate.hpp"

#include <exception>
#include <utility>

#include "worker/base/log.hpp"
#include "worker/socket/proxy_header.hpp"

namespace fsubs {

ProxyGate::ProxyGate(Deadlines* deadlines, TcpStream* stream, Open open)
    : deadlines_(deadlines), stream_(stream), open_(std::move(open)) {
  deadlines_->Start(this, DeadlineKind::kHead);
}

ProxyGate::~ProxyGate() {
  deadlines_->Stop(this);
}

void ProxyGate::OnBytes(std::span<unsigned char> bytes) {
  header_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const ProxyHeader header = ParseProxyHeader(header_);
  if (header.state == ProxyHeader::State::kIncomplete) return;
  if (header.state == ProxyHeader::State::kMalformed) {
    Refuse("begins with something else");
    return;
  }
  try {
    if (header.client) stream_->SetPeer(*header.client);
    std::unique_ptr<StreamUser> next = open_(header.client ? &*header.client : nullptr);
    if (!next) {
      stream_->Close();
      return;
    }
    const size_t rest = header_.size() - header.length;
    StreamUser* const user = next.get();
    // This, up to the end of the function.
    const std::unique_ptr<StreamUser> self = stream_->ReplaceUser(std::move(next));
    if (rest > 0) user->OnBytes(bytes.last(rest));
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "cannot serve a client: %s", error.what());
    stream_->Close();
  }
}

void ProxyGate::OnLate() {
  Refuse("does not send one");
}

void ProxyGate::Refuse(const char* why) {
  Log(LogLevel::kWarning,
      "closing a connection of %s, which is in proxy_protocol_from, for want of a PROXY header: it "
      "%s",
      stream_->Peer().c_str(), why);
  deadlines_->Stop(this);
  stream_->Close();
}

}  // namespace fsubs
