#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "daemon/records/record_systems.hpp"

namespace decom {

/// A system of records in memory, for tests of what stands on one. Any thread.
class FakeRecords final : public RecordSystem {
 public:
  // -- the world ------------------------------------------------------------------------------------------------------
  /// Belongs to the machine of that name.
  void add(const std::string& machine, Record record);
  void add_proven(const std::string& machine, const std::string& id);
  void edit(const std::string& id, const std::function<void(Record&)>& change);
  void take_away(const std::string& id);
  /// Rights on that one row are gone: it cannot be seen, and is there.
  void hide(const std::string& id, bool hidden = true);
  [[nodiscard]] bool has(const std::string& id) const;
  /// Ids in the order of removal, each as often as it was removed.
  [[nodiscard]] std::vector<std::string> removed() const;
  [[nodiscard]] int received(const std::string& id) const;  ///< removals that came in, with or without effect
  [[nodiscard]] int finds() const;
  /// Calls that were inside at the same moment, at most.
  [[nodiscard]] int most_at_once() const;

  // -- failures -------------------------------------------------------------------------------------------------------
  void go_away(ErrorCode code = ErrorCode::unreachable);
  void come_back();
  /// The next removal of that id throws `code`, and is executed only where `executed` says so.
  void fail_next_removal(const std::string& id, ErrorCode code, bool executed = false);
  /// Every call waits inside until `release`, a stop or its deadline.
  void hold();
  void release();
  void wait_until_inside(int calls);
  /// Runs before each call, on the caller's thread.
  void before(std::function<void(const std::string& call, const std::string& id)> hook);

  // -- RecordSystem ---------------------------------------------------------------------------------------------------
  std::vector<Record> find(const Machine& machine, const RecordCall& call) override;
  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override;
  std::string remove(const Machine& machine, const Record& record, const RecordCall& call) override;
  std::string check(const RecordCall& call) override;

 private:
  struct Row {
    std::string machine;
    Record record;
    bool hidden = false;
  };
  struct Failure {
    ErrorCode code{};
    bool executed = false;
  };
  class Inside;

  void require_presence() const;

  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable_any changed_;
  std::vector<Row> rows_;
  std::vector<std::string> removed_;
  std::map<std::string, int> received_;
  std::map<std::string, Failure> failures_;
  std::optional<ErrorCode> away_;
  std::function<void(const std::string&, const std::string&)> before_;
  int finds_ = 0;
  int inside_ = 0;
  int most_inside_ = 0;
  bool held_ = false;
};

/// Systems of the kind "fake": the definition {"system": "dns-corp"} means that one.
class FakeSystems {
 public:
  FakeSystems();
  FakeRecords& operator[](const std::string& name);
  static std::string definition(const std::string& name);
  [[nodiscard]] const std::shared_ptr<RecordSystems>& systems() const { return systems_; }

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<FakeRecords>> fakes_;
  std::shared_ptr<RecordSystems> systems_;
};

}  // namespace decom
