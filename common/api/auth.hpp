#pragma once

#include <string>
#include <vector>

#include "common/api/optional.hpp"

namespace decom::api {

/// POST /v1/logout: {}
struct Nothing {};
inline void to_json(nlohmann::json& j, const Nothing& /*nothing*/) { j = nlohmann::json::object(); }
inline void from_json(const nlohmann::json& /*j*/, Nothing& /*nothing*/) {}

/// POST /v1/login
struct LoginBody {
  std::string user;
  std::string password;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LoginBody, user, password)

/// GET /v1/whoami
struct WhoAmI {
  std::string user;  ///< "CORP\\alice"
  std::string upn;
  std::string sid;
  std::vector<std::string> roles;
  std::string expires;
  std::uint32_t uid = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(WhoAmI, user, upn, sid, roles, expires, uid)

struct LoginAnswer {
  std::string token;
  std::string expires;
  WhoAmI who;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(LoginAnswer, token, expires, who)

/// POST /v1/tokens
struct TokenBody {
  std::string name;
  std::int64_t ttl_s = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TokenBody, name, ttl_s)

struct TokenRow {
  std::string id;
  std::string name;
  std::string user;
  std::string created;
  std::string expires;
  bool revoked = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TokenRow, id, name, user, created, expires, revoked)

/// GET /v1/tokens
struct TokenPage {
  std::vector<TokenRow> items;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TokenPage, items)

/// 201, with the token itself: shown once.
struct TokenAnswer {
  TokenRow row;
  std::string token;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(TokenAnswer, row, token)

}  // namespace decom::api
