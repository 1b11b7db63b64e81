#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/vsphere/session.hpp"
#include "daemon/vsphere/soap.hpp"

namespace decom::vsphere {

/// One object of an answer: an ObjectContent of RetrievePropertiesEx or an ObjectUpdate of WaitForUpdatesEx. It points
/// into the answer, which must outlive it.
struct ObjectFacts {
  MoRef ref;
  std::string kind;                                            ///< of an update: enter, modify, leave; else empty
  std::vector<std::pair<std::string, pugi::xml_node>> values;  ///< path, <val>; an unset one has no node

  bool denied = false;  ///< a property is missing because we may not read it

  [[nodiscard]] pugi::xml_node operator[](std::string_view path) const;
  [[nodiscard]] std::string text(std::string_view path) const { return text_of((*this)[path]); }
  [[nodiscard]] MoRef reference(std::string_view path) const { return moref_of((*this)[path]); }
};

/// Throws Error{unauthenticated} where the object's missingSet says that nobody is logged in; other missing properties
/// are just not there.
ObjectFacts facts_of(const pugi::xml_node& object);

struct PropertySet {
  std::string type;
  std::vector<std::string> paths;
};

/// From objects of `type` along `path` to further objects; `then` are names of further steps, or of this one.
struct TraversalStep {
  std::string name;
  std::string type;
  std::string path;
  std::vector<std::string> then;
};

/// Where a filter begins, and where it goes from there.
struct ObjectSpec {
  MoRef object;
  bool skip = false;  ///< only what is reached from it
  std::vector<TraversalStep> steps;
};

struct FilterSpec {
  std::vector<PropertySet> properties;
  std::vector<ObjectSpec> objects;
  /// True: objects that are not there (any more) are left out, instead of failing the whole call.
  bool forgiving = false;
};

/// Writes a PropertyFilterSpec as the content of the element `name`.
void write_filter(SoapCall& call, std::string_view name, const FilterSpec& filter);

struct RetrieveOptions {
  std::string what;
  std::size_t page = 0;  ///< objects an answer; 0 leaves it to the server
  bool repeat = true;
  std::stop_token stop;
};

/// Every object that the filter reaches, page after page, each as soon as it has come in.
/// Throws `gone` when an object that the filter names is not there.
void retrieve(Session& session, const FilterSpec& filter, const RetrieveOptions& options,
              const std::function<void(const ObjectFacts&)>& each);

/// The properties of one object, as a copy of the answer.
class OneObject {
 public:
  OneObject(Session& session, const MoRef& object, const std::vector<std::string>& paths, std::string what);
  [[nodiscard]] pugi::xml_node operator[](std::string_view path) const { return facts_[path]; }
  [[nodiscard]] const ObjectFacts& facts() const { return facts_; }

 private:
  pugi::xml_document copy_;
  ObjectFacts facts_;
};

}  // namespace decom::vsphere
