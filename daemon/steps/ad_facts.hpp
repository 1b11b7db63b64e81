#pragma once

#include <string>
#include <vector>

#include "daemon/directory/directory.hpp"
#include "daemon/domain/machine.hpp"

namespace decom {

/// What is said for and against a computer account being this machine's. Pure.
struct AccountEvidence {
  std::vector<std::string> facts;    ///< that agree: two prove it
  std::vector<std::string> against;  ///< any of these speaks against it

  [[nodiscard]] bool is_proven() const { return facts.size() >= 2 && against.empty(); }
};

/// Names under which the account may be found: the VM's name and the guest's, whole and up to the first dot, and cut to
/// the 15 characters that a sAMAccountName of a computer keeps.
std::vector<std::string> account_names(const Machine& machine);

/// What a guest calls itself, as a fact for an account of one domain among several.
enum class HostNames {
  any,    ///< its first label may be enough: there is one domain
  whole,  ///< with its domain only, since "web01" says nothing of whose web01 it is
};

AccountEvidence weigh_account(const Machine& machine, const Computer& account, HostNames names = HostNames::any);

}  // namespace decom
