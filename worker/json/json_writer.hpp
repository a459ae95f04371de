// Writes JSON to the end of a string.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace fsubs {

// Append `text` as a JSON string, quotes included. REQUIRES: `text` is UTF-8.
void AppendJsonString(std::string_view text, std::string* out);

// Writes what it is told to and puts the commas. Several values in a row make a list without
// brackets, and an object may be left open.
//
//   JsonWriter json(&out);
//   json.BeginObject();
//   json.Key("ids");
//   json.BeginArray();
//   json.Number(1);
//   json.Number(2);
//   json.EndArray();
//   json.EndObject();  // {"ids":[1,2]}
//
// Whether a comma is due depends only on what was written last, so there is no stack of open
// containers. Allocates only when `out` must grow.
class JsonWriter {
 public:
  // `out` outlives the writer.
  explicit JsonWriter(std::string* out) : out_(out) {}

  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }

  // The name of the object's next member, whose value must follow.
  void Key(std::string_view name) {
    BeforeItem();
    AppendJsonString(name, out_);
    *out_ += ':';
  }

  void String(std::string_view text) {
    BeforeItem();
    AppendJsonString(text, out_);
    comma_due_ = true;
  }
  void Number(std::integral auto number) {
    char digits[20];  // of 64 bits, with a sign
    const char* const end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
    Raw({digits, static_cast<size_t>(end - digits)});
  }
  void Bool(bool value) { Raw(value ? "true" : "false"); }
  void Null() { Raw("null"); }
  // One value, or several with their commas, as JSON text.
  void Raw(std::string_view json) {
    BeforeItem();
    out_->append(json);
    comma_due_ = true;
  }

 private:
  void BeforeItem() {
    if (comma_due_) *out_ += ',';
    comma_due_ = false;
  }
  void Begin(char bracket) {
    BeforeItem();
    *out_ += bracket;
  }
  void End(char bracket) {
    *out_ += bracket;
    comma_due_ = true;
  }

  std::string* const out_;
  bool comma_due_ = false;  // in front of the next key or value
};

}  // namespace fsubs
