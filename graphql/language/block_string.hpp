// Block strings (October 2021 specification, section 2.9.4).
#pragma once

#include <string>
#include <string_view>

namespace fsubs::graphql {

// The value of a block string (BlockStringValue): without common indentation and without blank
// lines at its start and end. `raw` is the text between the quotes, with \""" already replaced.
std::string DedentBlockString(std::string_view raw);

// A literal with that value, quotes included, laid out as graphql-js does.
std::string PrintBlockString(std::string_view value);

}  // namespace fsubs::graphql
