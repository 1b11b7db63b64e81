#include "daemon/directory/active_directory.hpp"

#include <utility>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "daemon/directory/computers.hpp"
#include "daemon/directory/people.hpp"
#include "daemon/directory/session.hpp"

namespace decom {

namespace {

using namespace directory;

Dn parse_option(const std::string& text, std::string_view option) {
  if (auto dn = Dn::parse(text)) return *std::move(dn);
  throw Error{ErrorCode::invalid, "the directory's {} is not a distinguished name: {}", option, text};
}

ComputerScope scope_of(const DirectoryOptions& options) {
  ComputerScope scope{.base = parse_option(options.base_dn, "base_dn"), .allowed = {}};
  for (const std::string& text : options.computer_ous) {
    Dn unit = parse_option(text, "computer_ous");
    if (!unit.is_at_or_below(scope.base))
      throw Error{ErrorCode::invalid, "the directory's unit for computers {} is not below {}", text, options.base_dn};
    scope.allowed.push_back(std::move(unit));
  }
  if (scope.allowed.empty()) scope.allowed.push_back(scope.base);
  return scope;
}

Sid parse_sid(const std::string& text) {
  if (auto sid = Sid::parse(text)) return *std::move(sid);
  throw Error{ErrorCode::invalid, "{} is no SID", text};
}

Guid parse_guid(const std::string& text) {
  if (auto guid = Guid::parse(text)) return *std::move(guid);
  throw Error{ErrorCode::invalid, "{} is no GUID", text};
}

class ActiveDirectory : public Directory {
 public:
  explicit ActiveDirectory(const DirectoryOptions& options)
      : options_(options), scope_(scope_of(options)), sessions_(options) {}

  Person authenticate(std::string_view name, const Secret& password) override {
    if (password.empty() || password.expose().find('\0') != std::string::npos)
      throw Error{ErrorCode::unauthenticated, "cannot log on: a password is needed"};
    return sessions_.run([&](Session& session) {
      const Account account = find_account(session, scope_.base, name);
      prove(session.endpoint(), account, name, password);
      return directory::read_person(session, account.sid);
    });
  }

  Person read_person(const std::string& sid) override {
    const Sid wanted = parse_sid(sid);
    return sessions_.run([&](Session& session) { return directory::read_person(session, wanted); });
  }

  std::string group_sid(const std::string& name_or_sid) override {
    return sessions_.run([&](Session& session) { return find_group(session, scope_.base, name_or_sid).text(); });
  }

  std::vector<Computer> find_computers(const std::vector<std::string>& names) override {
    return on_computers([&](Session& session) { return directory::find_computers(session, scope_, names); });
  }

  std::optional<Computer> read_computer(const std::string& guid) override {
    const Guid wanted = parse_guid(guid);
    return on_computers([&](Session& session) { return directory::read_computer(session, scope_, wanted); });
  }

  void remove_computer(const Computer& expected) override {
    on_computers([&](Session& session) {
      directory::remove_computer(session, scope_, expected);
      return true;
    });
  }

  void remove_child(const std::string& computer_guid, const ComputerChild& expected) override {
    const Guid computer = parse_guid(computer_guid);
    on_computers([&](Session& session) {
      directory::remove_child(session, scope_, computer, expected);
      return true;
    });
  }

  void disable_computer(const Computer& expected, const std::string& description) override {
    on_computers([&](Session& session) {
      directory::disable_computer(session, scope_, expected, description);
      return true;
    });
  }

  void move_computer(const Computer& expected, const std::string& unit) override {
    const Dn to = parse_option(unit, "move_to");
    on_computers([&](Session& session) {
      directory::move_computer(session, scope_, expected, to);
      return true;
    });
  }

  std::string why_not_into(const Computer& account, const std::string& unit) override {
    const auto from = Dn::parse(account.dn);
    if (!from) throw Error{ErrorCode::protocol, "the directory gave {} without a usable name", account.dn};
    const Dn to = parse_option(unit, "move_to");
    return on_computers([&](Session& session) { return directory::why_not_into(session, *from, to); });
  }

  bool exists(const std::string& dn) override {
    const auto wanted = Dn::parse(dn);
    if (!wanted) throw Error{ErrorCode::invalid, "{} is no distinguished name", dn};
    return on_computers(
        [&](Session& session) { return session.connection().read(Base::of(*wanted), {"objectClass"}).has_value(); });
  }

  std::string check() override {
    return sessions_.run([&](Session& session) {
      if (!session.connection().read(Base::of(scope_.base), {"objectClass"}))
        throw Error{ErrorCode::denied, "the service account cannot see {}", options_.base_dn};
      return fmt::format("{} of {} at {}, {}, as {}", session.domain().controller, session.domain().dns_name,
                         session.endpoint().url, session.connection().tls_version(), options_.bind_dn);
    });
  }

 private:
  /// Binds as the person, on a connection of its own to the same domain controller. Once: accounts lock.
  void prove(const Endpoint& endpoint, const Account& account, std::string_view typed, const Secret& password) const {
    const std::unique_ptr<Connection> own = Connection::open(endpoint, options_.timeout);
    if (const auto refusal = own->bind(account.dn.text(), password)) {
      if (refusal->code == ErrorCode::unauthenticated)  // in the words for an unknown name
        throw Error{refusal->code, "cannot log on: {}", refusal->words};
      throw Error{refusal->code, "cannot log on as {}: {}", safe_for_terminal(typed), refusal->words};
    }
  }

  /// Nobody is logging in here who could take a refusal of the service account for their own.
  template <typename Use>
  auto on_computers(Use use) -> decltype(use(std::declval<Session&>())) {
    return sessions_.run(std::move(use), ErrorCode::unauthenticated);
  }

  const DirectoryOptions options_;
  const ComputerScope scope_;
  Sessions sessions_;
};

}  // namespace

std::unique_ptr<Directory> connect_active_directory(const DirectoryOptions& options) {
  return std::make_unique<ActiveDirectory>(options);
}

}  // namespace decom
