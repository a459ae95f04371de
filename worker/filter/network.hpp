// Addresses of networks and cards as PostgreSQL's inet, cidr, macaddr and macaddr8 spell them, in
// forms whose bytes order as the types do (memcmp).
#pragma once

#include <string>
#include <string_view>

namespace fsubs {

// Each returns false, having appended nothing, if `text` is no such address.

// IPv4 with all four numbers or IPv6, with or without a prefix length.
[[nodiscard]] bool AppendInetForm(std::string_view text, std::string* out);
// With any separators that PostgreSQL takes.
[[nodiscard]] bool AppendMacAddrForm(std::string_view text, std::string* out);
// The same; six bytes become eight.
[[nodiscard]] bool AppendMacAddr8Form(std::string_view text, std::string* out);

}  // namespace fsubs
