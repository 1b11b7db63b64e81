#include "daemon/store/seal.hpp"

#include "common/base/crypto.hpp"
#include "daemon/store/tx.hpp"

namespace decom::seal {
namespace {

/// The first word keeps a seal of one sort from fitting another; JSON keeps the parts apart.
std::string seal(const Secret& key, const Json& parts) { return hmac_sha256_hex(key, canonical(parts)); }

}  // namespace

Person person_of(const Principal& who) {
  return {.sid = who.sid, .sam = who.sam, .upn = who.upn, .domain = who.domain};
}

std::string of_plan(const Secret& key, const PlanOffer& offer, const std::string& options,
                    const std::string& machines) {
  return seal(key, Json::array({"plan", offer.id, offer.hash, to_millis(offer.created), to_millis(offer.expires),
                                offer.requester_sid, options, machines}));
}

std::string of_request(const Secret& key, std::int64_t request, const Person& requester, std::uint32_t uid,
                       const std::string& options) {
  return seal(key, Json::array({"request", request, requester.sid, requester.sam, requester.upn, requester.domain, uid,
                                options}));
}

std::string of_decommission(const Secret& key, std::int64_t request, int ordinal, const Identity& identity,
                            const std::string& facts, const std::string& plan, const std::string& plan_hash) {
  return seal(key, Json::array({"decommission", request, ordinal, identity.vcenter_uuid, identity.moref,
                                identity.instance_uuid, facts, plan, plan_hash}));
}

std::string of_acting(const Secret& key, std::int64_t request, int ordinal, const Person& acting) {
  return seal(key, Json::array({"acting", request, ordinal, acting.sid, acting.sam, acting.upn, acting.domain}));
}

std::string of_database(const Secret& key) { return seal(key, Json::array({"database"})); }

}  // namespace decom::seal
