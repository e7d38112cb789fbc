// tests/tools/table_test.cc — columns that line up, and text that cannot play with the terminal.

#include "tools/commands/table.h"

#include <gtest/gtest.h>

namespace sluice::tools {
namespace {

TEST(Table, AlignsColumnsAndLeavesNoSpacesAtLineEnds) {
  Table table({{"DOMAIN"}, {"WAITING", Table::Align::kRight}, {"WHY"}});
  table.AddRow({"a.test", "5", "greylisted"});
  table.AddRow({"long-name.test", "12345", ""});
  EXPECT_EQ(table.ToString(),
            "DOMAIN          WAITING  WHY\n"
            "a.test                5  greylisted\n"
            "long-name.test    12345\n");
}

TEST(Table, LeavesColumnsOutThatSayNothing) {
  Table table({{"A"}, {"B"}, {"C"}});
  table.AddRow({"1", "", "3"});
  EXPECT_EQ(table.ToString(), "A  C\n1  3\n");
}

TEST(Table, HasNoHeadingWithoutTitles) {
  Table table({{""}, {""}});
  table.AddRow({"shards", "2"});
  table.AddRow({"", "more"});
  EXPECT_EQ(table.ToString(), "shards  2\n        more\n");
}

TEST(Table, CountsCharactersNotOctets) {
  Table table({{"WHO"}, {"N"}});
  table.AddRow({"m\u00fcller", "1"});
  table.AddRow({"mueller", "2"});
  EXPECT_EQ(table.ToString(), "WHO      N\nm\u00fcller   1\nmueller  2\n");
}

TEST(Table, LetsNoControlCharacterThrough) {
  EXPECT_EQ(Printable("a\x1b[2Jb\r\nc\x7f"), "a?[2Jb??c?");
  EXPECT_EQ(Printable("x\xc2\x9b"
                      "2Jy"),
            "x?2Jy");
  EXPECT_EQ(Printable("gr\u00fc\u00dfe \u00a0"), "gr\u00fc\u00dfe \u00a0");
  Table table({{"REPLY"}});
  table.AddRow({"550\x1b]0;title\x07"});
  EXPECT_EQ(table.ToString(), "REPLY\n550?]0;title?\n");
}

}  // namespace
}  // namespace sluice::tools
