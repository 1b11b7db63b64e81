#include "daemon/store/readers.hpp"

#include "daemon/store/schema.hpp"

namespace decom {
namespace {

constexpr std::size_t kMost = 6;

}  // namespace

Readers::Readers(std::filesystem::path file, std::string vfs) : file_(std::move(file)), vfs_(std::move(vfs)) {}

Readers::~Readers() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return lent_ == 0; });
}

std::unique_ptr<sql::Db> Readers::take() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !idle_.empty() || lent_ < kMost; });
  ++lent_;
  if (idle_.empty()) return nullptr;
  auto db = std::move(idle_.back());
  idle_.pop_back();
  return db;
}

void Readers::give_back(std::unique_ptr<sql::Db> db) const {
  {
    const std::lock_guard guard(mutex_);
    --lent_;
    if (db) idle_.push_back(std::move(db));
  }
  changed_.notify_all();
}

Readers::Loan::Loan(const Readers& readers) : readers_(readers), db_(readers.take()) {
  try {
    if (!db_) {
      db_ = std::make_unique<sql::Db>(readers_.file_, sql::Db::Mode::read_only, readers_.vfs_);
      schema::open_read_only(*db_);
    }
    db_->begin_read();
  } catch (...) {
    readers_.give_back(nullptr);  // a broken one is not lent again
    throw;
  }
}

Readers::Loan::~Loan() {
  db_->roll_back();  // nothing was written; COMMIT could only fail
  readers_.give_back(std::move(db_));
}

}  // namespace decom
