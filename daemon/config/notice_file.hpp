#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "daemon/config/toml_reader.hpp"
#include "daemon/notices/channel_options.hpp"

namespace decom {

/// What the files of notices.d are held against.
struct NoticeFiles {
  std::function<std::filesystem::path(const std::string& name)> secret_file;
  std::vector<std::string> vcenters;  ///< their names
};

/// Every *.toml of the folder, by name: one channel each. A folder that is not there is empty. What has a mistake is
/// left out of the answer.
std::vector<notices::ChannelOptions> read_notice_files(const std::filesystem::path& folder, const NoticeFiles& files,
                                                       Mistakes& mistakes);

}  // namespace decom
