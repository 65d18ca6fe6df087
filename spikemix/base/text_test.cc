// SPDX-License-Identifier: MIT
#include "spikemix/base/text.h"

#include <gtest/gtest.h>

namespace spikemix {
namespace {

TEST(Printable, IsOneLineThatIsSafeOnATerminal) {
  EXPECT_EQ(printable("cat"), "cat");
  EXPECT_EQ(printable("x\n\x1b[31my\t\x7f"), "x??[31my??");
  EXPECT_EQ(printable("猫 é 🐈"), "猫 é 🐈");
  EXPECT_EQ(printable("caf\xe9"), "caf\uFFFD");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m"),
            "?1m");                                            // CSI as one character
  EXPECT_EQ(printable("gpj.\u202Etac"), "gpj.?tac");           // reverses the direction
  EXPECT_EQ(printable("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");  // half of a surrogate pair
  EXPECT_EQ(printable("\xc0\xaf"), "\uFFFD\uFFFD");            // overlong '/'
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(printable("cut \xe7\x8c"), "cut \uFFFD\uFFFD");
}

TEST(Shortened, KeepsWholeCharacters) {
  EXPECT_EQ(shortened(""), "");
  EXPECT_EQ(shortened("abcd", 4), "abcd");
  EXPECT_EQ(shortened("abcde", 4), "abcd...");
  EXPECT_EQ(shortened("abc猫d", 4), "abc猫...");
  EXPECT_EQ(shortened("abc猫", 4), "abc猫");
  EXPECT_EQ(shortened(std::string(1000, 'n')), std::string(200, 'n') + "...");
}

TEST(IsUtf8, RecognisesOlderEncodings) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("chat/été 猫.png"));
  EXPECT_FALSE(is_utf8("\x82t\x82.png"));  // code page 437
  EXPECT_FALSE(is_utf8("caf\xc3"));        // ends within a character
  EXPECT_FALSE(is_utf8("\xed\xa0\x80"));   // half of a surrogate pair
}

}  // namespace
}  // namespace spikemix
