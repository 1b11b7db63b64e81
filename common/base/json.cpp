#include "common/base/json.hpp"

#include <set>
#include <string>
#include <vector>

#include "common/base/error.hpp"

namespace decom {
namespace {

constexpr std::size_t kDeepest = 32;

/// Looks at each token before a value is built, so that a bomb costs nothing.
class Guard {
 public:
  bool operator()(int /*depth*/, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    switch (event) {
      case Event::object_start:
        keys_.emplace_back();
        check_depth();
        break;
      case Event::array_start:
        keys_.emplace_back();
        check_depth();
        break;
      case Event::object_end:
      case Event::array_end: keys_.pop_back(); break;
      case Event::key: {
        const auto& key = value.get_ref<const std::string&>();
        if (key.find('\0') != std::string::npos) throw Error{ErrorCode::usage, "the JSON has a NUL character in a key"};
        if (!keys_.back().insert(key).second) throw Error{ErrorCode::usage, "the JSON has the key '{}' twice", key};
        break;
      }
      case Event::value:
        if (value.is_string() && value.get_ref<const std::string&>().find('\0') != std::string::npos)
          throw Error{ErrorCode::usage, "the JSON has a NUL character in a string"};
        break;
    }
    return true;
  }

 private:
  void check_depth() const {
    if (keys_.size() > kDeepest) throw Error{ErrorCode::usage, "the JSON is nested deeper than {} levels", kDeepest};
  }
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

Json parse_json(std::string_view text) {
  try {
    return Json::parse(text, Guard{});
  } catch (const Json::parse_error& e) {
    throw Error{ErrorCode::usage, "cannot parse the JSON: byte {} is not as expected", e.byte};
  } catch (const Json::exception&) {
    throw Error{ErrorCode::usage, "cannot parse the JSON"};
  }
}

}  // namespace decom
