// Block strings (October 2021 specification, section 2.9.4).
#pragma once

#include <string>
#include <string_view>

namespace fsubs::graphql {

// The value of what stands between the quotes, with \""" already replaced: common indentation and
// blank first and last lines go (BlockStringValue).
std::string DedentBlockString(std::string_view raw);

// A literal with that value, quotes included, laid out as graphql-js does.
std::string PrintBlockString(std::string_view value);

}  // namespace fsubs::graphql
