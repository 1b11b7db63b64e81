#include "daemon/admission/admission.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <unistd.h>

#include "common/base/crypto.hpp"
#include "common/base/text.hpp"
#include "daemon/admission/departed.hpp"
#include "daemon/admission/objections.hpp"
#include "daemon/store/codec.hpp"

namespace decom {
namespace {

/// "lab:vm-123": the label of a vCenter and a MoRef.
struct MachineId {
  std::string vcenter;
  std::string moref;
};

std::optional<MachineId> parse_id(const std::string& text, const std::vector<std::string>& vcenters) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  MachineId id{text.substr(0, colon), text.substr(colon + 1)};
  if (std::ranges::find(vcenters, id.vcenter) == vcenters.end()) return std::nullopt;
  const bool plain = !id.moref.empty() && id.moref.size() <= 80 && std::ranges::all_of(id.moref, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!plain) return std::nullopt;
  return id;
}

/// One pass, so that a name which looks like a placeholder is never expanded itself.
std::string spell(std::string_view format, const Principal& who) {
  const std::array<std::pair<std::string_view, const std::string*>, 3> names{
      {{"{sam}", &who.sam}, {"{upn}", &who.upn}, {"{domain}", &who.domain}}};
  std::string spelled;
  while (!format.empty()) {
    const auto name = std::ranges::find_if(names, [&](const auto& n) { return format.starts_with(n.first); });
    if (name == names.end()) {
      spelled += format.front();
      format.remove_prefix(1);
    } else {
      spelled += *name->second;
      format.remove_prefix(name->first.size());
    }
  }
  return spelled;
}

std::string whereabouts(const Machine& machine) {
  return fmt::format("{} ({}{})", machine.id(), machine.folder.empty() ? "" : machine.folder + ", ",
                     machine.ip_addresses.empty() ? "no address" : machine.ip_addresses.front());
}

}  // namespace

class Admission::Impl {
 public:
  Impl(AdmissionOptions options, Store& store, VcenterPool& vcenters, const Inventory& inventory, Auth& auth,
       CurrentPlanner planner, const StepRegistry& registry, Clock& clock)
      : options_(std::move(options)),
        store_(store),
        vcenters_(vcenters),
        inventory_(inventory),
        auth_(auth),
        planner_(std::move(planner)),
        registry_(registry),
        clock_(clock) {}

  PlanOffer offer(const std::vector<std::string>& typed, const RequestOptions& options, const Principal& caller) {
    if (typed.empty()) throw Error{ErrorCode::usage, "no machine is named"};
    if (typed.size() > options_.policy.machines_a_request)
      throw Error{ErrorCode::too_large, "{} machines are more than the {} that one request may have", typed.size(),
                  options_.policy.machines_a_request};
    const Principal who = auth_.refresh(caller, Role::operator_);

    Objections objections(typed.size());
    PlanOffer offer{.id = random_uuid(), .hash = {}, .requester_sid = who.sid, .options = options};
    const auto planner = planner_();
    std::set<Identity> seen;
    for (const std::string& name : typed) {
      const auto machine = options.records_only ? departed_.find(name, who, objections) : resolve(name, objections);
      if (!machine) continue;
      if (!seen.insert(machine->identity).second) {
        objections.add(ErrorCode::invalid, name, fmt::format("'{}' names {} a second time", name, machine->id()));
        continue;
      }
      if (!options.records_only) object_to(*machine, name, objections);
      try {
        offer.machines.push_back({*machine, planner->plan_for(*machine, options)});
      } catch (const Error& e) {
        objections.add(e.code(), name, e.what());
      }
    }
    object_to_rights(offer.machines, who, objections);
    objections.throw_if_any();
    return offer;
  }

  void save(PlanOffer& offer) {
    offer.created = clock_.now();
    offer.expires = offer.created + options_.offer_life;
    offer.hash = codec::hash_of(offer.options, offer.machines);
    store_.save_plan(offer);
  }

  void recheck(const PlanOffer& offer, const Principal& caller) {
    const Principal who = auth_.refresh(caller, Role::operator_);
    if (who.sid != offer.requester_sid) throw Error{ErrorCode::denied, "this plan was made for somebody else"};
    Objections objections(offer.machines.size());
    for (const PlannedMachine& planned : offer.machines) {
      const Machine& shown = planned.machine;
      if (offer.options.records_only) {
        departed_.object_to(shown, who, shown.name, objections);
        continue;
      }
      const Machine now = read_same(shown);
      if (now.name != shown.name)
        objections.add(ErrorCode::precondition, shown.name,
                       fmt::format("{} is named '{}' by now, not '{}': look again", shown.id(), now.name, shown.name));
      object_to(now, shown.name, objections);
    }
    object_to_rights(offer.machines, who, objections);
    objections.throw_if_any();
  }

