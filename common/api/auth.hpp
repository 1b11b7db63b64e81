#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/api/wire_type.hpp"

namespace decom::api {

/// POST /v1/logout: {}
struct Nothing {};
DECOM_WIRE_TYPE(Nothing)

/// POST /v1/login
struct LoginBody {
  std::string user;
  std::string password;
};
DECOM_WIRE_TYPE(LoginBody)

/// GET /v1/whoami
struct WhoAmI {
  std::string user;  ///< "CORP\\alice"
  std::string upn;
  std::string sid;
  std::vector<std::string> roles;
  std::string expires;
  std::uint32_t uid = 0;
};
DECOM_WIRE_TYPE(WhoAmI)

struct LoginAnswer {
  std::string token;
  std::string expires;
  WhoAmI who;
};
DECOM_WIRE_TYPE(LoginAnswer)

/// POST /v1/tokens
struct TokenBody {
  std::string name;
  std::int64_t ttl_s = 0;
};
DECOM_WIRE_TYPE(TokenBody)

struct TokenRow {
  std::string id;
  std::string name;
  std::string user;
  std::string created;
  std::string expires;
  bool revoked = false;
};
DECOM_WIRE_TYPE(TokenRow)

/// GET /v1/tokens
struct TokenPage {
  std::vector<TokenRow> items;
};
DECOM_WIRE_TYPE(TokenPage)

/// 201, with the token itself: shown once.
struct TokenAnswer {
  TokenRow row;
  std::string token;
};
DECOM_WIRE_TYPE(TokenAnswer)

}  // namespace decom::api
