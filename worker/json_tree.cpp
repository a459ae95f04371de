#include "worker/json_tree.hpp"

#include <simdjson.h>

#include <cstring>

namespace fsubs {

static_assert(kJsonPadding >= simdjson::SIMDJSON_PADDING);

namespace ondemand = simdjson::ondemand;

struct JsonTree::Parser {
  ondemand::parser parser;
};

namespace {

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

// On-demand parsing checks a number only when it is converted.
bool IsJsonNumber(std::string_view text) {
  size_t at = 0;
  const auto digits = [&] {
    const size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > start;
  };
  const auto skip = [&](char c) { return at < text.size() && text[at] == c && ++at > 0; };
  skip('-');
  if (!skip('0') && !digits()) return false;
  if (skip('.') && !digits()) return false;
  if (skip('e') || skip('E')) {
    if (!skip('+')) skip('-');
    if (!digits()) return false;
  }
  return at == text.size();
}

namespace {

// Length of the string whose first byte, behind the quote, is at `text`. The parser's first stage
// has made sure that it is closed.
size_t StringLength(const char* text) {
  const char* at = text;
  while (*at != '"') at += *at == '\\' ? 2 : 1;
  return static_cast<size_t>(at - text);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

JsonTree::JsonTree() : parser_(std::make_unique<Parser>()) {}

JsonTree::~JsonTree() = default;

template <typename Source>
bool JsonTree::AddScalar(Source& source, Node* node) {
  std::string_view token;
  if constexpr (std::is_same_v<Source, ondemand::document>) {
    if (source.raw_json_token().get(token) != simdjson::SUCCESS) return Fail("not a JSON text");
  } else {
    token = source.raw_json_token();
  }
  token = TrimRight(token.substr(0, static_cast<size_t>(limit_ - token.data())));
  node->raw = token.data();
  node->raw_length = static_cast<uint32_t>(token.size());
  switch (node->type) {
    case JsonType::kString: {
      const size_t length = StringLength(token.data() + 1);
      node->text = token.data() + 1;
      node->text_length = static_cast<uint32_t>(length);
      node->raw_length = static_cast<uint32_t>(length + 2);
      if (token.size() != length + 2) return Fail("text behind a string");
      std::string_view value;
      if (std::memchr(node->text, '\\', length) != nullptr) {
        if (source.get_string().get(value) != simdjson::SUCCESS)
          return Fail("bad escape in a string");
        node->text = value.data();
        node->text_length = static_cast<uint32_t>(value.size());
        return true;
      }
      break;
    }
    case JsonType::kNumber:
      if (!IsJsonNumber(token)) return Fail("malformed number");
      break;
    case JsonType::kBoolean:
      if (token != "true" && token != "false") return Fail("malformed literal");
      break;
    default:
      if (token != "null") return Fail("malformed literal");
  }
  return true;
}

bool JsonTree::CloseContainer(uint32_t index, char bracket) {
  const char* end = nodes_[index].raw + 1;
  if (nodes_.size() > index + 1) {
    end = nodes_[index].text;
  }
  while (end < limit_ && IsSpace(*end)) ++end;
  if (end >= limit_ || *end != bracket) return Fail("not a JSON text");
  nodes_[index].raw_length = static_cast<uint32_t>(end + 1 - nodes_[index].raw);
  nodes_[index].text = nullptr;
  nodes_[index].end = static_cast<uint32_t>(nodes_.size());
  return true;
}

template <typename Source>
bool JsonTree::Add(Source& source, size_t depth) {
  ondemand::json_type type;
  if (source.type().get(type) != simdjson::SUCCESS) return Fail("not a JSON text");
  const auto index = static_cast<uint32_t>(nodes_.size());
  nodes_.emplace_back();
  const auto child_end = [&](uint32_t child) {
    // Until the container is closed its `text` remembers where its last child ends.
    nodes_[index].text = nodes_[child].raw + nodes_[child].raw_length;
  };
  switch (type) {
    case ondemand::json_type::array:
    case ondemand::json_type::object: {
      if (depth == kMaxDataDepth) return Fail("nested too deeply");
      std::string_view token;
      if constexpr (std::is_same_v<Source, ondemand::document>) {
        if (source.raw_json_token().get(token) != simdjson::SUCCESS) return Fail("not a JSON text");
      } else {
        token = source.raw_json_token();
      }
      nodes_[index].raw = token.data();
      if (type == ondemand::json_type::array) {
        nodes_[index].type = JsonType::kArray;
        ondemand::array array;
        if (source.get_array().get(array) != simdjson::SUCCESS) return Fail("malformed array");
        for (auto element : array) {
          ondemand::value value;
          if (std::move(element).get(value) != simdjson::SUCCESS) return Fail("malformed array");
          const auto child = static_cast<uint32_t>(nodes_.size());
          if (!Add(value, depth + 1)) return false;
          child_end(child);
        }
        return CloseContainer(index, ']');
      }
      nodes_[index].type = JsonType::kObject;
      ondemand::object object;
      if (source.get_object().get(object) != simdjson::SUCCESS) return Fail("malformed object");
      for (auto element : object) {
        ondemand::field field;
        if (std::move(element).get(field) != simdjson::SUCCESS) return Fail("malformed object");
        Node key{};
        key.type = JsonType::kString;
        key.raw = field.key().raw() - 1;
        const size_t length = StringLength(key.raw + 1);
        key.raw_length = static_cast<uint32_t>(length + 2);
        key.text = key.raw + 1;
        key.text_length = static_cast<uint32_t>(length);
        if (std::memchr(key.text, '\\', length) != nullptr) {
          std::string_view name;
          if (field.unescaped_key().get(name) != simdjson::SUCCESS)
            return Fail("bad escape in a string");
          key.text = name.data();
          key.text_length = static_cast<uint32_t>(name.size());
        }
        key.end = static_cast<uint32_t>(nodes_.size() + 1);
        nodes_.push_back(key);
        ondemand::value value = field.value();
        const auto child = static_cast<uint32_t>(nodes_.size());
        if (!Add(value, depth + 1)) return false;
        child_end(child);
      }
      return CloseContainer(index, '}');
    }
    case ondemand::json_type::string:
      nodes_[index].type = JsonType::kString;
      break;
    case ondemand::json_type::number:
      nodes_[index].type = JsonType::kNumber;
      break;
    case ondemand::json_type::boolean:
      nodes_[index].type = JsonType::kBoolean;
      break;
    default:
      nodes_[index].type = JsonType::kNull;
  }
  nodes_[index].end = index + 1;
  Node node = nodes_[index];
  if (!AddScalar(source, &node)) return false;
  nodes_[index] = node;
  return true;
}

bool JsonTree::Parse(std::string_view text) {
  nodes_.clear();
  limit_ = text.data() + text.size();
  ondemand::document document;
  const simdjson::error_code code =
      parser_->parser.iterate(text.data(), text.size(), text.size() + kJsonPadding).get(document);
  if (code != simdjson::SUCCESS) return Fail(simdjson::error_message(code));
  if (!Add(document, 0)) return false;
  const char* end = nodes_[0].raw + nodes_[0].raw_length;
  while (end < limit_ && IsSpace(*end)) ++end;
  if (end != limit_) return Fail("text behind the JSON value");
  return true;
}

bool JsonTree::ParseCopy(std::string_view text) {
  copy_.assign(text);
  copy_.append(kJsonPadding, '\0');
  return Parse(std::string_view(copy_).substr(0, text.size()));
}

}  // namespace fsubs
