// A Redis server that a test plays, and the process that connects to it: commands are answered by a
// function of the test, with any bytes.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contract/address.hpp"
#include "test/unit/worker/bus/redis/resp.hpp"
#include "worker/base/kept_process.hpp"
#include "worker/dial/dial_protocol.hpp"

namespace fsubs {

class FakeRedis {
 public:
  using Words = CommandWords;
  // Returns what is answered; nothing: no answer for now.
  using Answer = std::function<std::optional<std::string>(const Words& command)>;

  FakeRedis() {
    // As the worker does.
    std::signal(SIGPIPE, SIG_IGN);
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    channel_ = ends[0];
    dialer_ = ends[1];
  }
  ~FakeRedis() {
    close(dialer_);
    for (const Peer& peer : peers_) {
      if (peer.fd >= 0) close(peer.fd);
    }
  }
  FakeRedis(const FakeRedis&) = delete;
  FakeRedis& operator=(const FakeRedis&) = delete;

  // For the dialer under test, which closes it.
  KeptProcess process() const { return {.channel = channel_}; }

  void SetAnswer(Answer answer) { answer_ = std::move(answer); }
  // Connections fail from now on, for this reason; empty: they succeed.
  void RefuseConnections(const std::string& why) { refusal_ = why; }

  // Take connections and commands that have come. Call between turns of the loop.
  void Serve() {
    while (TakeDial()) {
    }
    for (size_t i = 0; i < peers_.size(); ++i) ServePeer(i);
  }

  void CloseConnections() {
    for (Peer& peer : peers_) {
      if (peer.fd >= 0) close(std::exchange(peer.fd, -1));
    }
  }

  const std::vector<Address>& dialed() const { return dialed_; }
  const std::vector<Words>& commands() const { return commands_; }

 private:
  struct Peer {
    int fd;
    std::string unread;
  };

  bool TakeDial() {
    char packet[sizeof(DialRequestHead) + kMaxDialHost];
    const ssize_t size = recv(dialer_, packet, sizeof(packet), 0);
    if (size < static_cast<ssize_t>(sizeof(DialRequestHead))) return false;
    DialRequestHead head;
    std::memcpy(&head, packet, sizeof(head));
    dialed_.push_back(
        {std::string(packet + sizeof(head), static_cast<size_t>(size) - sizeof(head)), head.port});
    int ends[2] = {-1, -1};
    if (refusal_.empty()) {
      EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
      peers_.push_back({ends[1], {}});
    }
    SendReply(head.id, ends[0]);
    if (ends[0] >= 0) close(ends[0]);
    return true;
  }

  void SendReply(uint32_t id, int fd) {
    DialReplyHead head{id};
    iovec parts[] = {{&head, sizeof(head)}, {refusal_.data(), refusal_.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (fd >= 0) {
      message.msg_control = control;
      message.msg_controllen = sizeof(control);
      cmsghdr* const attached = CMSG_FIRSTHDR(&message);
      attached->cmsg_level = SOL_SOCKET;
      attached->cmsg_type = SCM_RIGHTS;
      attached->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(attached), &fd, sizeof(fd));
    }
    EXPECT_GT(sendmsg(dialer_, &message, MSG_NOSIGNAL), 0);
  }

  void ServePeer(size_t index) {
    char bytes[64 * 1024];
    ssize_t size;
    while (peers_[index].fd >= 0 && (size = recv(peers_[index].fd, bytes, sizeof(bytes), 0)) > 0) {
      peers_[index].unread.append(bytes, static_cast<size_t>(size));
    }
    while (const auto command = TakeCommand(&peers_[index].unread)) {
      commands_.push_back(*command);
      const auto answer = answer_(*command);
      if (answer && peers_[index].fd >= 0) {
        send(peers_[index].fd, answer->data(), answer->size(), MSG_NOSIGNAL);
      }
    }
  }

  int channel_;
  int dialer_;
  Answer answer_ = [](const Words&) { return "+OK\r\n"; };
  std::string refusal_;
  std::vector<Peer> peers_;
  std::vector<Address> dialed_;
  std::vector<Words> commands_;
};

}  // namespace fsubs
