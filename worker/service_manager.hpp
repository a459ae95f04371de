// What systemd, or another program that speaks its protocol, starts a service with: sockets that
// listen already (sd_listen_fds(3)), a socket to tell how the service is doing (sd_notify(3)), and
// a watchdog to be fed.
//
// Not by libsystemd, which opens a socket for each message: the sandbox forbids that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs {

// Descriptors that were passed, or -1.
struct PassedSockets {
  int port = -1;         // TCP, for clients
  int unix_socket = -1;  // for clients, too
  int events = -1;       // the one called "events" (FileDescriptorName=)
};

// Take the sockets that the environment says were passed to this process. Returns an empty string,
// or why they cannot be used. Call once, before anything is opened.
std::string TakePassedSockets(PassedSockets* sockets);

// The address and the port of a TCP socket.
void AddressOf(int socket, std::string* address, uint16_t* port);

class ServiceManager {
 public:
  // Connect to where the environment says; where it says nothing, telling does nothing. Call before
  // the process gives up its rights.
  ServiceManager();
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // The service takes clients.
  void TellReady() const { Tell("READY=1"); }
  // It reads its settings again; TellReady follows.
  void TellReloading() const;
  void TellStopping() const { Tell("STOPPING=1"); }
  // One line for `systemctl status`.
  void TellStatus(std::string_view text) const { Tell("STATUS=" + std::string(text)); }
  void FeedWatchdog() const { Tell("WATCHDOG=1"); }

  // How often the watchdog is to be fed; 0: there is none.
  uint64_t watchdog_ms() const { return watchdog_ms_; }

 private:
  void Tell(std::string_view message) const;

  int socket_ = -1;
  uint64_t watchdog_ms_ = 0;
};

}  // namespace fsubs
