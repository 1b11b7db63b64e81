#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/error.hpp"
#include "daemon/store/sql.hpp"
#include "daemon/store/tx.hpp"

namespace decom {

/// The *store* thread: the only one that writes, and the only one that checkpoints.
///
/// Group commit: the verbs that wait run one after the other, each in a savepoint, in one transaction; one fsync later
/// all of them are answered. A verb that refuses takes back its own part only.
///
/// Out of space: the batch is undone and each verb is tried alone, so that only those fail that need the room. An I/O
/// error or a failed fsync ends it: what the kernel still remembers of such a file is not to be trusted (the page may
/// be marked clean though it never reached the disk), so nothing is retried and every verb is refused until a restart.
class Writer {
 public:
  using Grown = std::function<void(std::int64_t last)>;

  Writer(std::unique_ptr<sql::Db> db, Clock& clock, const Secret& key, const AftercareRules& aftercare,
         std::int64_t last_event);
  /// Answers what waits, then closes the connection.
  ~Writer();

  /// Any thread but the store's own. Blocks until the verb's commit is on disk; throws what the verb threw.
  /// `verb` may run twice and then answers anew.
  template <typename Verb>
  auto write(Verb&& verb) -> std::invoke_result_t<Verb, Tx&> {
    using Answer = std::invoke_result_t<Verb, Tx&>;
    if constexpr (std::is_void_v<Answer>) {
      wait_for([&](Tx& tx) { verb(tx); });
    } else {
      std::optional<Answer> answer;
      wait_for([&](Tx& tx) { answer.emplace(verb(tx)); });
      return *std::move(answer);
    }
  }

  /// Never blocks on the disk.
  void progress(std::int64_t attempt, int percent, std::string text);
  void on_grown(Grown hook);
  [[nodiscard]] std::int64_t last_event() const { return last_event_.load(std::memory_order_acquire); }
  /// Why writing does not work at this moment; empty when it does.
  [[nodiscard]] std::string trouble() const;
  [[nodiscard]] std::size_t waiting() const;  ///< verbs in the queue

 private:
  struct Job {
    std::function<void(Tx&)> verb;
    /// A value, not an exception_ptr: it moves to whoever waits, so that no thread frees what another one reads.
    std::optional<Error> error;
    std::promise<std::optional<Error>> answered;
  };
  using Jobs = std::vector<std::shared_ptr<Job>>;

  struct Progress {
    int percent = 0;
    std::string text;
    bool waits = false;
    Clock::Steady since{};                   ///< it waits
    std::optional<Clock::Steady> written{};  ///< the last one
  };

  void wait_for(std::function<void(Tx&)> verb);
  void loop(const std::stop_token& stop);
  void run(const Jobs& jobs);
  /// Throws what undid all of it; otherwise each job has its own error, or none.
  void commit(const Jobs& jobs);
  void run_in_savepoint(const std::function<void(Tx&)>& verb, std::int64_t& last, std::vector<std::int64_t>& ended);
  void write_progress(Tx& tx, std::vector<std::int64_t>& written);
  [[nodiscard]] std::optional<Clock::Steady> progress_due() const;  ///< with the mutex held
  void checkpoint();
  void set_trouble(std::string trouble, bool for_good);

  std::unique_ptr<sql::Db> db_;
  Clock& clock_;
  const Secret& key_;
  const AftercareRules& aftercare_;
  std::atomic<std::int64_t> last_event_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::shared_ptr<Job>> waiting_;
  std::map<std::int64_t, Progress> progress_;
  Grown grown_;
  std::string trouble_;
  bool dead_ = false;  ///< after an I/O error
  bool closed_ = false;

  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace decom
