#include "worker/client/text_list.hpp"

#include <algorithm>

namespace fsubs {

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

std::string_view TakeItem(std::string_view* list, char separator) {
  const size_t end = std::min(list->find(separator), list->size());
  const std::string_view item = Trim(list->substr(0, end));
  list->remove_prefix(std::min(end + 1, list->size()));
  return item;
}

}  // namespace fsubs