  Accepted remove_again(const Claim& ended, PlanStep step, const std::vector<SeenRecord>& found,
                        const std::string& key) {
    Principal who = auth_.refresh(ended.acting_sid, Role::operator_);
    who.uid = ::geteuid();  // nobody is at the other end of a socket: the daemon does it, by their rights
    Submission submission{.plan_id = {}, .plan_hash = {}, .idempotency_key = key, .body_hash = "aftercare"};
    if (const auto before = store_.accepted_before(submission, who)) return *before;
    const Decommission& then = ended.decommission;
    const std::string number = fmt::format("{}.{}", then.request, then.ordinal);
    step.records.emplace();
    for (const SeenRecord& one : found) step.records->push_back(one.record);
    step.after.clear();
    step.on_return = OnReturn::warn;  // its own looks tell of what comes back a second time
    step.why = fmt::format("came back after {}, whose plan says to remove it again", number);
    PlanOffer offer{.id = random_uuid(),
                    .hash = {},
                    .requester_sid = who.sid,
                    .options = {.reason = fmt::format("came back after {}", number),
                                .ticket = ended.request.options.ticket,
                                .records_only = true},
                    .machines = {{.machine = then.machine, .plan = {.name = then.plan.name, .steps = {step}}}}};
    departed_.require_gone(then.machine);
    save(offer);
    submission.plan_id = offer.id;
    submission.plan_hash = offer.hash;
    return store_.submit(submission, who);
  }

  void may_act(const Claim& claim, const KindTraits& kind) {
    const Principal who = auth_.refresh(claim.acting_sid, Role::operator_);
    const Machine& machine = claim.decommission.machine;
    if (claim.request.options.records_only) return departed_.require_gone(machine);
    if (kind.vcenter_rights.empty()) return;
    (void)read_same(machine);
    const auto missing = missing_rights(vcenters_.by_uuid(machine.identity.vcenter_uuid), who, {machine.identity.moref},
                                        kind.vcenter_rights);
    const auto found = missing.find(machine.identity.moref);
    if (found != missing.end() && !found->second.empty())
      throw Error{ErrorCode::denied,
                  "{} lacks {} on {} in vCenter {}",
                  spell(options_.vcenter_user, who),
                  join(found->second, ", "),
                  machine.name,
                  machine.vcenter};
  }

 private:
  std::optional<Machine> resolve(const std::string& typed, Objections& objections) {
    if (const auto id = parse_id(typed, vcenters_.names())) return read(id->vcenter, id->moref, typed, objections);
    const auto hits = inventory_.by_name(typed);
    if (hits.size() == 1) return read(hits.front().vcenter, hits.front().identity.moref, typed, objections);
    if (hits.empty()) {
      const auto near = inventory_.nearest_names(typed, 3);
      objections.add(ErrorCode::not_found, typed,
                     near.empty() ? fmt::format("no machine is named '{}'", typed)
                                  : fmt::format("no machine is named '{}'; did you mean {}?", typed, join(near, ", ")));
      return std::nullopt;
    }
    std::vector<std::string> bearers;
    bearers.reserve(hits.size());
    for (const Machine& hit : hits) bearers.push_back(whereabouts(hit));
    objections.add(
        ErrorCode::ambiguous, typed,
        fmt::format("{} machines are named '{}': name one by its id: {}", hits.size(), typed, join(bearers, ", ")));
    return std::nullopt;
  }

