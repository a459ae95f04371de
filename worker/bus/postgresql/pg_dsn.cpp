#include "worker/bus/postgresql/pg_dsn.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>

namespace fsubs {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using OptionList = std::unique_ptr<PQconninfoOption, FreeOptions>;

using Values = std::map<std::string, std::string>;

void Take(const OptionList& options, Values* values) {
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) (*values)[option->keyword] = option->val;
  }
}

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> items;
  size_t begin = 0;
  for (size_t comma; (comma = list.find(',', begin)) != std::string::npos; begin = comma + 1) {
    items.push_back(list.substr(begin, comma - begin));
  }
  items.push_back(list.substr(begin));
  return items;
}

std::string Remove(Values* values, const char* keyword) {
  auto node = values->extract(keyword);
  return node.empty() ? std::string() : node.mapped();
}

// libpq's rules: as many of each as there are hosts, or one port for all.
std::string TakeServers(Values* values, std::vector<PgServer>* servers) {
  const std::vector<std::string> hosts = Split(Remove(values, "host"));
  const std::string addresses_text = Remove(values, "hostaddr");
  const std::vector<std::string> addresses = Split(addresses_text);
  const std::vector<std::string> ports = Split(Remove(values, "port"));
  const size_t count = addresses_text.empty() ? hosts.size() : addresses.size();
  if ((hosts.size() != count && !(hosts.size() == 1 && hosts[0].empty())) ||
      (ports.size() != count && ports.size() != 1)) {
    return "it names not as many ports or addresses as hosts";
  }
  servers->clear();
  for (size_t i = 0; i < count; ++i) {
    servers->push_back({.host = hosts.size() == count ? hosts[i] : std::string(),
                        .address = addresses_text.empty() ? std::string() : addresses[i],
                        .port = ports.size() == 1 ? ports[0] : ports[i]});
  }
  return {};
}

// libpq's message may repeat a part of what it could not read, which may be the password.
std::string WithoutQuotes(std::string_view message) {
  const size_t end = message.find('"');
  return std::string(message.substr(0, end == std::string_view::npos ? message.find('\n') : end));
}

}  // namespace

std::string PgDsn::Parse(const std::string& text, PgDsn* dsn) {
  char* error = nullptr;
  const OptionList given(PQconninfoParse(text.c_str(), &error));
  if (given == nullptr) {
    const std::string problem = WithoutQuotes(error == nullptr ? "out of memory" : error);
    PQfreemem(error);
    return "it is no connection string: " + problem;
  }
  Values values;
  Take(given, &values);
  if (values.contains("service")) return "it names a service, whose file nodes do not read";
  const OptionList defaults(PQconndefaults());
  if (defaults == nullptr) return "out of memory";
  Values all;
  Take(defaults, &all);
  // What one of them says of the servers is not for those that the other names.
  if (values.contains("host") || values.contains("hostaddr")) {
    all.erase("host");
    all.erase("hostaddr");
  }
  for (const auto& [keyword, value] : values) all[keyword] = value;

  // Its libraries need calls that the sandbox forbids.
  if (const std::string gss = Remove(&all, "gssencmode");
      values.contains("gssencmode") && gss == "require") {
    return "it asks for GSSAPI, which nodes do not have";
  }
  all["gssencmode"] = "disable";
  all["client_encoding"] = "UTF8";
  // What is read is read on the primary.
  if (!values.contains("target_session_attrs")) all["target_session_attrs"] = "read-write";

  std::string problem = TakeServers(&all, &dsn->servers_);
  if (!problem.empty()) return problem;
  dsn->user_ = all["user"];
  if (all["dbname"].empty()) all["dbname"] = dsn->user_;
  dsn->database_ = all["dbname"];
  dsn->others_.assign(all.begin(), all.end());
  return {};
}

std::string PgDsn::Describe() const {
  std::string text = "database \"" + database_ + "\" at ";
  for (size_t i = 0; i < servers_.size(); ++i) {
    const PgServer& server = servers_[i];
    if (i > 0) text += ", ";
    text += server.host.empty() ? server.address : server.host;
    if (server.host.empty() && server.address.empty()) text += "this machine";
    if (!server.port.empty()) text += ":" + server.port;
  }
  return text;
}

std::vector<std::string> PgDsn::Files() const {
  std::vector<std::string> files;
  for (const auto& [keyword, value] : others_) {
    for (const char* const file :
         {"passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir"}) {
      if (keyword == file && !value.empty()) files.push_back(value);
    }
  }
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    files.push_back(std::string(home) + "/.pgpass");
    files.push_back(std::string(home) + "/.postgresql");
  }
  return files;
}

PgDsn::Keywords PgDsn::KeywordsFor(const PgServer& server,
                                   const std::string& application_name) const {
  Keywords keywords = others_;
  if (!server.host.empty()) keywords.emplace_back("host", server.host);
  if (!server.address.empty()) keywords.emplace_back("hostaddr", server.address);
  if (!server.port.empty()) keywords.emplace_back("port", server.port);
  keywords.emplace_back("fallback_application_name", application_name);
  return keywords;
}

}  // namespace fsubs
