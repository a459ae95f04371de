#include "worker/bus/redis/redis_setup.hpp"

#include "worker/dial/dialer_process.hpp"

namespace fsubs {
namespace {

std::string ReadUrl(const Options& options, RedisUrl* url) {
  if (options.bus_url.empty()) return "fraiseql_subs.bus_url is empty";
  const std::string problem = ParseRedisUrl(options.bus_url, url);
  return problem.empty() ? problem : "fraiseql_subs.bus_url is none of Redis: " + problem;
}

}  // namespace

KeptProcess StartRedisDialer(const Options& options, std::string* error) {
  RedisUrl url;
  *error = ReadUrl(options, &url);
  if (!error->empty()) return {};
  // Sentinels and the nodes of a cluster say where else to connect to.
  const DialRules rules{.allowed = url.addresses,
                        .anywhere = url.kind != RedisKind::kSingle,
                        .confined = options.sandbox};
  return StartDialer(rules, error);
}

std::string ReadRedisAccess(const Options& options, RedisAccess* access) {
  std::string error = ReadUrl(options, &access->url);
  if (!error.empty() || !access->url.tls) return error;
  access->tls = TlsClientContext::Make(options.bus_ca_file, &error);
  if (access->tls != nullptr) return {};
  return "the certificates of fraiseql_subs.bus_ca_file cannot be read: " + error;
}

}  // namespace fsubs
