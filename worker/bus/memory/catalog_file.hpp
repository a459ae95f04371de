// The catalog of a node without a database, as its operator writes it down: a snapshot of another
// server's, or the short form of docs/nodes.md, in which what the SQL functions have defaults for
// can be left out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fsubs {

// The snapshot (docs/side-door.md) that a catalog stands for. Files that it names begin in
// `directory`; if that is empty, it may name none. Nothing, and `*error` on one line, if something
// of it cannot be served by a node that has no database.
std::optional<std::string> SnapshotOf(std::string_view catalog_json, const std::string& directory,
                                      std::string* error);

// The same for the content of a file.
std::optional<std::string> ReadCatalogFile(const std::string& path, std::string* error);

}  // namespace fsubs
