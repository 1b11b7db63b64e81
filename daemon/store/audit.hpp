#pragma once

#include "daemon/store/store.hpp"
#include "daemon/store/tx.hpp"

/// The chain of the audit: each entry carries the hash of the one before it, and the last number and hash are kept
/// apart, sealed with a key that is not in the database. So an edit, a gap, another order and a missing end all show.
namespace decom::audit {

void add(Tx& tx, const Actor& actor, std::string_view action, std::string_view object, std::string_view text);
std::vector<AuditEntry> entries(sql::Db& db, std::int64_t since, std::size_t limit);
/// Number of the first entry that does not fit; nullopt: whole.
std::optional<std::int64_t> verify(sql::Db& db, const Secret& key);
/// "number hash", for the log: whoever keeps it elsewhere can prove a later cut.
std::string head(sql::Db& db);

}  // namespace decom::audit