  /// Fresh from vCenter, as the mirror may be a second old.
  std::optional<Machine> read(const std::string& vcenter, const std::string& moref, const std::string& typed,
                              Objections& objections) {
    try {
      return vcenters_.by_name(vcenter).read_machine(moref);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::gone && e.code() != ErrorCode::not_found) throw;
      objections.add(ErrorCode::not_found, typed, fmt::format("vCenter {} has no machine {}", vcenter, moref));
      return std::nullopt;
    }
  }

  /// The same machine as it is now; throws `precondition` for another one in its place.
  Machine read_same(const Machine& machine) {
    Machine now;
    try {
      now = vcenters_.by_uuid(machine.identity.vcenter_uuid).read_machine(machine.identity.moref);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::gone) throw;
      throw Error{ErrorCode::gone, "{} ({}) is not visible in vCenter any more", machine.name, machine.id()};
    }
    if (now.identity != machine.identity)
      throw Error{ErrorCode::precondition, "{} is another machine by now: its instance UUID is {}, not {}",
                  machine.id(), now.identity.instance_uuid, machine.identity.instance_uuid};
    return now;
  }

  std::vector<std::string> places_of(const Identity& machine) {
    (void)vcenters_.by_uuid(machine.vcenter_uuid);  // throws where its own one is not configured any more
    std::vector<std::string> places;
    for (const std::string& name : vcenters_.names()) {
      Vcenter& vcenter = vcenters_.by_name(name);
      // Asked before the canary: what our account loses between the two is seen by it.
      for (const std::string& moref : vcenter.find_by_instance_uuid(machine.instance_uuid))
        places.push_back(fmt::format("{}:{}", name, moref));
      if (!vcenter.can_read_root())
        throw Error{ErrorCode::unreachable, "cannot tell whether a machine is gone: vCenter {} shows nothing to decomd",
                    name};
    }
    return places;
  }

  void object_to(const Machine& machine, const std::string& typed, Objections& objections) {
    for (const std::string& why : refusals(machine, options_.protected_uuids))
      objections.add(ErrorCode::invalid, typed, fmt::format("{} is not to be retired: {}", machine.name, why));
    const auto sharing = vcenters_.by_uuid(machine.identity.vcenter_uuid).machines_sharing_disks(machine);
    if (!sharing.empty())
      objections.add(
          ErrorCode::invalid, typed,
          fmt::format("{} is not to be retired: its disks are used by {}", machine.name, join(sharing, ", ")));
    if (const auto live = store_.live_decommission(machine.identity))
      objections.add(ErrorCode::conflict, typed,
                     fmt::format("{} is being retired already, as {}", machine.name, *live));
  }

  std::map<std::string, std::vector<std::string>> missing_rights(Vcenter& vcenter, const Principal& who,
                                                                 const std::vector<std::string>& morefs,
                                                                 const std::vector<std::string>& privileges) {
    return vcenter.missing_privileges(spell(options_.vcenter_user, who), morefs, privileges);
  }

  /// Asked once a vCenter, for every right that any step of any of its machines needs.
  void object_to_rights(const std::vector<PlannedMachine>& machines, const Principal& who, Objections& objections) {
    std::map<std::string, std::vector<const PlannedMachine*>> by_vcenter;
    for (const PlannedMachine& planned : machines)
      by_vcenter[planned.machine.identity.vcenter_uuid].push_back(&planned);
    for (const auto& [uuid, here] : by_vcenter) {
      std::set<std::string> rights;
      std::vector<std::string> morefs;
      for (const PlannedMachine* planned : here) {
        morefs.push_back(planned->machine.identity.moref);
        for (const PlanStep& step : planned->plan.steps) {
          if (step.skipped) continue;
          const KindTraits& kind = registry_.at(step.kind);
          rights.insert(kind.vcenter_rights.begin(), kind.vcenter_rights.end());
        }
      }
      if (rights.empty()) continue;
      const auto missing = missing_rights(vcenters_.by_uuid(uuid), who, morefs, {rights.begin(), rights.end()});
      for (const PlannedMachine* planned : here) {
        const auto lacks = missing.find(planned->machine.identity.moref);
        if (lacks == missing.end() || lacks->second.empty()) continue;
        objections.add(ErrorCode::denied, planned->machine.name,
                       fmt::format("{} lacks {} on {} in vCenter {}", spell(options_.vcenter_user, who),
                                   join(lacks->second, ", "), planned->machine.name, planned->machine.vcenter));
      }
    }
  }

  AdmissionOptions options_;
  Store& store_;
  VcenterPool& vcenters_;
  const Inventory& inventory_;
  Departed departed_{store_, [this](const Identity& machine) { return places_of(machine); }, inventory_};
  Auth& auth_;
  CurrentPlanner planner_;
  const StepRegistry& registry_;
  Clock& clock_;
};

Admission::Admission(AdmissionOptions options, Store& store, VcenterPool& vcenters, const Inventory& inventory,
                     Auth& auth, CurrentPlanner planner, const StepRegistry& registry, Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), store, vcenters, inventory, auth, std::move(planner), registry,
                                   clock)) {}

Admission::~Admission() = default;

PlanOffer Admission::offer(const std::vector<std::string>& machines, const RequestOptions& options,
                           const Principal& who) {
  return impl_->offer(machines, options, who);
}
void Admission::save(PlanOffer& offer) { impl_->save(offer); }

void Admission::recheck(const PlanOffer& offer, const Principal& who) { impl_->recheck(offer, who); }
Accepted Admission::remove_again(const Claim& ended, PlanStep step, const std::vector<SeenRecord>& found,
                                 const std::string& key) {
  return impl_->remove_again(ended, std::move(step), found, key);
}
void Admission::may_act(const Claim& claim, const KindTraits& kind) { impl_->may_act(claim, kind); }

}  // namespace decom
