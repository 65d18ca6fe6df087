// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spikemix::reports {

struct Section {
  std::string id, title;  ///< the id must be unique in the page: letters, digits and dashes
  std::string body;       ///< HTML
};

struct Page {
  std::string title, lead;
  std::vector<Section> sections;
  std::vector<std::string> left_out;  ///< what the page does not show, and why, as plain text
};

/// A document that loads nothing: style and pictures are embedded, there is no script, and its content security policy
/// forbids everything else. UTF-8. Light or dark, as the reader's system is set, and fit for print.
std::string html(const Page& page);

/// Does a file that begins with this text hold such a page?
bool is_page(std::string_view beginning);

/// The page's style sheet. In style.cc.
extern const std::string_view kStyle;

}  // namespace spikemix::reports
