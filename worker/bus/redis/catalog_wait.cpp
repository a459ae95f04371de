#include "worker/bus/redis/catalog_wait.hpp"

#include <algorithm>
#include <utility>

#include "worker/bus/redis/command.hpp"

namespace fsubs {
namespace {

// How soon it is looked again for the catalog that events wait for.
constexpr uint64_t kFirstDelayMs = 10;
constexpr uint64_t kMostDelayMs = 500;

}  // namespace

std::string CatalogWait::FetchCommand(const RedisKeys& keys) {
  return Command("HMGET", keys.catalog, "id", "epoch", "covers", "snapshot", "changed");
}

void CatalogWait::Await(std::string epoch, Position changed) {
  awaited_ = Change{std::move(epoch), changed};
  delay_ms_ = kFirstDelayMs;
}

bool CatalogWait::OnNewest(const std::string& id) {
  if (id != id_ || id_.empty() || awaited_) return true;
  trouble_.clear();
  return false;
}

const std::string* CatalogWait::Take(const Reply& catalog, const SourceTable& sources) {
  if (!catalog.is_array() || catalog.elements.size() != 5 || !catalog.elements[3].is_text()) {
    trouble_ = "the bus has no catalog yet";
    return nullptr;
  }
  const std::string& id = catalog.elements[0].text;
  if (id_.empty()) AwaitLastChange(catalog.elements[4].text);
  if (awaited_ && Covers(catalog.elements[1].text, catalog.elements[2].text, sources)) {
    awaited_.reset();
  }
  trouble_ = awaited_ ? "the catalog has changed, and the new one is not in the bus yet" : "";
  return std::exchange(id_, id) == id ? nullptr : &catalog.elements[3].text;
}

// What lies before the cursor at the start has not been read, nor that the catalog changed there.
void CatalogWait::AwaitLastChange(std::string_view changed) {
  const size_t space = std::min(changed.find(' '), changed.size());
  uint64_t position = 0;
  if (!ParseEpochName(changed.substr(std::min(space + 1, changed.size())), &position)) return;
  Await(std::string(changed.substr(0, space)), position);
}

// Whether a catalog of that epoch, with all changes before `covers`, has the one that is awaited.
bool CatalogWait::Covers(const std::string& epoch, const std::string& covers,
                         const SourceTable& sources) const {
  if (epoch == awaited_->epoch) {
    uint64_t position = 0;
    return ParseEpochName(covers, &position) && position > awaited_->position;
  }
  const Source* const its = sources.Find(epoch);
  const Source* const wanted = sources.Find(awaited_->epoch);
  return its != nullptr && (wanted == nullptr || its->claim > wanted->claim);
}

std::optional<uint64_t> CatalogWait::NextDelayMs() {
  if (!awaited_) return std::nullopt;
  return std::exchange(delay_ms_, std::min(delay_ms_ * 2, kMostDelayMs));
}

}  // namespace fsubs
