#pragma once

#include <string>

#include "common/base/secret.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/store/store.hpp"

/// HMACs over what people have seen and approved, with a key that is not in the database: a row that was changed by
/// hand, or put in another's place, no longer fits its seal and is refused before anything is done with it.
namespace decom::seal {

/// Who asked, or whose rights count.
struct Person {
  std::string sid;
  std::string sam;
  std::string upn;
  std::string domain;
};
Person person_of(const Principal& who);

std::string of_plan(const Secret& key, const PlanOffer& offer, const std::string& options, const std::string& machines);
std::string of_request(const Secret& key, std::int64_t request, const Person& requester, std::uint32_t uid,
                       const std::string& options);
std::string of_decommission(const Secret& key, std::int64_t request, int ordinal, const Identity& identity,
                            const std::string& facts, const std::string& plan, const std::string& plan_hash);
std::string of_acting(const Secret& key, std::int64_t request, int ordinal, const Person& acting);
/// Kept in the database, so that a key of another database is found at start.
std::string of_database(const Secret& key);

}  // namespace decom::seal
