#pragma once

#include <string>
#include <string_view>

#include "spikemix/base/clock.h"

namespace spikemix {

/// May escape codes (colours, cursor movement) be written there? Only to a terminal that is not TERM=dumb, without
/// NO_COLOR.
bool takes_escape_codes(int descriptor);

/// Columns of the terminal, as wide as it is now; else what COLUMNS says; else 80.
int columns_of(int descriptor);

/// Columns that a table's names may have beside figures of so many: what a terminal leaves them, `least` at least. A
/// file or a pipe gets whole names.
int columns_for_names(int figures, int least);

/// Columns that a text takes: two for a wide character, none for one that combines with the last.
int width_of(std::string_view text);

/// As much of the beginning of the text as fits in this many columns.
std::string cut(std::string_view text, int columns);

/// Its beginning and its end, around an ellipsis, where it is wider: names may differ in both.
std::string shortened(std::string_view text, int columns);

/// cut(), and blanks up to so many columns.
std::string padded(std::string_view text, int columns);

/// A progress line on standard error: redrawn in place on a terminal, else a new line every ten seconds. It is never
/// longer than the terminal's line, and needs no escape codes.
class ProgressLine {
 public:
  ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  bool moves() const { return moves_; }
  /// Is it time to print again? Ask first, so that no text is made that nobody sees.
  bool due() const;
  /// `title`, a bar that is `share` (0 to 1) full, `text`: if there is no room for all, first the bar gets shorter,
  /// then the title.
  void show(const std::string& title, double share, const std::string& text);
  /// Takes it away, as before a line that stays.
  void clear();
  /// The next one is not due before its usual pause has gone.
  void wait() { last_ = Clock::now(); }

 private:
  const bool moves_;
  int drawn_ = 0;  // columns of what stands there
  Clock::time_point last_{};
};

}  // namespace spikemix
