// SPDX-License-Identifier: MIT
#include "spikemix/report/page.h"

#include <fmt/format.h>

#include "spikemix/base/version.h"
#include "spikemix/report/html.h"

namespace spikemix::reports {
namespace {

std::string contents(const Page& page) {
  std::string items;
  for (const Section& section : page.sections)
    items += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id, escaped(section.title));
  return fmt::format("<nav aria-label=\"Contents\"><ul>\n{}</ul></nav>\n", items);
}

std::string left_out(const Page& page) {
  if (page.left_out.empty()) return "";
  std::string items;
  for (const std::string& text : page.left_out) items += fmt::format("<li>{}</li>\n", escaped(text));
  return fmt::format(
      "<section aria-labelledby=\"left-out\"><h2 id=\"left-out\">Not shown here</h2>\n<ul>\n{}</ul></section>\n",
      items);
}

constexpr std::string_view kDoctype = "<!DOCTYPE html>", kGenerator = "<meta name=\"generator\" content=\"spikemix ";

}  // namespace

bool is_page(std::string_view beginning) {
  return beginning.starts_with(kDoctype) && beginning.find(kGenerator) != beginning.npos;
}

std::string html(const Page& page) {
  std::string text = fmt::format(
      "{}\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
      "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src "
      "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
      "name=\"color-scheme\" content=\"light dark\">\n{}{}\">\n<link rel=\"icon\" "
      "href=\"data:,\">\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To "
      "the "
      "content</a>\n<header><h1>{}</h1>\n{}{}</header>\n<main id=\"main\">\n",
      kDoctype, kGenerator, escaped(kVersion), escaped(page.title), kStyle, escaped(page.title), paragraph(page.lead),
      contents(page));
  for (const Section& section : page.sections)
    text += fmt::format("<section aria-labelledby=\"{}\"><h2 id=\"{}\">{}</h2>\n{}</section>\n", section.id, section.id,
                        escaped(section.title), section.body);
  return text + left_out(page) +
         fmt::format(
             "</main>\n<footer><p>Made by spikemix {} ({}). The networks: <a "
             "href=\"https://arxiv.org/abs/2308.02557\">Attention-free Spikformer</a>, its journal form <a "
             "href=\"https://arxiv.org/abs/2403.18228\">FWformer</a>, and <a "
             "href=\"https://arxiv.org/abs/2209.15425\">Spikformer</a>.</p></footer>\n</body>\n</html>\n",
             escaped(kVersion), escaped(kGitCommit));
}

}  // namespace spikemix::reports
