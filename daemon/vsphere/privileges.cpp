#include "daemon/vsphere/privileges.hpp"

#include <algorithm>
#include <set>

#include "common/base/text.hpp"
#include "daemon/vsphere/properties.hpp"

namespace decom::vsphere {
namespace {

// How servers say that they do not know a method.
bool means_unknown_method(const SoapFault& fault) {
  return fault.name == "NotSupported" || fault.name == "NotImplemented" || fault.name == "InvalidRequest" ||
         fault.name == "MethodNotFound" ||
         (fault.name.empty() && folded(fault.message).find("unable to resolve wsdl method") != std::string::npos);
}

struct Permission {
  std::string principal;
  bool group = false;
  std::string entity;
  std::int64_t role = 0;
};

using Roles = std::map<std::int64_t, std::set<std::string>>;

Roles read_roles(Session& session) {
  const OneObject manager(session, session.service()->authorization, {"roleList"}, "read vCenter's roles");
  Roles roles;
  for (auto role = first_element(manager["roleList"]); role; role = role.next_sibling()) {
    auto& privileges = roles[integer_of(child_named(role, "roleId"))];
    for (auto p = child_named(role, "privilege"); p; p = next_named(p, "privilege")) privileges.insert(text_of(p));
  }
  return roles;
}

/// "CORP\alice" or "alice@corp.example" or "alice"
std::pair<std::string, std::string> domain_and_name(const std::string& user) {
  if (const auto slash = user.find('\\'); slash != std::string::npos)
    return {user.substr(0, slash), user.substr(slash + 1)};
  if (const auto at = user.find('@'); at != std::string::npos) return {user.substr(at + 1), user.substr(0, at)};
  return {{}, user};
}

/// Folded, as "corp\decom operators". None where the directory behind vCenter does not answer: then only permissions
/// given to the user itself count.
std::set<std::string> groups_of(Session& session, const std::string& user) {
  const auto service = session.service();
  std::set<std::string> groups;
  if (service->user_directory.empty()) return groups;
  const auto [domain, name] = domain_and_name(user);
  SoapCall call("RetrieveUserGroups", service->user_directory);
  if (!domain.empty()) call.element("domain", domain);
  call.element("searchStr", "").element("belongsToUser", name);
  call.element("exactMatch", false).element("findUsers", false).element("findGroups", true);
  const SoapReply reply = session.ask(call, {.what = "read the groups of " + user});
  if (reply.fault) return groups;
  for (auto found = reply.returnval(); found; found = next_named(found, "returnval"))
    if (is_true(child_named(found, "group"))) groups.insert(folded(text_of(found, "principal")));
  return groups;
}

std::vector<Permission> permissions_on(Session& session, const MoRef& entity) {
  SoapCall call("RetrieveEntityPermissions", session.service()->authorization);
  call.ref("entity", entity).element("inherited", true);
  const SoapReply reply = session.call(call, {.what = "read the permissions on " + entity.value});
  std::vector<Permission> permissions;
  for (auto p = reply.returnval(); p; p = next_named(p, "returnval"))
    permissions.push_back({folded(text_of(p, "principal")), is_true(child_named(p, "group")), text_of(p, "entity"),
                           integer_of(child_named(p, "roleId"))});
  return permissions;
}

/// The entity and what is above it, nearest first.
std::vector<std::string> chain_of(Session& session, const MoRef& entity) {
  std::map<std::string, std::string> parents;
  const FilterSpec filter{
      .properties = {{"ManagedEntity", {"parent"}}},
      .objects = {
          {.object = entity, .steps = {{.name = "up", .type = "ManagedEntity", .path = "parent", .then = {"up"}}}}}};
  retrieve(session, filter, {.what = "read what is above " + entity.value},
           [&](const ObjectFacts& facts) { parents[facts.ref.value] = facts.text("parent"); });
  std::vector<std::string> chain;
  for (std::string at = entity.value; !at.empty() && chain.size() < 64; at = parents[at]) chain.push_back(at);
  return chain;
}

std::set<std::string> granted_to(const std::string& user, const std::set<std::string>& groups, const Roles& roles,
                                 const std::vector<Permission>& permissions, const std::vector<std::string>& chain) {
  std::set<std::string> granted;
  const auto add = [&](std::int64_t role) {
    if (const auto found = roles.find(role); found != roles.end())
      granted.insert(found->second.begin(), found->second.end());
  };
  // The nearest object that says anything about this user decides; there, a permission of the user itself comes before
  // those of groups, and those of several groups add up. ("vSphere Security", Hierarchical Inheritance of Permissions)
  for (const auto& entity : chain) {
    bool decided = false;
    for (const auto& p : permissions)
      if (p.entity == entity && !p.group && p.principal == user) {
        add(p.role);
        decided = true;
      }
    if (decided) return granted;
    for (const auto& p : permissions)
      if (p.entity == entity && p.group && groups.contains(p.principal)) {
        add(p.role);
        decided = true;
      }
    if (decided) return granted;
  }
  return granted;
}

}  // namespace

MissingPrivileges missing_privileges(Session& session, const std::string& user, const std::vector<MoRef>& entities,
                                     const std::vector<std::string>& privileges) {
  MissingPrivileges missing;
  if (entities.empty() || privileges.empty()) return missing;
  SoapCall call("HasUserPrivilegeOnEntities", session.service()->authorization);
  for (const auto& entity : entities) call.ref("entities", entity);
  call.element("userName", user);
  for (const auto& privilege : privileges) call.element("privId", privilege);
  const std::string what = "ask vCenter for the rights of " + user;
  const SoapReply reply = session.ask(call, {.what = what});
  if (reply.fault) {
    if (means_unknown_method(*reply.fault)) return missing_by_permissions(session, user, entities, privileges);
    if (reply.fault->name != "UserNotFound" && reply.fault->name != "NotFound")
      throw error_of(*reply.fault, what, false);
    for (const auto& entity : entities) missing[entity.value] = privileges;  // nobody has no rights
    return missing;
  }
  // Only a yes is a yes: what the answer does not mention is missing.
  std::map<std::string, std::set<std::string>> granted;
  for (auto entry = reply.returnval(); entry; entry = next_named(entry, "returnval")) {
    auto& here = granted[text_of(entry, "entity")];
    for (auto p = child_named(entry, "privAvailability"); p; p = next_named(p, "privAvailability"))
      if (is_true(child_named(p, "isGranted"))) here.insert(text_of(p, "privId"));
  }
  for (const auto& entity : entities)
    for (const auto& privilege : privileges)
      if (!granted[entity.value].contains(privilege)) missing[entity.value].push_back(privilege);
  return missing;
}

MissingPrivileges missing_by_permissions(Session& session, const std::string& user, const std::vector<MoRef>& entities,
                                         const std::vector<std::string>& privileges) {
  const Roles roles = read_roles(session);
  const auto groups = groups_of(session, user);
  MissingPrivileges missing;
  for (const auto& entity : entities) {
    const auto granted =
        granted_to(folded(user), groups, roles, permissions_on(session, entity), chain_of(session, entity));
    for (const auto& privilege : privileges)
      if (!granted.contains(privilege)) missing[entity.value].push_back(privilege);
  }
  return missing;
}

}  // namespace decom::vsphere
