#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/secret.hpp"

namespace decom {

/// From the kernel; throws `internal` when it has none.
std::string random_bytes(std::size_t count);
/// `bytes` random bytes as base64url without padding.
Secret random_token(std::size_t bytes = 32);
/// RFC 4122 version 4.
std::string random_uuid();

/// Lower-case hex of SHA-256 (FIPS 180-4).
std::string sha256_hex(std::string_view data);
/// Lower-case hex of HMAC-SHA-256 (RFC 2104).
std::string hmac_sha256_hex(const Secret& key, std::string_view data);

std::string to_hex(std::string_view bytes);
std::string base64url(std::string_view bytes);

}  // namespace decom
