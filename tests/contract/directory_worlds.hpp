#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/error.hpp"
#include "daemon/directory/active_directory.hpp"
#include "tests/support/domain_server.hpp"
#include "tests/support/fake_directory.hpp"

/// Two worlds with the same people in them, a fake one and a real one, for one suite about both.
namespace decom {

struct ComputerSpec {
  int children = 0;
  std::string dns = {};
  std::string ou = "OU=Servers";
  bool enabled = true;
  bool is_critical = false;
  bool is_domain_controller = false;
  bool is_protected = false;
};

struct MadeComputer {
  std::string name;
  std::string guid;
};

class FakeWorld {
 public:
  FakeWorld();
  Directory& directory() { return fake_; }
  std::string sid(const std::string& user) { return sids_.at(user); }
  /// A person of this test alone; the password is Passw0rd!.
  std::string add_person();
  void join(const std::string& group, const std::string& user) { fake_.join(group, user); }
  void leave(const std::string& group, const std::string& user) { fake_.leave(group, user); }
  void disable(const std::string& user) { fake_.disable(user); }
  void lock(const std::string& user) { fake_.lock(user); }
  void expire(const std::string& user) { fake_.expire(user); }
  MadeComputer add_computer(const ComputerSpec& spec = {});
  void touch(const MadeComputer& computer) { fake_.touch(computer.guid); }
  void add_child(const MadeComputer& computer) { fake_.add_child(computer.guid, "CN=late"); }
  bool has(const MadeComputer& computer) { return fake_.has_computer(computer.guid); }
  bool is_disabled(const MadeComputer& computer) { return !fake_.read_computer(computer.guid)->enabled; }
  std::string dn_of(const MadeComputer& computer) { return fake_.read_computer(computer.guid)->dn; }
  /// Everything that it says, as far as a test asks for it.
  std::string text_of(const MadeComputer& computer) { return fake_.read_computer(computer.guid)->image; }
  void describe(const MadeComputer& computer, const std::string& text) {
    fake_.edit(computer.guid, [&](Computer& made) { made.image += "description: " + text + "\n"; });
  }
  void delete_computer(const MadeComputer& computer) { fake_.delete_computer(computer.guid); }

 private:
  FakeDirectory fake_;
  std::map<std::string, std::string> sids_;
  int count_ = 0;
};

class SambaWorld {
 public:
  SambaWorld();
  Directory& directory() { return *directory_; }
  std::string sid(const std::string& user) { return server_.call("user", {user}).at("sid"); }
  std::string add_person();
  void join(const std::string& group, const std::string& user) { server_.call("join", {group, user}); }
  void leave(const std::string& group, const std::string& user) { server_.call("leave", {group, user}); }
  void disable(const std::string& user) { server_.call("disable", {user}); }
  void lock(const std::string& user) { server_.call("lock", {user}); }
  void expire(const std::string& user) { server_.call("expire", {user}); }
  MadeComputer add_computer(const ComputerSpec& spec = {});
  void touch(const MadeComputer& computer);
  void add_child(const MadeComputer& computer) { server_.call("add_child", {computer.name, "service"}); }
  bool has(const MadeComputer& computer) { return !server_.call("computer", {computer.name}).is_null(); }
  bool is_disabled(const MadeComputer& computer) { return facts_of(computer).at("disabled"); }
  std::string dn_of(const MadeComputer& computer) { return facts_of(computer).at("dn"); }
  std::string text_of(const MadeComputer& computer) { return server_.call("read", {dn_of(computer)}).dump(); }
  void describe(const MadeComputer& computer, const std::string& text) {
    server_.call("modify", {dn_of(computer), {{"description", text}}});
  }
  void delete_computer(const MadeComputer& computer) { server_.call("delete_computer", {computer.name}); }
  DomainServer& server() { return server_; }

 private:
  nlohmann::json facts_of(const MadeComputer& computer) { return server_.call("computer", {computer.name}); }

  DomainServer& server_;
  std::unique_ptr<Directory> directory_;
};

/// What a call throws. `internal` when it throws nothing, which no test expects.
struct Thrown {
  ErrorCode code = ErrorCode::internal;
  std::string text = "nothing was thrown";
};
template <typename Call>
Thrown thrown_by(Call call) {
  try {
    call();
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
  return {};
}

}  // namespace decom
