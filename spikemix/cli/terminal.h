// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "spikemix/base/clock.h"

namespace spikemix {

/// May escape codes (colours, cursor movement) be written there? Only to a terminal that is not TERM=dumb, without
/// NO_COLOR.
bool takes_escape_codes(int descriptor);

/// Columns of the terminal at its present width; otherwise those in COLUMNS; otherwise 80.
int columns_of(int descriptor);

/// Columns for a table's names next to figures of that many columns: what a terminal leaves, but at least `least`. A
/// file or a pipe gets full names.
int columns_for_names(int figures, int least);

/// Columns that a text takes: two for a wide character, none for a combining one.
int width_of(std::string_view text);

/// The start of the text, as much as fits in this many columns.
std::string cut(std::string_view text, int columns);

/// The start and the end of a text that is wider, around an ellipsis: names may differ in either.
std::string shortened(std::string_view text, int columns);

/// cut(), padded with blanks to that many columns.
std::string padded(std::string_view text, int columns);

/// A progress line on standard error: redrawn in place on a terminal, otherwise a new line every ten seconds. It is
/// never longer than the terminal's line, and needs no escape codes.
class ProgressLine {
 public:
  ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  bool moves() const { return moves_; }
  /// Is it time to print again? Ask first, so that no text is made that nobody sees.
  bool due() const;
  /// `title`, a bar that is filled to `share` (0 to 1), `text`. If there is not enough room, first the bar gets
  /// shorter, then the title.
  void show(const std::string& title, double share, const std::string& text);
  /// Removes it, before a line that stays.
  void clear();
  /// Postpones the next one by its usual interval.
  void wait() { last_ = Clock::now(); }

 private:
  const bool moves_;
  int drawn_ = 0;  // columns drawn so far
  Clock::time_point last_{};
};

}  // namespace spikemix
