#include "daemon/vsphere/properties.hpp"

#include <algorithm>

namespace decom::vsphere {
namespace {

void write_step(SoapCall& call, const TraversalStep& step) {
  call.open("selectSet", "TraversalSpec")
      .element("name", step.name)
      .element("type", step.type)
      .element("path", step.path);
  call.element("skip", false);
  for (const auto& next : step.then) call.open("selectSet").element("name", next).close();
  call.close();
}

void deliver(const pugi::xml_node& parent, const std::function<void(const ObjectFacts&)>& each) {
  for (auto object = child_named(parent, "objects"); object; object = next_named(object, "objects"))
    each(facts_of(object));
}

}  // namespace

pugi::xml_node ObjectFacts::operator[](std::string_view path) const {
  const auto found = std::ranges::find(values, path, [](const auto& value) -> std::string_view { return value.first; });
  return found == values.end() ? pugi::xml_node{} : found->second;
}

ObjectFacts facts_of(const pugi::xml_node& object) {
  ObjectFacts facts;
  facts.values.reserve(28);
  for (auto child = object.first_child(); child; child = child.next_sibling()) {
    const auto name = local_name(child);
    if (name == "obj") {
      facts.ref = moref_of(child);
    } else if (name == "kind") {
      facts.kind = text_of(child);
    } else if (name == "propSet" || name == "changeSet") {
      facts.values.emplace_back(text_of(child, "name"), child_named(child, "val"));
    } else if (name == "missingSet") {
      const SoapFault fault =
          read_fault(descend(child, {"fault", "fault"}), text_of(child_named(child, "fault"), "localizedMessage"));
      if (fault.name == "NotAuthenticated") throw Error{ErrorCode::unauthenticated, "the session has ended"};
      facts.denied = facts.denied || fault.name == "NoPermission";
    }
  }
  return facts;
}

void write_filter(SoapCall& call, std::string_view name, const FilterSpec& filter) {
  call.open(name);
  for (const auto& set : filter.properties) {
    call.open("propSet").element("type", set.type).element("all", false);
    for (const auto& path : set.paths) call.element("pathSet", path);
    call.close();
  }
  for (const auto& object : filter.objects) {
    call.open("objectSet").ref("obj", object.object).element("skip", object.skip);
    for (const auto& step : object.steps) write_step(call, step);
    call.close();
  }
  if (filter.forgiving) call.element("reportMissingObjectsInResults", true);
  call.close();
}

void retrieve(Session& session, const FilterSpec& filter, const RetrieveOptions& options,
              const std::function<void(const ObjectFacts&)>& each) {
  const auto collector = session.service()->property_collector;
  CallOptions call_options{.what = options.what, .repeat = options.repeat, .stop = options.stop, .streamed = "objects"};
  call_options.piece = [&](const pugi::xml_node& wrapper) { deliver(wrapper, each); };
  SoapCall first("RetrievePropertiesEx", collector);
  write_filter(first, "specSet", filter);
  first.open("options");
  if (options.page != 0) first.number("maxObjects", static_cast<std::int64_t>(options.page));
  first.close();
  SoapReply reply = session.call(first, call_options);
  // The server pages by its own measure too (a hundred objects in places), whatever was asked for.
  for (std::string token = text_of(reply.returnval(), "token"); !token.empty();
       token = text_of(reply.returnval(), "token")) {
    SoapCall next("ContinueRetrievePropertiesEx", collector);
    next.element("token", token);
    call_options.repeat = false;  // the token is the session's
    reply = session.call(next, call_options);
  }
}

OneObject::OneObject(Session& session, const MoRef& object, const std::vector<std::string>& paths, std::string what) {
  const FilterSpec filter{.properties = {{object.type, paths}}, .objects = {{.object = object}}};
  retrieve(session, filter, {.what = std::move(what)}, [&](const ObjectFacts& facts) {
    if (facts.ref.value != object.value) return;
    facts_.ref = facts.ref;
    facts_.values.clear();
    for (const auto& [path, value] : facts.values) {
      auto copy = copy_.append_copy(value);
      // Prefixes of types are declared further up in the answer.
      for (auto outer = value.parent(); outer.type() == pugi::node_element; outer = outer.parent())
        for (const auto attribute : outer.attributes())
          if (std::string_view(attribute.name()).starts_with("xmlns") && !copy.attribute(attribute.name()))
            copy.append_copy(attribute);
      facts_.values.emplace_back(path, copy);
    }
  });
}

}  // namespace decom::vsphere
