#pragma once

#include <string>
#include <vector>

namespace decom::cli {

/// What may stand in a place, for completion.
struct ValueSpec {
  enum class Kind { none, words, machine, request, file } kind = Kind::none;
  std::vector<std::string> words;
};
/// "machine": what the hidden verb that completes from the daemon is asked for; empty where it is not.
std::string dynamic_name(ValueSpec::Kind kind);

struct OptionSpec {
  std::vector<std::string> names;  ///< "-o", "--output"
  bool takes_value = false;
  std::string value_name;  ///< "FIELD"
  std::string text;
  ValueSpec values;
};

struct PlaceSpec {
  std::string name;  ///< "VM"
  bool required = false;
  bool repeats = false;
  std::string text;
  ValueSpec values;
};

/// A verb as the app knows it; the root is the program itself.
struct VerbSpec {
  std::string path;  ///< "token create"; empty for the program
  std::string text;
  std::string footer;
  std::vector<OptionSpec> options;
  std::vector<PlaceSpec> places;
  std::vector<VerbSpec> verbs;
};

}  // namespace decom::cli
