// Lists as headers and settings write them: items between separators, with white space around them
// that means nothing.
#pragma once

#include <string_view>

namespace fsubs {

// `text` without spaces and tabs at its ends.
std::string_view Trim(std::string_view text);

// The first item of `*list`, trimmed. `*list` goes on behind the separator, and is empty after the
// last item.
std::string_view TakeItem(std::string_view* list, char separator);

}  // namespace fsubs
