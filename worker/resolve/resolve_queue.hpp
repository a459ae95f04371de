// Calls of resolvers: spreads them over the processes that resolve, each of which says how many
// more it takes, and gives them back to others when one is gone.
//
// A process outside the database resolves the fields that it names; the executor, whose functions
// are in the database, all others. Every call is answered once: by a process, or when its time has
// run out.
//
// Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "worker/json/json_tree.hpp"
#include "worker/resolve/resolve_call.hpp"

namespace fsubs {

class ResolveQueue {
 public:
  using Reply = std::function<void(size_t shard, std::vector<ResolveResult> results)>;
  using Send = std::function<void(std::string_view json)>;
  enum class LinkKind { kExecutor, kOutside };

  explicit ResolveQueue(Reply reply) : reply_(std::move(reply)) {}

  // A process is there. Returns its number. `send` sends it a message: an array of calls, or one
  // call to the executor.
  uint64_t AddLink(LinkKind kind, Send send);
  // Its message: results, fields, credits. Returns false if it makes no sense.
  bool OnMessage(uint64_t link, const JsonValue& message);
  // Results that a process outside hands in beside its own connection: {"link": its name,
  // "results", "credits"}, of which the last may be missing. Nothing is done, and false returned,
  // if there is no such process.
  bool OnSend(const JsonValue& message);
  // It ends, and has begun none of its calls: they are given to others as if it had never had them.
  void Leave(uint64_t link);
  // It is gone: its calls are given to others, or fail.
  void RemoveLink(uint64_t link);

  void Add(const ResolveOrder& order);
  // Answer those whose time has run out.
  void Expire(uint64_t now_ms);
  // Whether no call waits for an answer.
  bool empty() const { return calls_.empty(); }

  // For fraiseql_resolvers(): a JSON array with an object for each field that there are processes
  // or calls for.
  std::string Rows() const;

 private:
  struct Entry {
    ResolveCall call;
    uint64_t link = 0;   // that has it; 0: it waits
    uint32_t given = 0;  // how often it was given
  };
  struct Link {
    LinkKind kind;
    Send send;
    std::string name;  // by which OnSend finds it; empty: it has told none
    std::set<std::string, std::less<>> fields;
    size_t credits = 0;         // calls that it takes, beside those that it has not seen
    std::deque<size_t> unseen;  // how many calls each message has that it has not seen
    uint64_t seen = 0;          // messages
    std::set<uint64_t> calls;   // that it has
    size_t room() const;
    bool Resolves(const ResolverRule& rule) const;
  };
  struct Field {
    std::deque<uint64_t> waiting;  // numbers, some of which may be known no more
    size_t under_way = 0;
    uint64_t calls = 0;     // since the worker started
    uint64_t failures = 0;  // likewise
  };

  bool ReadResults(Link* link, const JsonValue& results);
  bool ReadCredits(Link* link, const JsonValue& message);
  bool ReadName(uint64_t number, const JsonValue& message);
  void Finish(std::unordered_map<uint64_t, Entry>::iterator at, ResolveResult result);
  void GiveBack(uint64_t number);
  void Fail(std::unordered_map<uint64_t, Entry>::iterator at, ResolveResult::Kind kind,
            const char* why);
  void Give();
  bool GiveOne(Field* field, std::map<uint64_t, std::string>* messages);
  Link* FindLink(const ResolverRule& rule, uint64_t* number);
  void TellResults();

  const Reply reply_;
  std::unordered_map<uint64_t, Entry> calls_;  // by number
  std::map<uint64_t, Link> links_;
  std::map<std::string, uint64_t, std::less<>> names_;  // of links
  std::map<std::string, Field, std::less<>> fields_;
  std::map<size_t, std::vector<ResolveResult>> results_;  // by shard
  uint64_t last_link_ = 0;
};

}  // namespace fsubs
