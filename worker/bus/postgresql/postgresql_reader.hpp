// Reads the events that the SQL file (docs/sql-only.md) keeps in a PostgreSQL without the
// extension.
//
// Two connections: one reads, one waits for notifications.
#pragma once

#include <uv.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "worker/bus/bus_counters.hpp"
#include "worker/bus/bus_reader.hpp"
#include "worker/bus/postgresql/bus_answer.hpp"
#include "worker/bus/postgresql/notifications.hpp"
#include "worker/bus/postgresql/pg_connection.hpp"
#include "worker/bus/postgresql/poll_pace.hpp"

namespace fsubs {

class PostgresqlReader final : public BusReader,
                               private PgConnection::Sink,
                               private Notifications::Host {
 public:
  // Connection strings; `listen_url` is for the connection that waits, and empty if it is the same.
  // `counters` outlive the reader.
  PostgresqlReader(std::string url, std::string listen_url, BusCounters* counters);

  std::string Open() override;
  BusNeeds needs() const override;
  void Attach(uv_loop_t* loop, BusReader::Sink* sink) override;
  void Stop() override;

 private:
  // PgConnection::Sink, of the connection that reads.
  void OnReady() override;
  void OnDown(const std::string& why) override;
  void OnNotification(std::string_view, std::string_view) override {}

  // Notifications::Host.
  void OnNotified() override;
  void OnProbeDue() override;

  // Ask for what is due, or wait until something is.
  void Next();
  bool HandOn();
  void Check();
  void OnChecked(const PgResult& result);
  void Begin();
  void ReadCatalog();
  void OnCatalogRead(const PgResult& result);
  void Read();
  void OnRead(PgResult result);
  void LosePlace();
  void Maintain();
  void Probe(const std::string& token);
  void TakeChores();
  void NextIn(uint64_t delay_ms);
  bool Failed(const PgResult& result);
  void TellState(const std::string& trouble);
  void Count(const BusAnswer& answer);
  void TellMalformed(uint64_t rows);

  const std::string url_;
  const std::string listen_url_;
  BusCounters* const counters_;
  PgDsn dsn_;
  PgDsn listen_dsn_;
  BusReader::Sink* sink_ = nullptr;
  uv_loop_t* loop_ = nullptr;
  uv_timer_t next_timer_{};
  uv_timer_t chores_timer_{};
  std::unique_ptr<PgConnection> connection_;
  std::unique_ptr<Notifications> notifications_;
  bool is_stopped_ = false;

  bool is_checked_ = false;  // the server has what is asked of it
  std::string cursor_;       // behind all that was read; empty: where events begin is not known yet
  PollPace pace_;
  bool is_told_ = false;  // a notification has come since the last read was asked for
  uint64_t read_ms_ = 0;  // when that was

  // What was read last, of which events from `next_` on are still to be handed on.
  PgResult result_;
  BusAnswer answer_;
  size_t next_ = 0;
  bool answer_has_catalog_ = false;  // changes in the answer are in the catalog that was read last

  bool catalog_is_due_ = true;
  std::string catalog_hash_;  // of the one that was handed on
  bool maintenance_is_due_ = true;
  bool probe_is_due_ = false;
  unsigned chores_ = 0;

  uint64_t malformed_ = 0;  // since the log was told
  uint64_t malformed_told_ms_ = 0;
  std::string maintenance_error_;  // that the log has
};

}  // namespace fsubs
