#include "daemon/auth/auth.hpp"

#include <algorithm>
#include <mutex>

#include "common/base/crypto.hpp"
#include "common/base/log.hpp"
#include "common/base/text.hpp"
#include "daemon/auth/role_map.hpp"

namespace decom {
namespace {

using namespace std::chrono_literals;

constexpr auto kFreshFor = 1min;                   // how old the roles of a reader may be
constexpr auto kRetryAfter = 15s;                  // how long the directory is left alone after it could not be reached
constexpr auto kClockCorrected = 5min;             // steps back that are no more than a correction
constexpr std::string_view kTokenMark = "decom_";  // secret scanners find leaked tokens by it

bool is_outage(ErrorCode code) {
  return code == ErrorCode::unreachable || code == ErrorCode::timed_out || code == ErrorCode::untrusted ||
         code == ErrorCode::protocol;
}

std::string roles_to_text(const std::set<Role>& roles) {
  std::vector<std::string> names;
  names.reserve(roles.size());
  for (const Role role : roles) names.emplace_back(to_string(role));
  return join(names, ",");
}

std::set<Role> roles_from_text(const std::string& text) {
  std::set<Role> roles;
  for (const std::string& name : split(text, ','))
    if (!name.empty()) roles.insert(role_from(name));
  return roles;
}

}  // namespace

class Auth::Impl {
 public:
  Impl(AuthOptions options, Store& store, Directory* directory, Clock& clock)
      : options_(std::move(options)),
        store_(store),
        directory_(directory),
        clock_(clock),
        role_map_(options_.roles, clock) {}

  Login login(const std::string& name, const Secret& password, std::uint32_t uid) {
    Person person;
    std::set<Role> roles;
    try {
      person = directory().authenticate(name, password);
      roles = role_map_.roles_of(person, directory());
    } catch (const Error& e) {
      store_.audit("login_failed", "", e.what(), "", name.substr(0, 256), uid);
      throw;
    }
    if (roles.empty()) {
      store_.audit("login_failed", "", "in no configured group", person.sid, display_name(person.domain, person.sam),
                   uid);
      throw Error{ErrorCode::denied, "invalid permissions"};
    }
    remember(person.sid, roles);
    return open_session(principal_of(person, roles, uid), false, "", options_.session_life);
  }

  Login create_token(const Principal& who, const std::string& name, std::chrono::milliseconds life) {
    const Person person = directory().read_person(who.sid);
    const std::set<Role> roles = role_map_.roles_of(person, directory());
    if (roles.empty()) throw Error{ErrorCode::denied, "invalid permissions"};
    if (name.empty() || name.size() > 64 || !is_valid_utf8(name))
      throw Error{ErrorCode::invalid, "the name of a token has 1 to 64 characters"};
    if (life < 1min || life > options_.longest_token)
      throw Error{ErrorCode::invalid, "a token lives from 1m to {}", to_text(options_.longest_token)};
    return open_session(principal_of(person, roles, who.uid), true, name, life);
  }

  Principal authenticate(const std::string& bearer, std::uint32_t uid) {
    const SessionRow row = live_session(bearer, uid);
    Principal who{.sid = row.sid,
                  .sam = row.sam,
                  .upn = row.upn,
                  .domain = row.domain,
                  .uid = uid,
                  .roles = current_roles(row),
                  .session = row.id};
    if (who.roles.empty()) throw Error{ErrorCode::denied, "invalid permissions"};
    return who;
  }

  std::optional<Principal> recall(const std::string& bearer, std::uint32_t uid, bool old_roles_do) {
    const SessionRow row = live_session(bearer, uid);
    std::optional<std::set<Role>> roles;
    {
      const std::lock_guard guard(mutex_);
      const auto known = known_.find(row.sid);
      if (known != known_.end() && (old_roles_do || clock_.steady() - known->second.read_at < kFreshFor ||
                                    clock_.steady() < known->second.not_before))
        roles = known->second.roles;
    }
    if (!roles && old_roles_do) roles = roles_from_text(row.roles);
    if (!roles) return std::nullopt;
    if (roles->empty()) throw Error{ErrorCode::denied, "invalid permissions"};
    return Principal{.sid = row.sid,
                     .sam = row.sam,
                     .upn = row.upn,
                     .domain = row.domain,
                     .uid = uid,
                     .roles = *std::move(roles),
                     .session = row.id};
  }

  Principal refresh(const std::string& sid, Role needed) {
    const Person person = directory().read_person(sid);
    const std::set<Role> roles = role_map_.roles_of(person, directory());
    remember(sid, roles);
    Principal who = principal_of(person, roles, 0);
    if (!who.has(needed))
      throw Error{ErrorCode::denied, "{} has no {} role any more", display_name(person.domain, person.sam),
                  to_string(needed)};
    return who;
  }

  Store& store() { return store_; }

 private:
  struct Known {
    std::set<Role> roles;
    Clock::Steady read_at;
    Clock::Steady not_before;  ///< of the next try, after an outage
  };

