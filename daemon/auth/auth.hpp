#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.hpp"
#include "common/base/secret.hpp"
#include "daemon/directory/directory.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/store/store.hpp"

namespace decom {

struct AuthOptions {
  std::map<Role, std::vector<std::string>> roles;  ///< group names or SIDs
  std::chrono::milliseconds session_life = std::chrono::hours{8};
  std::chrono::milliseconds longest_token = std::chrono::hours{24 * 365};
};

struct Login {
  Secret token;  ///< shown once
  Timestamp expires{};
  Principal principal;
};

/// Who is calling, and what they may. Any thread; what asks the directory blocks, so call it on an *outside* thread.
class Auth {
 public:
  /// `directory` is null where none is configured: then nobody can log in.
  Auth(AuthOptions options, Store& store, Directory* directory, Clock& clock);
  ~Auth();

  /// Throws `unauthenticated`, or `denied` with "invalid permissions" for a person in no configured group.
  Login login(const std::string& name, const Secret& password, std::uint32_t uid);
  void logout(const Principal& who);
  Login create_token(const Principal& who, const std::string& name, std::chrono::milliseconds life);

  /// From `Authorization: Bearer …` and the kernel's uid. The roles are those of the last read, at most a minute old.
  /// Throws `unauthenticated`: none, unknown, expired, revoked, of another uid.
  Principal authenticate(const std::string& bearer, std::uint32_t uid);
  /// The same without ever asking the directory, so that it cannot block on it: nothing where the roles are too old to
  /// count. `old_roles_do`: those of the last answer count, whatever their age; for what only makes things safer, such
  /// as a cancel, which has to work while the directory hangs.
  std::optional<Principal> recall(const std::string& bearer, std::uint32_t uid, bool old_roles_do);
  /// The roles as the directory has them this moment, for submit and execute. Throws `denied` when the person lost
  /// `needed`, is disabled or locked; `unreachable` when it cannot be known.
  Principal refresh(const Principal& who, Role needed);
  /// The same by SID alone, for the engine, long after the person has gone home.
  Principal refresh(const std::string& sid, Role needed);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace decom
