#include "worker/socket/url.hpp"

#include <algorithm>

namespace fsubs {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Decodes %XX, and in forms "+", which stands for a space there. Returns false if a % begins
// nothing.
bool Decode(std::string_view text, bool form, std::string* decoded) {
  decoded->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      *decoded += form && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return false;
    *decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

// Takes "http://authority" off an absolute target, so that one in origin form is left.
bool TakeAuthority(std::string_view* text, std::string* authority) {
  const size_t scheme = text->find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view name = text->substr(0, scheme);
  if (name != "http" && name != "https") return false;
  text->remove_prefix(scheme + 3);
  const size_t end = std::min(text->find_first_of("/?"), text->size());
  *authority = text->substr(0, end);
  text->remove_prefix(end);
  return !authority->empty();
}

}  // namespace

std::optional<Target> ReadTarget(std::string_view text) {
  Target target;
  if (text == "*") {
    target.path = text;
    return target;
  }
  if (!text.starts_with('/') && !TakeAuthority(&text, &target.authority)) return std::nullopt;
  const size_t fragment = text.find('#');
  if (fragment != std::string_view::npos) return std::nullopt;
  const size_t question = std::min(text.find('?'), text.size());
  if (!Decode(text.substr(0, question), false, &target.path)) return std::nullopt;
  if (target.path.empty()) target.path = "/";
  text.remove_prefix(std::min(question + 1, text.size()));
  while (!text.empty()) {
    const size_t end = std::min(text.find('&'), text.size());
    if (end > 0 && !Decode(text.substr(0, end), true, &target.parameters.emplace_back())) {
      return std::nullopt;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return target;
}

}  // namespace fsubs
