#pragma once

#include <string>
#include <vector>

#include "cli/render/output.hpp"
#include "cli/render/style.hpp"
#include "common/api/notices.hpp"

namespace decom::cli {

std::string render_channels(const std::vector<api::NoticeChannel>& channels, const Style& style);
const std::vector<Field>& channel_fields();
std::string render_notice_tests(const std::vector<api::NoticeTest>& tests, const Style& style);
const std::vector<Field>& notice_test_fields();

}  // namespace decom::cli
