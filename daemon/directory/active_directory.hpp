#pragma once

#include <memory>

#include "daemon/directory/directory.hpp"

namespace decom {

/// Active Directory over LDAPS or StartTLS. The only users of libldap are in this folder.
/// Throws `invalid` for options that can never work; connects at the first use, not here.
std::unique_ptr<Directory> connect_active_directory(const DirectoryOptions& options);

}  // namespace decom
