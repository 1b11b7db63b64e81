#include "daemon/vsphere/inventory_feed.hpp"

#include <utility>

#include "common/base/log.hpp"

namespace decom::vsphere {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoll = 10s;       // also how often the mirror's age is refreshed while nothing happens
constexpr auto kTagsEvery = 60s;  // vCenter does not tell when they change
constexpr std::int64_t kObjectsAnAnswer = 2500;
constexpr std::size_t kMachinesAPiece = 1000;
constexpr std::size_t kReadAtOnce = 500;

bool is_place(std::string_view type) {
  for (const auto& set : Places::properties())
    if (set.type == type) return true;
  return false;
}

std::vector<std::string> place_types() {
  // Super types take their kinds along: a ClusterComputeResource is a ComputeResource, a VirtualApp a ResourcePool.
  return {"Folder", "Datacenter", "ComputeResource", "HostSystem", "ResourcePool"};
}

}  // namespace

void InventoryFeed::follow(const std::stop_token& stop, const Apply& apply, const std::function<void()>& alive) {
  try {
    while (!stop.stop_requested()) {
      begin(stop);
      while (!stop.stop_requested() && wait(stop, apply))
        if (alive) alive();
    }
  } catch (const Error& error) {
    if (stop.stop_requested() && error.code() == ErrorCode::cancelled) return;
    // On a session that has ended, our own collector is "not found".
    if (error.code() == ErrorCode::gone && service_) session_.check(service_->generation);
    throw;
  }
}

void InventoryFeed::begin(const std::stop_token& stop) {
  service_ = session_.service();
  destroy_leftovers();
  places_ = {};
  fields_.clear();
  machines_.clear();
  names_.assign(1, {});
  numbers_.clear();
  version_.clear();
  dirty_.clear();
  moved_places_.clear();
  waiting_.clear();
  change_ = {.first = true};
  loading_ = true;
  truncated_ = false;

  const CallOptions options{.what = "follow the inventory", .repeat = false, .stop = stop};
  own_generation_ = service_->generation;
  collector_ =
      moref_of(session_.call(SoapCall("CreatePropertyCollector", service_->property_collector), options).returnval());
  own_.push_back(collector_);
  places_view_ = create_view(place_types(), options);
  machines_view_ = create_view({"VirtualMachine"}, options);
  create_filters(options);
  refresh_tags(stop);
  dirty_.clear();     // nothing is known yet that could change
  read_places(stop);  // machines come with their folders' names from the first one on
}

void InventoryFeed::destroy_leftovers() {
  if (own_generation_ == service_->generation)
    for (const auto& own : own_) {
      const bool view = own.type.ends_with("View");
      session_.ask(SoapCall(view ? "DestroyView" : "DestroyPropertyCollector", own),
                   {.what = "forget the old view of the inventory", .repeat = false});
    }
  own_.clear();
}

MoRef InventoryFeed::create_view(const std::vector<std::string>& types, const CallOptions& options) {
  SoapCall create("CreateContainerView", service_->view_manager);
  create.ref("container", service_->root_folder);
  for (const auto& type : types) create.element("type", type);
  create.element("recursive", true);
  own_.push_back(moref_of(session_.call(create, options).returnval()));
  return own_.back();
}

void InventoryFeed::create_filters(const CallOptions& options) {
  const auto members = [](const MoRef& view) {
    return ObjectSpec{
        .object = view, .skip = true, .steps = {{.name = "view", .type = "ContainerView", .path = "view"}}};
  };
  FilterSpec places{.properties = Places::properties(),
                    .objects = {{.object = service_->root_folder}, members(places_view_)}};
  if (!service_->custom_fields.empty()) {
    places.properties.push_back({"CustomFieldsManager", {"field"}});
    places.objects.push_back({.object = service_->custom_fields});
  }
  const FilterSpec machines{.properties = {{"VirtualMachine", mirror_paths(*service_)}},
                            .objects = {members(machines_view_)}};
  for (const FilterSpec* filter : std::initializer_list<const FilterSpec*>{&places, &machines}) {
    SoapCall create("CreateFilter", collector_);
    write_filter(create, "spec", *filter);
    create.element("partialUpdates", false);
    session_.call(create, options);
  }
}

void InventoryFeed::read_places(const std::stop_token& stop) {
  FilterSpec filter{.properties = Places::properties(),
                    .objects = {{.object = service_->root_folder},
                                {.object = places_view_,
                                 .skip = true,
                                 .steps = {{.name = "view", .type = "ContainerView", .path = "view"}}}}};
  if (!service_->custom_fields.empty()) {
    filter.properties.push_back({"CustomFieldsManager", {"field"}});
    filter.objects.push_back({.object = service_->custom_fields});
  }
  retrieve(session_, filter, {.what = "read folders and hosts", .repeat = false, .stop = stop},
           [&](const ObjectFacts& facts) {
             if (facts.ref.type == "CustomFieldsManager")
               fields_ = field_names(facts["field"]);
             else if (is_place(facts.ref.type))
               places_.put(facts);
           });
}

