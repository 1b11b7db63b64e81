#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/directory/connection.hpp"

namespace decom::directory {

/// Entries as LDIF (RFC 2849), in the order given. An attribute that `is_secret` is named in a comment, without its
/// value: what becomes a before-image is stored and shown.
std::string to_ldif(const std::vector<Entry>& entries, const std::function<bool(std::string_view)>& is_secret);

/// Attributes that hold passwords and keys in every forest, whatever its schema says of them.
bool is_known_secret(std::string_view attribute);

}  // namespace decom::directory
