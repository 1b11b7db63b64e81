#pragma once

#include "daemon/store/sql.hpp"

namespace decom::schema {

/// The version that this program writes.
int latest();
/// As stored; 0 for an empty database.
int stored(sql::Db& db);

/// Sets up the writing connection (WAL, synchronous=FULL, foreign keys), refuses a damaged file and a newer schema, and
/// brings an older one up to `latest`, one transaction a version. Throws `storage` in words for an administrator.
void open(sql::Db& db, const std::string& file);
/// The same for a connection that only reads.
void open_read_only(sql::Db& db);

}  // namespace decom::schema
