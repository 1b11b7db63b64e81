#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/store/sql.hpp"

namespace decom {

/// A few read-only connections, each lent to one thread at a time. They are opened when needed, since most daemons
/// rarely read more than one thing at once, and must be gone before the writer's is.
class Readers {
 public:
  Readers(std::filesystem::path file, std::string vfs);
  ~Readers();

  /// Runs `read(Db&)` on one snapshot of the database.
  template <typename Read>
  auto read(Read&& read) const {
    Loan loan(*this);
    return read(loan.db());
  }

 private:
  class Loan {
   public:
    explicit Loan(const Readers& readers);
    ~Loan();
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    [[nodiscard]] sql::Db& db() { return *db_; }

   private:
    const Readers& readers_;
    std::unique_ptr<sql::Db> db_;
  };

  [[nodiscard]] std::unique_ptr<sql::Db> take() const;
  void give_back(std::unique_ptr<sql::Db> db) const;

  std::filesystem::path file_;
  std::string vfs_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable std::vector<std::unique_ptr<sql::Db>> idle_;
  mutable std::size_t lent_ = 0;
};

}  // namespace decom
