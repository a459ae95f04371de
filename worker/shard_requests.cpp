#include "worker/shard_requests.hpp"

#include <charconv>
#include <string>
#include <utility>

#include "worker/json/json_number.hpp"
#include "worker/row_collection.hpp"

namespace fsubs {
namespace {

// How long a shard may take to tell its rows. Shorter than what backends wait for the worker, so
// that they hear of the shard.
constexpr uint64_t kRowsPatienceMs = 4000;

// Returns false if it is there and no string.
bool ReadText(const JsonValue& object, std::string_view name, std::optional<std::string>* text) {
  const auto value = object.Find(name);
  if (!value || value->is_null()) return true;
  if (value->type() != JsonType::kString) return false;
  *text = value->ToString();
  return true;
}

// What fraiseql_disconnect() asks for. Nothing if it makes no sense: it must never mean everybody.
std::optional<Disconnection> ReadDisconnection(const JsonValue& arguments) {
  Disconnection disconnection;
  std::optional<std::string> reason;
  if (!ReadText(arguments, "user", &disconnection.user) ||
      !ReadText(arguments, "tenant", &disconnection.tenant) ||
      !ReadText(arguments, "reason", &reason) || !reason) {
    return std::nullopt;
  }
  disconnection.reason = *reason;
  if (const auto id = arguments.Find("connection"); id && !id->is_null()) {
    int64_t number;
    if (!ReadInteger(id->raw(), &number)) return std::nullopt;
    // SQL's numbers have a sign; no connection has one that is negative.
    disconnection.connection = static_cast<uint64_t>(number);
  }
  const auto code = arguments.Find("code");
  if (!code || !ReadInteger(code->raw(), &disconnection.code)) return std::nullopt;
  if (!disconnection.connection && !disconnection.user && !disconnection.tenant) {
    return std::nullopt;
  }
  return disconnection;
}

}  // namespace

void ShardRequests::Connections(Reply reply) {
  CollectRows(std::mem_fn(&Shard::Connections), std::move(reply));
}

void ShardRequests::Subscriptions(Reply reply) {
  CollectRows(std::mem_fn(&Shard::Subscriptions), std::move(reply));
}

bool ShardRequests::Disconnect(const std::optional<JsonValue>& arguments, Reply reply) {
  if (!arguments) return false;
  const auto disconnection = ReadDisconnection(*arguments);
  if (!disconnection) return false;
  CollectRows([&](Shard* shard,
                  Shard::RowsReply told) { shard->Disconnect(*disconnection, std::move(told)); },
              std::move(reply));
  return true;
}

void ShardRequests::CollectRows(const std::function<void(Shard*, Shard::RowsReply)>& ask,
                                Reply reply) {
  const auto collection =
      RowCollection::Start(loop_, shards_->size(), kRowsPatienceMs, std::move(reply));
  for (size_t i = 0; i < shards_->size(); ++i) {
    ask((*shards_)[i].get(), [this, collection, i](std::optional<std::string> rows) {
      tasks_->Post([collection, i, rows = std::move(rows)] { collection->Add(i, rows); });
    });
  }
}

void ShardRequests::ExplainDelivery(const std::optional<JsonValue>& arguments, Reply reply) {
  const auto text = [&](std::string_view name) {
    const auto value = arguments ? arguments->Find(name) : std::nullopt;
    return value && value->type() == JsonType::kString ? value->ToString() : std::string();
  };
  DeliveryQuestion question{.position = text("position"), .subscription = text("subscription_id")};
  // As text, since a number of JSON may be anything.
  const std::string connection = text("connection_id");
  std::from_chars(connection.data(), connection.data() + connection.size(), question.connection);
  const size_t index = Shard::IndexOf(question.connection);
  // No client has an id of a shard that there is not, which any shard can tell.
  Shard* const shard = (*shards_)[index < shards_->size() ? index : 0].get();
  const auto collection = RowCollection::Start(loop_, 1, kRowsPatienceMs, std::move(reply));
  shard->ExplainDelivery(std::move(question), [this, collection](std::optional<std::string> rows) {
    tasks_->Post([collection, rows = std::move(rows)] { collection->Add(0, rows); });
  });
}

}  // namespace fsubs
