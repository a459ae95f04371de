// WebSocket handshakes by libwebsockets, and nothing behind them.
#include <libwebsockets.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <string>

#include "bench/wire.hpp"

int main(int argc, char** argv) {
  uint16_t port = 0;
  std::string certificate;
  std::string key;
  CLI::App app{"WebSocket server by libwebsockets"};
  app.add_option("--port", port, "where clients connect on the loopback address")->required();
  app.add_option("--certificate", certificate, "serve by TLS with that file");
  app.add_option("--key", key, "of the certificate");
  CLI11_PARSE(app, argc, argv);

  const std::string subprotocol(fsubs::bench::kSubprotocol);
  const lws_protocols protocols[] = {
      {subprotocol.c_str(), [](lws*, lws_callback_reasons, void*, void*, size_t) { return 0; }, 0,
       4096, 0, nullptr, 0},
      {nullptr, nullptr, 0, 0, 0, nullptr, 0},
  };
  lws_set_log_level(LLL_ERR, nullptr);
  lws_context_creation_info info{};
  info.port = port;
  info.iface = "127.0.0.1";
  info.protocols = protocols;
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  if (!certificate.empty()) {
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = certificate.c_str();
    info.ssl_private_key_filepath = key.c_str();
  }
  fsubs::bench::RaiseFileLimit();
  lws_context* const context = lws_create_context(&info);
  if (context == nullptr) {
    std::fputs("lws_server: could not listen\n", stderr);
    return 1;
  }
  std::puts("listening");
  std::fflush(stdout);
  while (lws_service(context, 0) >= 0) {
  }
  lws_context_destroy(context);
}
