// What a client presents itself with.
#pragma once

#include <string>

namespace fsubs {

struct Credentials {
  std::string token;           // without "Bearer "; empty: none
  std::string requested_role;  // "x-hasura-role" among the headers of the init payload
  // For the function that authenticates; JSON objects.
  std::string init_payload = "{}";
  std::string headers = "{}";  // of the handshake or request; names in lower case
};

}  // namespace fsubs
