#include "tests/support/fake_records.hpp"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "common/base/text.hpp"

namespace decom {
namespace {

/// What a plan has frozen names a fake; it lives as long as the test.
class Borrowed final : public RecordSystem {
 public:
  explicit Borrowed(std::shared_ptr<FakeRecords> fake) : fake_(std::move(fake)) {}
  std::vector<Record> find(const Machine& machine, const RecordCall& call) override {
    return fake_->find(machine, call);
  }
  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override {
    return fake_->read(machine, id, call);
  }
  std::string remove(const Machine& machine, const Record& record, const RecordCall& call) override {
    return fake_->remove(machine, record, call);
  }
  std::string check(const RecordCall& call) override { return fake_->check(call); }

 private:
  std::shared_ptr<FakeRecords> fake_;
};

}  // namespace

/// One call: counted while it is inside, and held there where a test says so.
class FakeRecords::Inside {
 public:
  Inside(FakeRecords& of, const std::string& call, const std::string& id, const RecordCall& limits) : of_(of) {
    std::function<void(const std::string&, const std::string&)> hook;
    {
      const std::lock_guard guard(of_.mutex_);
      hook = of_.before_;
    }
    if (hook) hook(call, id);
    std::unique_lock lock(of_.mutex_);
    of_.most_inside_ = std::max(of_.most_inside_, ++of_.inside_);
    of_.changed_.notify_all();
    of_.changed_.wait(lock, limits.stop, [&] { return !of_.held_; });
    stopped_ = of_.held_;
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() {
    const std::lock_guard guard(of_.mutex_);
    --of_.inside_;
    of_.changed_.notify_all();
  }
  void require_not_stopped() const {
    if (stopped_) throw Error{ErrorCode::cancelled, "stopped"};
  }

 private:
  FakeRecords& of_;
  bool stopped_ = false;
};

void FakeRecords::add(const std::string& machine, Record record) {
  const std::lock_guard guard(mutex_);
  if (record.what.empty()) record.what = record.id;
  if (record.before.empty()) record.before = record.id + " as it was";
  rows_.push_back({.machine = machine, .record = std::move(record)});
}

void FakeRecords::add_proven(const std::string& machine, const std::string& id) {
  Record record;
  record.id = id;
  record.facts = {"name " + machine, "address of " + machine};
  record.bears = {machine};
  add(machine, record);
}

void FakeRecords::edit(const std::string& id, const std::function<void(Record&)>& change) {
  const std::lock_guard guard(mutex_);
  for (Row& row : rows_)
    if (row.record.id == id) change(row.record);
}

void FakeRecords::take_away(const std::string& id) {
  const std::lock_guard guard(mutex_);
  std::erase_if(rows_, [&](const Row& row) { return row.record.id == id; });
}

void FakeRecords::hide(const std::string& id, bool hidden) {
  const std::lock_guard guard(mutex_);
  for (Row& row : rows_)
    if (row.record.id == id) row.hidden = hidden;
}

bool FakeRecords::has(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  return std::ranges::any_of(rows_, [&](const Row& row) { return row.record.id == id; });
}

std::vector<std::string> FakeRecords::removed() const {
  const std::lock_guard guard(mutex_);
  return removed_;
}

int FakeRecords::received(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = received_.find(id);
  return found == received_.end() ? 0 : found->second;
}

int FakeRecords::finds() const {
  const std::lock_guard guard(mutex_);
  return finds_;
}

int FakeRecords::most_at_once() const {
  const std::lock_guard guard(mutex_);
  return most_inside_;
}

void FakeRecords::go_away(ErrorCode code) {
  const std::lock_guard guard(mutex_);
  away_ = code;
}

void FakeRecords::come_back() {
  const std::lock_guard guard(mutex_);
  away_.reset();
}

void FakeRecords::fail_next_removal(const std::string& id, ErrorCode code, bool executed) {
  const std::lock_guard guard(mutex_);
  failures_[id] = {code, executed};
}

void FakeRecords::hold() {
  const std::lock_guard guard(mutex_);
  held_ = true;
}

void FakeRecords::release() {
  const std::lock_guard guard(mutex_);
  held_ = false;
  changed_.notify_all();
}

void FakeRecords::wait_until_inside(int calls) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return inside_ >= calls; });
}

void FakeRecords::before(std::function<void(const std::string&, const std::string&)> hook) {
  const std::lock_guard guard(mutex_);
  before_ = std::move(hook);
}

void FakeRecords::require_presence() const {
  if (away_) throw Error{*away_, "the system is away"};
}

std::vector<Record> FakeRecords::find(const Machine& machine, const RecordCall& call) {
  const Inside inside(*this, "find", "", call);
  inside.require_not_stopped();
  const std::lock_guard guard(mutex_);
  require_presence();
  ++finds_;
  std::vector<Record> found;
  for (const Row& row : rows_)
    if (equals_folded(row.machine, machine.name) && !row.hidden) found.push_back(row.record);
  return found;
}

std::optional<Record> FakeRecords::read(const Machine&, const std::string& id, const RecordCall& call) {
  const Inside inside(*this, "read", id, call);
  inside.require_not_stopped();
  const std::lock_guard guard(mutex_);
  require_presence();
  const auto row = std::ranges::find_if(rows_, [&](const Row& r) { return r.record.id == id && !r.hidden; });
  if (row == rows_.end()) return std::nullopt;
  return row->record;
}

std::string FakeRecords::remove(const Machine&, const Record& record, const RecordCall& call) {
  const Inside inside(*this, "remove", record.id, call);
  inside.require_not_stopped();
  const std::lock_guard guard(mutex_);
  require_presence();
  ++received_[record.id];
  const auto failure = failures_.extract(record.id);
  if (!failure.empty() && !failure.mapped().executed)
    throw Error{failure.mapped().code, "{} was not removed", record.id};
  const auto row = std::ranges::find_if(rows_, [&](const Row& r) { return r.record.id == record.id; });
  if (row == rows_.end()) throw Error{ErrorCode::gone, "{} is not there", record.id};
  if (row->record.before != record.before) throw Error{ErrorCode::precondition, "{} says something else", record.id};
  rows_.erase(row);
  removed_.push_back(record.id);
  if (!failure.empty()) throw Error{failure.mapped().code, "removing {} had no answer", record.id};
  return "removed";
}

std::string FakeRecords::check(const RecordCall&) {
  const std::lock_guard guard(mutex_);
  require_presence();
  return "in memory";
}

FakeSystems::FakeSystems() {
  RecordKind kind{.name = "fake",
                  .summary = "removes records that are in memory",
                  .make = [this](DefinitionReader& reader, const RecordWorld&) -> std::unique_ptr<RecordSystem> {
                    std::string name;
                    std::string ignored;
                    reader.require("system");
                    reader.string("system", name);
                    reader.string("deadline", ignored);
                    if (name.empty()) return nullptr;
                    const std::lock_guard guard(mutex_);
                    auto& fake = fakes_[name];
                    if (!fake) fake = std::make_shared<FakeRecords>();
                    return std::make_unique<Borrowed>(fake);
                  }};
  systems_ = std::make_shared<RecordSystems>(RecordWorld{}, std::vector{std::move(kind)});
}

FakeRecords& FakeSystems::operator[](const std::string& name) {
  const std::lock_guard guard(mutex_);
  auto& fake = fakes_[name];
  if (!fake) fake = std::make_shared<FakeRecords>();
  return *fake;
}

std::string FakeSystems::definition(const std::string& name) { return fmt::format(R"({{"system":"{}"}})", name); }

}  // namespace decom
