#include "daemon/store/writer.hpp"

#include <algorithm>

#include <fmt/core.h>
#include <pthread.h>

#include "common/base/failpoint.hpp"
#include "common/base/log.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMostInBatch = 512;
constexpr auto kProgressEvery = 250ms;  // four a second a step
constexpr auto kProgressWaits = 100ms;  // for a commit that takes it along
constexpr int kCheckpointPages = 1000;  // 4 MB
constexpr int kAlarmingPages = 100'000;

/// What is being handled, as a value with a text of its own: copies of an Error share theirs.
Error caught() {
  try {
    throw;
  } catch (const Error& e) {
    return Error{e.code(), std::string(e.what()), e.findings()};
  } catch (const std::exception& e) {
    return Error{ErrorCode::internal, std::string(e.what())};
  } catch (...) {
    return Error{ErrorCode::internal, "a verb of the store failed"};
  }
}

}  // namespace

Writer::Writer(std::unique_ptr<sql::Db> db, Clock& clock, const Secret& key, const AftercareRules& aftercare,
               std::int64_t last_event)
    : db_(std::move(db)), clock_(clock), key_(key), aftercare_(aftercare), last_event_(last_event) {
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
  ::pthread_setname_np(thread_.native_handle(), "store");
}

Writer::~Writer() {
  {
    const std::lock_guard guard(mutex_);
    closed_ = true;
  }
  thread_.request_stop();
  changed_.notify_all();
  thread_.join();
}

void Writer::on_grown(Grown hook) {
  const std::lock_guard guard(mutex_);
  grown_ = std::move(hook);
}

std::string Writer::trouble() const {
  const std::lock_guard guard(mutex_);
  return trouble_;
}

std::size_t Writer::waiting() const {
  const std::lock_guard guard(mutex_);
  return waiting_.size();
}

void Writer::set_trouble(std::string trouble, bool for_good) {
  const std::lock_guard guard(mutex_);
  if (dead_) return;
  trouble_ = std::move(trouble);
  dead_ = for_good;
}

void Writer::wait_for(std::function<void(Tx&)> verb) {
  auto job = std::make_shared<Job>();
  job->verb = std::move(verb);
  auto answered = job->answered.get_future();
  {
    const std::lock_guard guard(mutex_);
    if (closed_) throw Error{ErrorCode::storage, "the store is closed"};
    if (dead_) throw Error{ErrorCode::storage, trouble_};
    waiting_.push_back(job);
  }
  changed_.notify_all();
  if (std::optional<Error> error = answered.get()) throw std::move(*error);
}

void Writer::progress(std::int64_t attempt, int percent, std::string text) {
  {
    const std::lock_guard guard(mutex_);
    if (dead_ || closed_) return;
    Progress& entry = progress_[attempt];
    if (entry.percent == percent && entry.text == text && (entry.waits || entry.written)) return;
    entry.percent = percent;
    entry.text = std::move(text);
    if (entry.waits) return;  // the timer runs already
    entry.waits = true;
    entry.since = clock_.steady();
  }
  changed_.notify_all();
}

std::optional<Clock::Steady> Writer::progress_due() const {
  std::optional<Clock::Steady> due;
  for (const auto& [attempt, entry] : progress_) {
    if (!entry.waits) continue;
    Clock::Steady at = entry.since + kProgressWaits;
    if (entry.written) at = std::max(at, *entry.written + kProgressEvery);
    if (!due || at < *due) due = at;
  }
  return due;
}

void Writer::loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto due = progress_due();
    const bool progress_now = due && *due <= clock_.steady();
    if (waiting_.empty() && !progress_now) {
      if (stop.stop_requested()) return;
      if (due) {
        clock_.wait_until(changed_, lock, stop, *due);
      } else {
        changed_.wait(lock, stop, [&] { return !waiting_.empty() || progress_due().has_value(); });
      }
      continue;
    }
    Jobs jobs;
    while (!waiting_.empty() && jobs.size() < kMostInBatch) {
      jobs.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    lock.unlock();
    run(jobs);
    lock.lock();
  }
}

void Writer::run(const Jobs& jobs) {
  const std::int64_t before = last_event();
  const auto dead = [&] {
    const std::lock_guard guard(mutex_);
    return dead_;
  };
  try {
    if (dead()) throw Error{ErrorCode::storage, trouble()};
    commit(jobs);
  } catch (...) {
    if (jobs.size() == 1 || dead()) {
      for (const auto& job : jobs) job->error = caught();
    } else {
      for (const auto& job : jobs) {
        try {
          if (dead()) throw Error{ErrorCode::storage, trouble()};
          commit({job});
        } catch (...) {
          job->error = caught();
        }
      }
    }
  }
  Grown grown;
  {
    const std::lock_guard guard(mutex_);
    grown = grown_;
  }
  for (const auto& job : jobs) job->answered.set_value(std::move(job->error));
  if (grown && last_event() > before) grown(last_event());
  checkpoint();
}

