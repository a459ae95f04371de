// A parsed JSON text as a flat array of nodes. Every value keeps its source text, so numbers lose
// no digit and values can be copied out as they came in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contract/event_record.hpp"

namespace fsubs {

// Readable bytes that JsonTree::Parse needs behind its text.
inline constexpr size_t kJsonPadding = 64;

enum class JsonType : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };

bool IsUtf8(std::string_view text);

class JsonTree;

// One value of a tree: a handle that is valid until the tree parses again.
class JsonValue {
 public:
  JsonType type() const;
  bool is_null() const { return type() == JsonType::kNull; }

  // The value's source text, without surrounding white space. Strings include their quotes.
  std::string_view raw() const;

  // A string's value. REQUIRES: type() is kString.
  std::string_view text() const;
  std::string ToString() const { return std::string(text()); }
  // REQUIRES: type() is kBoolean.
  bool boolean() const { return raw().front() == 't'; }

  // Whether this is an array or object with nothing in it.
  bool empty() const;

  // The member of that name; the last one if there are several. Empty if this is not an object.
  std::optional<JsonValue> Find(std::string_view name) const;

  // Visit an object's members or an array's elements in order.
  template <typename Visitor>  // void(std::string_view name, JsonValue value)
  void ForEachMember(Visitor visit) const;
  template <typename Visitor>  // void(JsonValue value)
  void ForEachElement(Visitor visit) const;
  // The same one by one: the first element, and the one behind `element`. Empty at the end, and if
  // this is not an array.
  std::optional<JsonValue> FirstElement() const;
  std::optional<JsonValue> ElementAfter(const JsonValue& element) const;

 private:
  friend class JsonTree;
  JsonValue(const JsonTree* tree, uint32_t index) : tree_(tree), index_(index) {}

  const JsonTree* tree_;
  uint32_t index_;
};

// Reuse one tree for many texts: its memory is kept. Not thread-safe.
class JsonTree {
 public:
  JsonTree();
  ~JsonTree();
  JsonTree(const JsonTree&) = delete;
  JsonTree& operator=(const JsonTree&) = delete;

  // Parse `text`, which must be one JSON text (RFC 8259) nested no deeper than kMaxDataDepth. If it
  // is not, returns false and error() says why. The text is not copied. REQUIRES: kJsonPadding
  // readable bytes behind `text`, which outlives the values.
  [[nodiscard]] bool Parse(std::string_view text);

  // The same for a text without padding, which is copied.
  [[nodiscard]] bool ParseCopy(std::string_view text);

  // Give back the memory of texts larger than so many bytes. What was parsed is gone. Returns how
  // many bytes that were.
  size_t Shrink(size_t text_bytes);

  // Give back all that only parsing needs, some 10 kB and more: for a tree that is kept. Values
  // stay valid, but not what their text() returned. The tree can parse again.
  void Compact();

  // What the values take of the heap.
  size_t heap_size() const {
    return nodes_.capacity() * sizeof(Node) + copy_.capacity() + unescaped_.capacity();
  }

  // REQUIRES: the last parse succeeded.
  JsonValue root() const { return {this, 0}; }
  const char* error() const { return error_; }

 private:
  friend class JsonValue;
  struct Parser;

  // An object is its node, followed for each member by a string node, the name, and the nodes of
  // the value. An array is its node, followed by the nodes of its elements. json_tree.cpp has the
  // states of a node.
  struct Node {
    const char* raw;
    const char* text;  // a string's value: inside `raw`, or unescaped elsewhere
    uint32_t raw_length;
    uint32_t text_length;
    uint32_t end;  // index of the node behind this value
    JsonType type;
  };

  template <typename Source>
  bool Add(Source& source, size_t depth);
  template <typename Source>
  bool AddScalar(Source& source, std::string_view token, Node* node);
  bool CloseContainer(uint32_t index, char bracket);
  bool Fail(const char* reason) {
    error_ = reason;
    return false;
  }

  std::unique_ptr<Parser> parser_;  // null after Compact
  std::vector<Node> nodes_;
  std::string copy_;
  std::string unescaped_;        // the values of strings with escapes, once parser_ is gone
  const char* limit_ = nullptr;  // end of the text
  const char* error_ = "";
};

inline JsonType JsonValue::type() const {
  return tree_->nodes_[index_].type;
}

inline std::string_view JsonValue::raw() const {
  const JsonTree::Node& node = tree_->nodes_[index_];
  return {node.raw, node.raw_length};
}

inline std::string_view JsonValue::text() const {
  const JsonTree::Node& node = tree_->nodes_[index_];
  return {node.text, node.text_length};
}

inline bool JsonValue::empty() const {
  return (type() == JsonType::kArray || type() == JsonType::kObject) &&
         tree_->nodes_[index_].end == index_ + 1;
}

template <typename Visitor>
void JsonValue::ForEachMember(Visitor visit) const {
  if (type() != JsonType::kObject) return;
  const auto& nodes = tree_->nodes_;
  for (uint32_t at = index_ + 1; at < nodes[index_].end; at = nodes[at + 1].end) {
    visit(std::string_view(nodes[at].text, nodes[at].text_length), JsonValue(tree_, at + 1));
  }
}

template <typename Visitor>
void JsonValue::ForEachElement(Visitor visit) const {
  if (type() != JsonType::kArray) return;
  const auto& nodes = tree_->nodes_;
  for (uint32_t at = index_ + 1; at < nodes[index_].end; at = nodes[at].end) {
    visit(JsonValue(tree_, at));
  }
}

inline std::optional<JsonValue> JsonValue::FirstElement() const {
  if (type() != JsonType::kArray || empty()) return std::nullopt;
  return JsonValue(tree_, index_ + 1);
}

inline std::optional<JsonValue> JsonValue::ElementAfter(const JsonValue& element) const {
  const uint32_t next = tree_->nodes_[element.index_].end;
  if (next >= tree_->nodes_[index_].end) return std::nullopt;
  return JsonValue(tree_, next);
}

inline std::optional<JsonValue> JsonValue::Find(std::string_view name) const {
  std::optional<JsonValue> found;
  ForEachMember([&](std::string_view member, JsonValue value) {
    if (member == name) found = value;
  });
  return found;
}

}  // namespace fsubs
