#pragma once

#include <string>
#include <string_view>

#include "daemon/directory/directory.hpp"
#include "daemon/directory/names.hpp"
#include "daemon/directory/session.hpp"

namespace decom::directory {

/// Where a typed name leads to.
struct Account {
  Dn dn;
  Sid sid;
};

/// Looks a typed name up: sAMAccountName, user principal name, or DOMAIN\sAMAccountName. Throws `unauthenticated` for
/// nobody, in the same words as a wrong password, and `ambiguous`.
Account find_account(Session& session, const Dn& base, std::string_view typed);

/// Fresh names, groups and state. Throws `not_found`, and `denied` for an account that may not log on now.
Person read_person(Session& session, const Sid& sid);

/// Throws `not_found`, `ambiguous`.
Sid find_group(Session& session, const Dn& base, std::string_view name_or_sid);

}  // namespace decom::directory
