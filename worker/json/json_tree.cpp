#include "worker/json/json_tree.hpp"

#include <simdjson.h>

#include <cstring>

#include "worker/json/json_number.hpp"

namespace fsubs {

// A tree is built in one pass over the text by simdjson's on-demand parser. That parser checks and
// converts only what it is asked for. What it leaves unchecked is checked here: numbers, literals,
// strings with escapes, depth, and what stands between a value's end and the next token.
//
// nodes_ holds a node for each value and each member's name, in the order of their first bytes. A
// node is in one of two states:
//
// - Open: an array or object whose end has not been reached. `raw` is its bracket, `raw_length` and
//   `end` are 0, and `text` is where its last child ends, null while it has none.
// - Complete: `raw` and `raw_length` are its source text, and `end` is the index behind its last
//   descendant. `text` is a string's value, and null in any other node. It never changes again.
//
// These hold between any two nodes:
//
// - The open nodes are the containers around the value that is being read, one for each call of Add
//   on the stack. After a successful Parse none is open, and node 0 is the root.
// - The descendants of node i are the nodes from i + 1 to its end. This is why a value is skipped
//   in one step and a handle is an index.
// - Nodes are referred to by index while children are added: the vector may move them.
// - No node begins at or behind limit_. simdjson reads the padding behind the text too, and takes
//   what it finds there for tokens.
// - `raw` points into the text. `text` does too, or for a string with escapes into the parser's own
//   buffer, and after Compact into unescaped_. Both are valid until the next Parse, which is what
//   JsonValue promises.
//
// After a failed Parse the nodes are whatever was read so far, and root() must not be called.

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

// Length of the string whose first byte, behind the quote, is at `text`. The parser's first stage
// has checked that it is closed.
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
bool JsonTree::AddScalar(Source& source, std::string_view token, Node* node) {
  token = TrimRight(token.substr(0, static_cast<size_t>(limit_ - token.data())));
  node->raw_length = static_cast<uint32_t>(token.size());
  switch (node->type) {
    case JsonType::kString: {
      const size_t length = StringLength(token.data() + 1);
      node->text = token.data() + 1;
      node->text_length = static_cast<uint32_t>(length);
      if (token.size() != length + 2) return Fail("text behind a string");
      if (std::memchr(node->text, '\\', length) == nullptr) return true;
      std::string_view value;
      if (source.get_string().get(value) != simdjson::SUCCESS) {
        return Fail("bad escape in a string");
      }
      node->text = value.data();
      node->text_length = static_cast<uint32_t>(value.size());
      return true;
    }
    case JsonType::kNumber:
      // On-demand parsing checks a number only when it is converted.
      return IsJsonNumber(token) || Fail("malformed number");
    case JsonType::kBoolean:
      return token == "true" || token == "false" || Fail("malformed literal");
    default:
      return token == "null" || Fail("malformed literal");
  }
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
  std::string_view token;
  if constexpr (std::is_same_v<Source, ondemand::document>) {
    if (source.raw_json_token().get(token) != simdjson::SUCCESS) return Fail("not a JSON text");
  } else {
    token = source.raw_json_token();
  }
  // Where a value is missing at the end, the parser would take what lies behind the text for it.
  if (token.data() >= limit_) return Fail("not a JSON text");
  const auto index = static_cast<uint32_t>(nodes_.size());
  nodes_.emplace_back();
  nodes_[index].raw = token.data();
  const auto child_end = [&](uint32_t child) {
    // See above: the `text` of an open node.
    nodes_[index].text = nodes_[child].raw + nodes_[child].raw_length;
  };
  switch (type) {
    case ondemand::json_type::array:
    case ondemand::json_type::object: {
      if (depth == kMaxDataDepth) return Fail("nested too deeply");
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
        if (key.raw >= limit_) return Fail("not a JSON text");
        const size_t length = StringLength(key.raw + 1);
        key.raw_length = static_cast<uint32_t>(length + 2);
        key.text = key.raw + 1;
        key.text_length = static_cast<uint32_t>(length);
        if (std::memchr(key.text, '\\', length) != nullptr) {
          std::string_view name;
          if (field.unescaped_key().get(name) != simdjson::SUCCESS) {
            return Fail("bad escape in a string");
          }
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
  return AddScalar(source, token, &nodes_[index]);
}

bool JsonTree::Parse(std::string_view text) {
  if (!parser_) parser_ = std::make_unique<Parser>();
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

size_t JsonTree::Shrink(size_t text_bytes) {
  // As dense as JSON of some size mostly is.
  constexpr size_t kBytesPerNode = 8;
  size_t freed = 0;
  if (nodes_.capacity() > text_bytes / kBytesPerNode) {
    freed += nodes_.capacity() * sizeof(Node);
    nodes_ = std::vector<Node>();
  }
  if (copy_.capacity() > text_bytes + kJsonPadding) {
    freed += copy_.capacity();
    std::string().swap(copy_);  // an assignment would keep the buffer
  }
  if (const size_t capacity = parser_ ? parser_->parser.capacity() : 0; capacity > text_bytes) {
    // An index of 4 bytes, and room for strings without their escapes, for each byte.
    freed += 5 * capacity;
    parser_ = std::make_unique<Parser>();
  }
  return freed;
}

void JsonTree::Compact() {
  const auto is_unescaped = [](const Node& node) {
    return node.text != nullptr && node.text != node.raw + 1;
  };
  std::string unescaped;
  for (const Node& node : nodes_) {
    if (is_unescaped(node)) unescaped.append(node.text, node.text_length);
  }
  unescaped.shrink_to_fit();
  unescaped_.swap(unescaped);
  const char* text = unescaped_.data();
  for (Node& node : nodes_) {
    if (!is_unescaped(node)) continue;
    node.text = text;
    text += node.text_length;
  }
  nodes_.shrink_to_fit();
  parser_.reset();
}

bool JsonTree::ParseCopy(std::string_view text) {
  copy_.assign(text);
  copy_.append(kJsonPadding, '\0');
  return Parse(std::string_view(copy_).substr(0, text.size()));
}

}  // namespace fsubs