bool InventoryFeed::wait(const std::stop_token& stop, const Apply& apply) {
  SoapCall call("WaitForUpdatesEx", collector_);
  call.element("version", version_).open("options");
  call.number("maxWaitSeconds", std::chrono::seconds{kPoll}.count())
      .number("maxObjectUpdates", kObjectsAnAnswer)
      .close();
  CallOptions options{.what = "wait for changes of the inventory",
                      .repeat = false,
                      .stop = stop,
                      .wait = kPoll,
                      .streamed = "objectSet"};
  options.piece = [&](const pugi::xml_node& wrapper) {
    for (auto object = child_named(wrapper, "objectSet"); object; object = next_named(object, "objectSet"))
      update(facts_of(object), apply);
  };
  const SoapReply reply = session_.ask(call, options);
  if (reply.fault) {
    if (reply.fault->name == "InvalidCollectorVersion") return false;
    throw error_of(*reply.fault, options.what, false);
  }
  const auto set = reply.returnval();
  if (!loading_ && std::chrono::steady_clock::now() - tags_read_ > kTagsEvery) refresh_tags(stop);
  if (!set && !loading_ && dirty_.empty()) return true;  // nothing happened
  if (set) version_ = text_of(set, "version");
  truncated_ = is_true(child_named(set, "truncated"));
  mark_below(moved_places_);
  moved_places_.clear();
  if (loading_ && truncated_) return true;
  read_dirty(stop, apply);
  hand_over(apply, true);
  loading_ = false;
  return true;
}

void InventoryFeed::update(const ObjectFacts& facts, const Apply& apply) {
  if (facts.ref.type == "VirtualMachine") {
    if (facts.kind == "leave") {
      leave(facts.ref.value);
    } else if (facts.kind == "enter" && !facts.values.empty()) {
      enter(facts);
    } else {
      dirty_.insert(facts.ref.value);
    }
    if (loading_ && change_.entered.size() >= kMachinesAPiece) hand_over(apply, false);
  } else if (facts.ref.type == "CustomFieldsManager") {
    if (const auto names = field_names(facts["field"]); names != fields_) {
      fields_ = names;
      mark_all();
    }
  } else if (is_place(facts.ref.type)) {
    const bool changed =
        facts.kind == "leave" ? places_.remove(facts.ref.value) : places_.put(facts, facts.kind == "modify");
    if (changed) moved_places_.push_back(facts.ref.value);
  }
}

void InventoryFeed::refresh_tags(const std::stop_token& stop) {
  tags_read_ = std::chrono::steady_clock::now();
  try {
    TagsByMachine now = tags_.all(stop);
    for (const auto& [moref, names] : now)
      if (const auto before = tagged_.find(moref); before == tagged_.end() || before->second != names)
        dirty_.insert(moref);
    for (const auto& [moref, names] : tagged_)
      if (!now.contains(moref)) dirty_.insert(moref);
    std::erase_if(dirty_, [&](const std::string& moref) { return !machines_.contains(moref); });
    tagged_ = std::move(now);
  } catch (const Error& error) {
    // The mirror goes on with the tags it has; who acts on a machine reads them anew.
    if (stop.stop_requested()) throw;
    log::warning("vsphere", "{}", error.what());
  }
}

void InventoryFeed::enter(const ObjectFacts& facts) {
  const MachineLinks where = links_of(facts);
  machines_[facts.ref.value] = {number_of(where.folder), number_of(where.vapp), number_of(where.host),
                                number_of(where.pool)};
  Machine machine = machine_of(facts, fields_);
  places_.name(machine, where);
  machine.identity.vcenter_uuid = service_->about.instance_uuid;
  machine.vcenter = session_.options().name;
  if (const auto tags = tagged_.find(facts.ref.value); tags != tagged_.end()) machine.tags = tags->second;
  drop_entered(facts.ref.value);
  std::erase(change_.left, facts.ref.value);
  waiting_.insert(facts.ref.value);
  change_.entered.push_back(std::move(machine));
}

void InventoryFeed::leave(const std::string& moref) {
  dirty_.erase(moref);
  drop_entered(moref);
  if (machines_.erase(moref) > 0) change_.left.push_back(moref);
}

void InventoryFeed::drop_entered(const std::string& moref) {
  if (waiting_.erase(moref) > 0)
    std::erase_if(change_.entered, [&](const Machine& machine) { return machine.identity.moref == moref; });
}

void InventoryFeed::mark_below(const std::vector<std::string>& places) {
  if (places.empty()) return;
  for (const auto& [moref, compact] : machines_)
    if (places_.passes(links(compact), places)) dirty_.insert(moref);
}

void InventoryFeed::mark_all() {
  for (const auto& [moref, compact] : machines_) dirty_.insert(moref);
}

void InventoryFeed::read_dirty(const std::stop_token& stop, const Apply& apply) {
  while (!dirty_.empty()) {
    FilterSpec filter{.properties = {{"VirtualMachine", mirror_paths(*service_)}}, .forgiving = true};
    while (!dirty_.empty() && filter.objects.size() < kReadAtOnce)
      filter.objects.push_back({.object = machine_ref(dirty_.extract(dirty_.begin()).value())});
    retrieve(session_, filter, {.what = "read changed machines", .repeat = false, .stop = stop},
             [&](const ObjectFacts& facts) {
               if (facts.ref.type != "VirtualMachine") return;
               if (facts.values.empty())
                 leave(facts.ref.value);  // gone by now, or we may not see it any more
               else
                 enter(facts);
             });
    if (!dirty_.empty()) hand_over(apply, !loading_);
  }
}

void InventoryFeed::hand_over(const Apply& apply, bool complete) {
  if (change_.entered.empty() && change_.left.empty() && !change_.first && !(loading_ && complete)) return;
  change_.complete = complete;
  waiting_.clear();
  apply(std::exchange(change_, {}));
}

std::uint32_t InventoryFeed::number_of(const std::string& moref) {
  if (moref.empty()) return 0;
  const auto [found, fresh] = numbers_.emplace(moref, static_cast<std::uint32_t>(names_.size()));
  if (fresh) names_.push_back(moref);
  return found->second;
}

MachineLinks InventoryFeed::links(const CompactLinks& compact) const {
  return {names_[compact.folder], names_[compact.vapp], names_[compact.host], names_[compact.pool]};
}

}  // namespace decom::vsphere