  Directory& directory() {
    if (directory_ == nullptr)
      throw Error{ErrorCode::unauthenticated, "nobody can log in: no [directory] is configured"};
    return *directory_;
  }

  static Principal principal_of(const Person& person, const std::set<Role>& roles, std::uint32_t uid) {
    return {.sid = person.sid,
            .sam = person.sam,
            .upn = person.upn,
            .domain = person.domain,
            .uid = uid,
            .roles = roles,
            .session = ""};
  }

  Login open_session(Principal who, bool is_token, const std::string& name, std::chrono::milliseconds life) {
    Secret token(std::string(kTokenMark) + random_token().expose());
    SessionRow row{.id = random_uuid(),
                   .token_hash = sha256_hex(token.expose()),
                   .sid = who.sid,
                   .sam = who.sam,
                   .upn = who.upn,
                   .domain = who.domain,
                   .uid = who.uid,
                   .is_token = is_token,
                   .name = name,
                   .roles = roles_to_text(who.roles),
                   .created = clock_.now(),
                   .expires = clock_.now() + life,
                   .revoked = std::nullopt};
    who.session = row.id;
    store_.add_session(row, who);
    return {std::move(token), row.expires, std::move(who)};
  }

  SessionRow live_session(const std::string& bearer, std::uint32_t uid) {
    // A token of anybody else's making never reaches the database.
    if (!bearer.starts_with(kTokenMark) || bearer.size() > 128)
      throw Error{ErrorCode::unauthenticated, "not logged in: run 'decomctl login'"};
    const auto row = store_.find_session(sha256_hex(bearer));
    if (!row || row->revoked) throw Error{ErrorCode::unauthenticated, "not logged in: run 'decomctl login'"};
    if (row->expires <= clock_.now())
      throw Error{ErrorCode::unauthenticated, "the login ended at {}: run 'decomctl login'", to_rfc3339(row->expires)};
    if (row->created > clock_.now() + kClockCorrected)
      throw Error{ErrorCode::unauthenticated,
                  "the clock of this host was set back since this login of {}: run 'decomctl login'",
                  to_rfc3339(row->created)};
    if (row->uid != uid) {
      store_.audit("token_of_other_uid", row->id, fmt::format("used by uid {}", uid), row->sid, row->sam, uid);
      throw Error{ErrorCode::unauthenticated, "this login belongs to another user of this host: run 'decomctl login'"};
    }
    return *row;
  }

  /// At most a minute old; while the directory is away, as of the last time that it answered.
  std::set<Role> current_roles(const SessionRow& row) {
    {
      const std::lock_guard guard(mutex_);
      const auto known = known_.find(row.sid);
      if (known != known_.end() &&
          (clock_.steady() - known->second.read_at < kFreshFor || clock_.steady() < known->second.not_before))
        return known->second.roles;
    }
    try {
      const Person person = directory().read_person(row.sid);
      auto roles = role_map_.roles_of(person, directory());
      remember(row.sid, roles);
      return roles;
    } catch (const Error& e) {
      if (e.code() == ErrorCode::not_found)
        throw Error{ErrorCode::denied, "{} is not in the directory any more", row.sam};
      if (!is_outage(e.code())) throw;
      log::warning("auth", "cannot read the groups of {}: {}; those of the last answer count for reading", row.sam,
                   e.what());
      const std::lock_guard guard(mutex_);
      const auto [known, is_new] = known_.try_emplace(row.sid, Known{roles_from_text(row.roles), {}, {}});
      known->second.not_before = clock_.steady() + kRetryAfter;
      return known->second.roles;
    }
  }

  void remember(const std::string& sid, const std::set<Role>& roles) {
    const std::lock_guard guard(mutex_);
    known_[sid] = {roles, clock_.steady(), {}};
  }

  AuthOptions options_;
  Store& store_;
  Directory* directory_;
  Clock& clock_;
  RoleMap role_map_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;
};

Auth::Auth(AuthOptions options, Store& store, Directory* directory, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), store, directory, clock)) {}
Auth::~Auth() = default;

Login Auth::login(const std::string& name, const Secret& password, std::uint32_t uid) {
  return impl_->login(name, password, uid);
}
void Auth::logout(const Principal& who) { (void)impl_->store().revoke_session(who.session, who); }
Login Auth::create_token(const Principal& who, const std::string& name, std::chrono::milliseconds life) {
  return impl_->create_token(who, name, life);
}
Principal Auth::authenticate(const std::string& bearer, std::uint32_t uid) { return impl_->authenticate(bearer, uid); }
std::optional<Principal> Auth::recall(const std::string& bearer, std::uint32_t uid, bool old_roles_do) {
  return impl_->recall(bearer, uid, old_roles_do);
}
Principal Auth::refresh(const Principal& who, Role needed) {
  Principal fresh = impl_->refresh(who.sid, needed);
  fresh.uid = who.uid;
  fresh.session = who.session;
  return fresh;
}
Principal Auth::refresh(const std::string& sid, Role needed) { return impl_->refresh(sid, needed); }

}  // namespace decom
