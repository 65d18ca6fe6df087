#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace spikemix::reports {

struct Section {
  std::string id, title;  ///< the id, unique in the page: letters, digits and dashes
  std::string body;       ///< HTML
};

struct Page {
  std::string title, lead;
  std::vector<Section> sections;
  std::vector<std::string> left_out;  ///< what the page does not show, and why: plain text
};

/// One document that loads nothing: style and pictures are in it, there is no script, and its content security policy
/// forbids the rest. UTF-8. In light and dark as the reader's system has it; on paper.
std::string html(const Page& page);

/// Does a file that begins with this text hold such a page?
bool is_page(std::string_view beginning);

/// The page's style sheet. In style.cc.
extern const std::string_view kStyle;

}  // namespace spikemix::reports
