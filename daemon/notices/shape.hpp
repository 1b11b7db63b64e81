#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/error.hpp"
#include "daemon/notices/notice.hpp"

namespace decom::notices {

/// What a webhook is sent: JSON whose strings have variables, and how names are written in them.
struct Shape {
  std::string_view name;
  Markup markup = Markup::plain;
  nlohmann::json body;  ///< null: the whole notice
};
/// slack, teams, discord, generic
const std::vector<Shape>& shipped_shapes();

/// What is wrong with a body of the site's own, each with a JSON pointer below it.
std::vector<Finding> mistakes_in_body(const nlohmann::json& body);

/// The body of one request. An item of a list that has a member `each` of "line" is repeated, once for each line.
std::string body_of(const WebhookOptions& options, const Notice& notice);

/// The whole notice, for programs.
nlohmann::json json_of(const Notice& notice);

}  // namespace decom::notices
