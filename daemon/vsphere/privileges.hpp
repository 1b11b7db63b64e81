#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/vsphere/session.hpp"

namespace decom::vsphere {

/// By MoRef of the entity, what `user` lacks there; entities where nothing is lacking are not listed.
using MissingPrivileges = std::map<std::string, std::vector<std::string>>;

MissingPrivileges missing_privileges(Session& session, const std::string& user, const std::vector<MoRef>& entities,
                                     const std::vector<std::string>& privileges);

/// The way for servers that do not know HasUserPrivilegeOnEntities: permissions, roles and groups, worked out here.
/// Where the evidence is thin (a permission on an object that is not above the entity in the folder tree), the
/// privilege counts as missing.
MissingPrivileges missing_by_permissions(Session& session, const std::string& user, const std::vector<MoRef>& entities,
                                         const std::vector<std::string>& privileges);

}  // namespace decom::vsphere
