#include "common/api/notices.hpp"
#include "common/base/text.hpp"
#include "daemon/api/routes.hpp"
#include "daemon/api/strict_body.hpp"
#include "daemon/api/to_wire.hpp"
#include "daemon/notices/notices.hpp"
#include "daemon/store/store.hpp"

namespace decom {
namespace {

HttpAnswer list_channels(const Notices* notices) {
  api::Notices answer;
  if (notices != nullptr)
    for (const notices::ChannelStatus& status : notices->status()) answer.items.push_back(to_wire(status));
  return json_response(answer);
}

HttpAnswer test_channels(Notices* notices, Store& store, const ApiCall& call) {
  const auto body = read_body<api::NoticesTestBody>(call.body);
  const auto within = time_limit(body.timeout_ms);
  api::NoticesTestAnswer answer;
  if (notices == nullptr) return json_response(answer);
  const Principal& who = call.who();
  store.audit("notice.test", join(body.channels, " "), "", who.sid, display_name(who.domain, who.sam), who.uid);
  for (const Notices::Test& one : notices->test(body.channels, within))
    answer.items.push_back({.channel = one.channel, .ok = one.ok, .text = one.text, .elapsed_ms = one.elapsed.count()});
  return json_response(answer);
}

}  // namespace

void add_notice_routes(Router& router, Notices* notices, Store& store) {
  router.add({.method = "GET", .pattern = "/v1/notices", .handler = [notices](const ApiCall&) {
                return list_channels(notices);
              }});
  router.add({.method = "POST",
              .pattern = "/v1/notices/test",
              .access = Access::admin,
              .where = Where::outside,
              .takes_body = true,
              .handler = [notices, &store](const ApiCall& call) { return test_channels(notices, store, call); }});
}

}  // namespace decom
