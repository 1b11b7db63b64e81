#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/directory/directory.hpp"
#include "daemon/directory/names.hpp"
#include "daemon/directory/session.hpp"

namespace decom::directory {

/// Where computers are searched, and below what they may be removed.
struct ComputerScope {
  Dn base;
  std::vector<Dn> allowed;
};

std::vector<Computer> find_computers(Session& session, const ComputerScope& scope,
                                     const std::vector<std::string>& names);
std::optional<Computer> read_computer(Session& session, const ComputerScope& scope, const Guid& guid);
void remove_computer(Session& session, const ComputerScope& scope, const Computer& expected);
void disable_computer(Session& session, const ComputerScope& scope, const Computer& expected,
                      const std::string& description);
void move_computer(Session& session, const ComputerScope& scope, const Computer& expected, const Dn& unit);
std::string why_not_into(Session& session, const Dn& account, const Dn& unit);
void remove_child(Session& session, const ComputerScope& scope, const Guid& computer, const ComputerChild& expected);

}  // namespace decom::directory
