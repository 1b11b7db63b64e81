#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/directory/directory.hpp"
#include "daemon/records/record_system.hpp"
#include "daemon/steps/ad_action.hpp"
#include "daemon/steps/ad_facts.hpp"

namespace decom {

inline constexpr const char* kAdComputerKind = "ad.computer";

/// The machine's computer account in Active Directory and every object below it, each a record of its own, the leaves
/// first: a tree delete would take what nobody listed.
///
/// Two facts of different authorities prove the account: the guest says so (its host name), and vSphere says so (the
/// VM's name). Either alone can be borrowed: a guest may call itself SQL01, and a VM may be named after what it
/// replaces. A machine that was off when it was submitted has one fact only. What lies below an account is its own.
///
/// An account that is to be disabled is one record, and what lies below it stays. One that is to be moved is two, what
/// it says and where it lies: each is one call to the directory, under an intent of its own.
class AdRecords final : public RecordSystem {
 public:
  /// `directory` outlives it; each of its calls is bounded by its own timeout.
  explicit AdRecords(Directory& directory, AdAction action = {}) : directory_(directory), action_(std::move(action)) {}
  /// Of one more domain: there a guest's name is a fact with its domain only.
  explicit AdRecords(std::unique_ptr<Directory> directory, AdAction action = {})
      : own_(std::move(directory)), directory_(*own_), action_(std::move(action)), names_(HostNames::whole) {}

  std::vector<Record> find(const Machine& machine, const RecordCall& call) override;
  std::optional<Record> read(const Machine& machine, const std::string& id, const RecordCall& call) override;
  std::string remove(const Machine& machine, const Record& record, const RecordCall& call) override;
  std::string check(const RecordCall& call) override;

 private:
  [[nodiscard]] Record record_of(const Machine& machine, const Computer& account) const;
  [[nodiscard]] std::vector<Record> records_of(const Machine& machine, const Computer& account);
  [[nodiscard]] Record place_of(const Record& account, const Computer& now);

  const std::unique_ptr<Directory> own_;
  Directory& directory_;
  const AdAction action_;
  const HostNames names_ = HostNames::any;
};

}  // namespace decom
