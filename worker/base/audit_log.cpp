#include "worker/base/audit_log.hpp"

#include <algorithm>
#include <cstdio>

#include "contract/heartbeat.hpp"
#include "worker/base/log.hpp"

namespace fsubs {
namespace {

// What is kept of one text of a peer's, in bytes as they came. A line is then whole in the log.
constexpr size_t kMaxText = 200;

// In thousandths of a line, of which every millisecond adds kLinesPerSecond.
constexpr uint64_t kLine = 1000;
constexpr uint64_t kMaxRoom = AuditLog::kBurst * kLine;

// By kind.
constexpr const char* kNames[] = {
    "login refused",     "subscription refused", "operation refused", "connection refused",
    "connection closed", "events denied",        "disconnected",
};

bool Continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

std::string_view Cut(std::string_view text) {
  if (text.size() <= kMaxText) return text;
  size_t end = kMaxText;
  while (end > 0 && Continues(text[end])) --end;
  return text.substr(0, end);
}

// How many bytes at the start of `text` are a character that ends a line or turns its direction
// somewhere: U+0085 and the other controls up to U+009F, U+2028 to U+202E, U+2060 to U+206F.
size_t UnprintableAt(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  if (byte(0) < ' ' || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return 2;
  if (byte(0) != 0xE2) return 0;
  if (byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return 3;
  return byte(1) == 0x81 && byte(2) >= 0xA0 && byte(2) <= 0xAF ? 3 : 0;
}

void AppendQuoted(std::string_view text, std::string* out) {
  const std::string_view kept = Cut(text);
  *out += '"';
  for (size_t at = 0; at < kept.size();) {
    const size_t unprintable = UnprintableAt(kept.substr(at));
    for (size_t i = 0; i < unprintable; ++i) {
      char escape[5];
      std::snprintf(escape, sizeof(escape), "\\x%02X", static_cast<unsigned char>(kept[at + i]));
      *out += escape;
    }
    if (unprintable == 0) {
      if (kept[at] == '"' || kept[at] == '\\') *out += '\\';
      *out += kept[at];
    }
    at += std::max<size_t>(unprintable, 1);
  }
  *out += '"';
  if (kept.size() < text.size()) *out += "...";
}

bool IsWord(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

}  // namespace

class AuditLog::Line {
 public:
  explicit Line(Kind kind) : kind_(kind), text_("audit: ") {
    text_.append(kNames[static_cast<size_t>(kind)]);
  }
  Line(Kind kind, const Who& who) : Line(kind) {
    Number("connection", who.connection);
    if (!who.peer.empty()) Raw("peer", who.peer);
    if (who.user) Text("user", *who.user);
    if (who.tenant) Text("tenant", *who.tenant);
  }

  void Raw(std::string_view name, std::string_view value) {
    text_.append(" ").append(name).append("=").append(value);
  }
  void Number(std::string_view name, uint64_t value) { Raw(name, std::to_string(value)); }
  void Text(std::string_view name, std::string_view text) {
    Raw(name, {});
    AppendQuoted(text, &text_);
  }
  // Without quotes if it is one word.
  void Word(std::string_view name, std::string_view text) {
    IsWord(text) ? Raw(name, text) : Text(name, text);
  }

  Kind kind() const { return kind_; }
  const std::string& text() const { return text_; }

 private:
  const Kind kind_;
  std::string text_;
};

AuditLog::AuditLog()
    : AuditLog([](const std::string& line) { Log(LogLevel::kLog, "%s", line.c_str()); },
               MonotonicMs) {}

AuditLog::AuditLog(Write write, Clock clock) : write_(std::move(write)), clock_(std::move(clock)) {
  static_assert(std::size(kNames) == kKinds);
  budgets_.fill({.room = kMaxRoom, .refilled_ms = clock_()});
}

void AuditLog::RefusedLogin(const Who& who, std::string_view reason, std::string_view detail) {
  if (!is_enabled()) return;
  Line line(Kind::kLogin, who);
  line.Word("reason", reason);
  if (!detail.empty()) line.Text("detail", detail);
  Add(line);
}

void AuditLog::RefusedSubscription(const Who& who, std::string_view field, std::string_view code,
                                   std::string_view reason) {
  AddRefused(Kind::kSubscription, who, field, code, reason);
}

void AuditLog::RefusedOperation(const Who& who, std::string_view field, std::string_view code,
                                std::string_view reason) {
  AddRefused(Kind::kOperation, who, field, code, reason);
}

void AuditLog::RefusedConnection(const Who& who, std::string_view limit) {
  if (!is_enabled()) return;
  Line line(Kind::kConnection, who);
  line.Word("limit", limit);
  Add(line);
}

void AuditLog::RefusedPeer(std::string_view peer, std::string_view limit) {
  if (!is_enabled()) return;
  Line line(Kind::kConnection);
  if (!peer.empty()) line.Raw("peer", peer);
  line.Word("limit", limit);
  Add(line);
}

void AuditLog::ClosedConnection(const Who& who, std::string_view limit) {
  if (!is_enabled()) return;
  Line line(Kind::kClosed, who);
  line.Word("limit", limit);
  Add(line);
}

void AuditLog::DeniedEvents(std::string_view module, uint64_t count) {
  if (!is_enabled()) return;
  Line line(Kind::kEvents);
  line.Word("module", module);
  line.Number("count", count);
  Add(line);
}

void AuditLog::Disconnected(const Who& who, uint16_t code, std::string_view reason) {
  if (!is_enabled()) return;
  Line line(Kind::kDisconnected, who);
  line.Number("code", code);
  line.Text("reason", reason);
  Add(line);
}

void AuditLog::AddRefused(Kind kind, const Who& who, std::string_view field, std::string_view code,
                          std::string_view reason) {
  if (!is_enabled()) return;
  Line line(kind, who);
  if (!field.empty()) line.Text("field", field);
  line.Word("code", code);
  if (!reason.empty()) line.Word("reason", reason);
  Add(line);
}

void AuditLog::Add(const Line& line) {
  const std::lock_guard lock(mutex_);
  Budget& budget = budgets_[static_cast<size_t>(line.kind())];
  const uint64_t now = clock_();
  if (budget.TakeRoom(now)) {
    write_(line.text());
  } else if (budget.left_out++ == 0) {
    budget.tell_due_ms = now + kTellIntervalMs;
  }
}

bool AuditLog::Budget::TakeRoom(uint64_t now) {
  const uint64_t passed = std::min(now - refilled_ms, kMaxRoom);
  room = std::min(kMaxRoom, room + passed * kLinesPerSecond);
  refilled_ms = now;
  if (room < kLine) return false;
  room -= kLine;
  return true;
}

void AuditLog::TellLeftOut() {
  const std::lock_guard lock(mutex_);
  for (size_t kind = 0; kind < kKinds; ++kind) {
    Budget& budget = budgets_[kind];
    if (budget.left_out == 0 || clock_() < budget.tell_due_ms) continue;
    write_("audit: " + std::to_string(budget.left_out) + " more lines of \"" + kNames[kind] +
           "\" were left out");
    budget.left_out = 0;
  }
}

}  // namespace fsubs
