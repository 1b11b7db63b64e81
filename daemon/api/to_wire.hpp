#pragma once

#include <string>
#include <vector>

#include "common/api/admin.hpp"
#include "common/api/auth.hpp"
#include "common/api/notices.hpp"
#include "common/api/requests.hpp"
#include "daemon/domain/principal.hpp"
#include "daemon/domain/request.hpp"
#include "daemon/engine/engine.hpp"
#include "daemon/inventory/inventory.hpp"
#include "daemon/notices/channel.hpp"
#include "daemon/store/store.hpp"

/// From what the house works with to what the API shows, and back for what people send.
namespace decom {

api::Machine to_wire(const Machine& machine);
api::Mirror to_wire(const MirrorState& state, Timestamp now);
api::Options to_wire(const RequestOptions& options);
/// Throws `invalid` and names the option.
RequestOptions from_wire(const api::Options& options);
/// `previews` is empty, or has one list a machine.
api::Plan to_wire(const PlanOffer& offer, const std::vector<std::vector<StepPreview>>& previews);
/// `last_event` was read before the request was.
api::Request to_wire(const Request& request, std::int64_t last_event, const std::vector<Event>& failed_notices);
api::NoticeChannel to_wire(const notices::ChannelStatus& status);
api::RequestRow to_wire(const RequestRow& row);
api::TokenRow to_wire(const SessionRow& row);
api::Freeze to_wire(const FreezeState& state);
api::WhoAmI to_wire(const Principal& who, Timestamp expires);

/// How long a caller is willing to wait: none for 0. Throws `invalid` for what is below 0 or beyond 10 minutes.
std::optional<std::chrono::milliseconds> time_limit(std::int64_t timeout_ms);

std::string machine_id(std::int64_t request, int ordinal);  ///< "17.3"
}  // namespace decom
