// A database session that publishes ticks without waiting for the answers.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "bench/wire.hpp"

namespace fsubs::bench {

struct PublishForm {
  bool to_floor = false;  // by pg_notify instead of fraiseql_publish
  bool durable = false;   // with a row written in the same transaction
  size_t keys = 1;        // an event's key is its sequence number modulo this
  std::string members;    // of the events, as a JSON object without '; empty: none besides
  std::string subgraph;   // of the events, without '; empty: none
};

// Parameters: $1 first sequence number, $2 distance to the next, $3 number of events, $4 time sent.
inline std::string PublishStatement(const PublishForm& form) {
  const std::string key = "(seq % " + std::to_string(form.keys) + ")::text";
  // The position is as long as a real one, so that frames are.
  const std::string members = form.members.empty() ? "" : " || '" + form.members + "'::jsonb";
  const std::string subgraph = form.subgraph.empty() ? "" : ", NULL, '" + form.subgraph + "'";
  const std::string call =
      form.to_floor ? "pg_notify('" + std::string(kFloorChannel) + "', " + key + " || ' " +
                          std::string(kBeforeSequence) + "' || seq || '" +
                          std::string(kBeforeSentAt) + "' || $4 || '\",\"id\":\"' || " + key +
                          " || '\",\"text\":\"0123456789\"}},"
                          "\"extensions\":{\"position\":\"0123456789abcd-0123456\"}}')"
                    : "fraiseql_publish('tick', 'tick', jsonb_build_object('id', " + key +
                          ", 'seq', seq, 'sentAt', $4::text, 'text', '0123456789')" + members +
                          subgraph + ")";
  const std::string series =
      "generate_series($1::bigint, $1::bigint + $2::bigint * ($3::bigint - 1), $2::bigint) AS seq";
  if (!form.durable) return "SELECT count(" + call + ") FROM " + series;
  return "WITH written AS (INSERT INTO bench_tick SELECT seq FROM " + series +
         " RETURNING seq) SELECT count(" + call + ") FROM written";
}

// Statements are queued in libpq's pipeline, each a transaction of its own. Failures are thrown.
class Publisher {
 public:
  // Events are first, first + stride, first + 2 * stride and so on.
  Publisher(const std::string& conninfo, const PublishForm& form, int64_t first, int64_t stride)
      : connection_(PQconnectdb(conninfo.c_str()), PQfinish), next_(first), stride_(stride) {
    if (PQstatus(connection_.get()) != CONNECTION_OK) Fail();
    const std::unique_ptr<PGresult, decltype(&PQclear)> prepared(
        PQprepare(connection_.get(), "publish", PublishStatement(form).c_str(), 0, nullptr),
        PQclear);
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) Fail();
    if (PQsetnonblocking(connection_.get(), 1) != 0) Fail();
    if (PQenterPipelineMode(connection_.get()) != 1) Fail();
  }

  int fd() const { return PQsocket(connection_.get()); }
  size_t queued() const { return queued_; }  // transactions not known to have committed
  int64_t next() const { return next_; }
  int64_t stride() const { return stride_; }

  // Publish the next `count` events in one transaction.
  void Publish(int64_t count, int64_t sent_at) {
    const std::string texts[] = {std::to_string(next_), std::to_string(stride_),
                                 std::to_string(count), std::to_string(sent_at)};
    const char* const values[] = {texts[0].c_str(), texts[1].c_str(), texts[2].c_str(),
                                  texts[3].c_str()};
    if (PQsendQueryPrepared(connection_.get(), "publish", 4, values, nullptr, nullptr, 0) != 1 ||
        PQpipelineSync(connection_.get()) != 1) {
      Fail();
    }
    next_ += stride_ * count;
    ++queued_;
  }

  // Call when the socket has become readable or writable.
  void Advance() {
    if (PQflush(connection_.get()) < 0 || PQconsumeInput(connection_.get()) != 1) Fail();
    while (queued_ > 0 && !PQisBusy(connection_.get())) {
      const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_.get()),
                                                                 PQclear);
      if (!result) continue;
      switch (PQresultStatus(result.get())) {
        case PGRES_TUPLES_OK:
          break;
        case PGRES_PIPELINE_SYNC:
          --queued_;
          break;
        default:
          Fail();
      }
    }
  }

 private:
  [[noreturn]] void Fail() const {
    throw std::runtime_error(std::string("publishing failed: ") +
                             PQerrorMessage(connection_.get()));
  }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  int64_t next_;
  int64_t stride_;
  size_t queued_ = 0;
};

}  // namespace fsubs::bench