void Writer::run_in_savepoint(const std::function<void(Tx&)>& verb, std::int64_t& last,
                              std::vector<std::int64_t>& ended) {
  db_->run("SAVEPOINT verb");
  Tx tx(*db_, clock_.now(), key_, aftercare_);
  try {
    verb(tx);
  } catch (const sql::Failure& e) {
    // SQLite takes back the whole transaction on some of these, the other verbs' parts too.
    if (e.trouble() != sql::Trouble::fault || !db_->in_transaction()) throw;
    db_->run("ROLLBACK TO verb");
    db_->run("RELEASE verb");
    throw Error{e.code(), e.what()};  // no longer a Failure: the batch goes on
  } catch (...) {
    db_->run("ROLLBACK TO verb");
    db_->run("RELEASE verb");
    throw;
  }
  db_->run("RELEASE verb");
  last = std::max(last, tx.last_event());
  ended.insert(ended.end(), tx.ended().begin(), tx.ended().end());
}

void Writer::commit(const Jobs& jobs) {
  std::int64_t last = 0;
  std::vector<std::int64_t> ended;
  std::vector<std::int64_t> written;
  try {
    db_->begin_write();
    for (const auto& job : jobs) {
      job->error.reset();
      try {
        run_in_savepoint(job->verb, last, ended);
      } catch (const sql::Failure&) {
        throw;
      } catch (...) {
        job->error = caught();
      }
    }
    try {
      run_in_savepoint([&](Tx& tx) { write_progress(tx, written); }, last, ended);
    } catch (const sql::Failure&) {
      throw;
    } catch (const std::exception& e) {
      log::warning("store", "cannot write a percentage: {}", e.what());  // they may be dropped
    }
    DECOM_FAILPOINT("store.before_commit");
    db_->commit();
    DECOM_FAILPOINT("store.after_commit");
  } catch (const sql::Failure& e) {
    db_->roll_back();
    if (e.trouble() == sql::Trouble::io) {
      const std::string text = fmt::format("{}; nothing more is written until decomd is restarted", e.what());
      set_trouble(text, true);
      log::error("store", "{}", text);
      throw Error{ErrorCode::storage, text};
    }
    set_trouble(e.what(), false);
    throw Error{e.code(), e.what()};
  } catch (...) {
    db_->roll_back();
    throw;
  }
  if (last > 0) last_event_.store(last, std::memory_order_release);
  const std::lock_guard guard(mutex_);
  if (!dead_) trouble_.clear();
  for (const std::int64_t attempt : ended) progress_.erase(attempt);
  const auto now = clock_.steady();
  for (const std::int64_t attempt : written) {
    const auto entry = progress_.find(attempt);
    if (entry != progress_.end()) entry->second.written = now;
  }
}

void Writer::write_progress(Tx& tx, std::vector<std::int64_t>& written) {
  std::vector<std::pair<std::int64_t, Progress>> due;
  {
    const std::lock_guard guard(mutex_);
    const auto now = clock_.steady();
    for (auto& [attempt, entry] : progress_) {
      if (!entry.waits || (entry.written && now < *entry.written + kProgressEvery)) continue;
      due.emplace_back(attempt, entry);
      entry.waits = false;  // even where this commit fails: percentages may be dropped, and must not keep it busy
    }
  }
  for (const auto& [attempt, entry] : due) {
    const auto row = tx.db.maybe<std::int64_t, int, std::string, std::string>(
        "SELECT d.request, d.ordinal, d.name, s.name FROM attempt a JOIN step s ON s.id = a.step"
        " JOIN decommission d ON d.id = s.decommission WHERE a.id = :attempt AND a.finished IS NULL",
        attempt);
    if (!row) {
      tx.ended(attempt);
      continue;
    }
    const auto& [request, machine, name, step] = *row;
    tx.event(EventKind::step_progress, {.request = request, .machine = machine, .step = step}, EventLevel::info,
             fmt::format("{}: {} {}%{}{}", name, step, entry.percent, entry.text.empty() ? "" : ": ", entry.text),
             {{"name", name}, {"state", "running"}, {"percent", entry.percent}, {"what", storable(entry.text)}});
    written.push_back(attempt);
  }
}

void Writer::checkpoint() {
  const int pages = db_->pages_to_checkpoint();
  if (pages < kCheckpointPages) return;
  {
    const std::lock_guard guard(mutex_);
    if (dead_) return;
  }
  try {
    db_->checkpoint();
    if (db_->pages_to_checkpoint() > kAlarmingPages)
      log::warning("store", "a reader has kept the log from shrinking: {} pages", db_->pages_to_checkpoint());
  } catch (const sql::Failure& e) {
    if (e.trouble() == sql::Trouble::io)
      set_trouble(fmt::format("{}; nothing more is written until decomd is restarted", e.what()), true);
    log::error("store", "cannot move the log into the database: {}", e.what());
  }
}

}  // namespace decom
