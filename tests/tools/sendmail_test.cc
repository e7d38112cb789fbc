// tests/tools/sendmail_test.cc — `sluice sendmail` up to the socket: arguments, address lists,
// header, completion. Tables of what callers give and what must come out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tools/commands/address_list.h"
#include "tools/commands/sendmail_arguments.h"
#include "tools/commands/sendmail_message.h"

namespace sluice::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Strings = std::vector<std::string>;

std::expected<SendmailOptions, std::string> Read(Strings arguments) {
  return ParseSendmailArguments(arguments);
}

TEST(SendmailArguments, TakesValuesGluedAndApart) {
  for (const Strings& given : {Strings{"-f", "a@b.test", "x@y.test"},
                               {"-fa@b.test", "x@y.test"},
                               {"-ra@b.test", "--", "x@y.test"},
                               {"-if", "a@b.test", "x@y.test"}}) {
    const auto options = Read(given);
    ASSERT_TRUE(options.has_value()) << options.error();
    EXPECT_EQ(options->sender, "a@b.test");
    EXPECT_THAT(options->recipients, ElementsAre("x@y.test"));
  }
}

TEST(SendmailArguments, TakesWhatCallersUse) {
  const auto php = Read({"-t", "-i"});
  ASSERT_TRUE(php.has_value());
  EXPECT_TRUE(php->recipients_in_header);
  EXPECT_TRUE(php->dot_is_text);
  EXPECT_FALSE(php->sender.has_value());

  const auto cron = Read({"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"});
  ASSERT_TRUE(cron.has_value()) << cron.error();
  EXPECT_EQ(cron->full_name, "CronDaemon");
  EXPECT_THAT(cron->recipients, ElementsAre("root"));

  const auto git = Read({"-bm", "-oi",  "-odb", "-oeq",    "-N",  "success, Failure",
                         "-R",  "hdrs", "-V",   "id1",     "-O",  "DeliveryMode=b",
                         "-v",  "-G",   "-U",   "-L",      "tag", "-X",
                         "log", "-h",   "3",    "a@b.test"});
  ASSERT_TRUE(git.has_value()) << git.error();
  EXPECT_TRUE(git->dot_is_text);
  EXPECT_EQ(git->notify, "SUCCESS,FAILURE");
  EXPECT_EQ(git->ret, "HDRS");
  EXPECT_EQ(git->envid, "id1");
  EXPECT_THAT(git->recipients, ElementsAre("a@b.test"));

  EXPECT_EQ(Read({"-N", "never", "a@b.test"})->notify, "NEVER");
  EXPECT_EQ(Read({"-f", "<>", "a@b.test"})->sender, "");
  EXPECT_EQ(Read({"-f", "", "a@b.test"})->sender, "");
  EXPECT_EQ(Read({"-c", "a.toml", "--socket=x.sock", "r"})->engine.config, "a.toml");
  EXPECT_EQ(Read({"-C", "a.toml", "--socket", "x.sock", "r"})->engine.socket, "x.sock");
  EXPECT_TRUE(Read({"--help"})->help);
}

TEST(SendmailArguments, NeverMakesAnOptionOfARecipient) {
  EXPECT_THAT(Read({"-t", "--", "-fx"}).error(), HasSubstr("-fx"));
  EXPECT_THAT(Read({"a@b.test", "-C", "other.toml"}).error(), HasSubstr("before the recipients"));
}

TEST(SendmailArguments, RefusesWhatIsNotOffered) {
  for (const Strings& given : {Strings{"-bs"},
                               {"-bd"},
                               {"-bp"},
                               {"-bi"},
                               {"-q"},
                               {"-q30m"},
                               {"-f"},
                               {"-N", "maybe", "a"},
                               {"-N", "never,success", "a"},
                               {"-N", "", "a"},
                               {"-R", "half", "a"},
                               {"-Z"},
                               {"--zap"},
                               {"--socket"}})
    EXPECT_FALSE(Read(given).has_value()) << given[0];
}

struct ListCase {
  const char* value;
  Strings addresses;
};

TEST(AddressList, ReadsWhatPeopleWrite) {
  const ListCase cases[] = {
      {"a@b.test", {"a@b.test"}},
      {" a@b.test , c@d.test\r\n", {"a@b.test", "c@d.test"}},
      {"Ann <a@b.test>,\r\n\tBob Builder <c@d.test>", {"a@b.test", "c@d.test"}},
      {"\"Last, First\" <a@b.test>", {"a@b.test"}},
      {"\"quoted <x@y.test>\" <a@b.test>", {"a@b.test"}},
      {"a@b.test (Ann (the \\) one), really)", {"a@b.test"}},
      {"(note) a@b.test", {"a@b.test"}},
      {"\"odd name\"@b.test", {"\"odd name\"@b.test"}},
      {"\"with \\\" quote\"@b.test", {"\"with \\\" quote\"@b.test"}},
      {"a . b @ c . test", {"a.b@c.test"}},
      {"<@x.test,@y.test:a@b.test>", {"a@b.test"}},
      {"user@[192.0.2.1]", {"user@[192.0.2.1]"}},
      {"<user@[IPv6:2001:db8::1]>", {"user@[IPv6:2001:db8::1]"}},
      {"undisclosed-recipients:;", {}},
      {"Friends of Ann: a@b.test, Bob <c@d.test>; , e@f.test",
       {"a@b.test", "c@d.test", "e@f.test"}},
      {"root", {"root"}},
      {"=?UTF-8?B?TcO8bGxlcg==?= <m@b.test>", {"m@b.test"}},
      {"m\u00fcller@b.test", {"m\u00fcller@b.test"}},
      {"", {}},
      {" ,,\r\n , ", {}},
  };
  for (const ListCase& one : cases) {
    const auto list = ParseAddressList(one.value);
    ASSERT_TRUE(list.has_value()) << one.value << ": " << list.error();
    EXPECT_EQ(*list, one.addresses) << one.value;
  }
}

TEST(AddressList, RefusesWhatCannotBeUnderstood) {
  for (const char* value :
       {"Ann Example", "a@b.test c@d.test", "<a@b.test", "<a@b.test> <c@d.test>", "<>", "Ann <>",
        "\"open", "(open", "user@[192.0.2.1", "<a<b@c.test>", "<a@b.test> tail", ": a@b.test",
        "a:b:c@d.test;", "<@x.test>"})
    EXPECT_FALSE(ParseAddressList(value).has_value()) << value;
}

TEST(SendmailMessage, SplitsHeaderAndBody) {
  const struct {
    const char* text;
    const char* header;
    const char* body;
  } cases[] = {
      {"Subject: x\n\nbody\n", "Subject: x\n", "body\n"},
      {"Subject: x\r\n y\r\n\r\nbody", "Subject: x\r\n y\r\n", "body"},
      {"From me Sat Nov 21\nSubject: x\n\nb", "Subject: x\n", "b"},
      {"From : me@x.test\n\nb", "From : me@x.test\n", "b"},
      {"just text\n", "", "just text\n"},
      {"\nbody: no field\n", "", "body: no field\n"},
      {" begins folded: x\n", "", " begins folded: x\n"},
      {"Subject: x\nno field\nmore\n", "Subject: x\n", "no field\nmore\n"},
      {"Subject: x", "Subject: x", ""},
      {"Subject : x\n\n", "Subject : x\n", ""},
      {"", "", ""},
      {"From me", "", ""},
  };
  for (const auto& one : cases) {
    const Split split = SplitMessage(one.text);
    EXPECT_EQ(split.header, one.header) << one.text;
    EXPECT_EQ(split.body, one.body) << one.text;
  }
}

TEST(SendmailMessage, FindsRecipientsInToCcAndBccOnly) {
  EXPECT_THAT(*HeaderRecipients("To: a@x.test\nSubject: no@x.test\ncc: b@x.test,\n c@x.test\n"
                                "BCC: d@x.test\nReply-To: no@x.test\nTo: e@x.test\n"),
              ElementsAre("a@x.test", "e@x.test", "b@x.test", "c@x.test", "d@x.test"));
  EXPECT_THAT(*HeaderRecipients("To: a@x.test\nResent-To: b@x.test\nResent-Bcc: c@x.test\n"),
              ElementsAre("b@x.test", "c@x.test"));
  EXPECT_THAT(*HeaderRecipients("Subject: x\n"), IsEmpty());
  EXPECT_THAT(HeaderRecipients("Cc: a@x.test b@x.test\n").error(), HasSubstr("Cc"));
}

TEST(SendmailMessage, CompletesWhatIsMissing) {
  const Author author{"Ann Example", "ann@x.test"};
  EXPECT_EQ(Complete("Subject: x\n\nbody\n", author, "DATE"),
            "From: Ann Example <ann@x.test>\nDate: DATE\nSubject: x\n\nbody\n");
  EXPECT_EQ(Complete("from: me@x.test\nDATE: then\n\nbody\n", author, "DATE"),
            "from: me@x.test\nDATE: then\n\nbody\n");
  EXPECT_EQ(Complete("only text\n", {"", "a@x.test"}, "DATE"),
            "From: a@x.test\nDate: DATE\n\nonly text\n");
  EXPECT_EQ(Complete("From: a@x.test\nDate: then", author, "DATE"),
            "From: a@x.test\nDate: then\n\n");
}

TEST(SendmailMessage, WritesNamesSafely) {
  EXPECT_EQ(FormatAuthor({"", "a@x.test"}), "a@x.test");
  EXPECT_EQ(FormatAuthor({"Ann Example", "a@x.test"}), "Ann Example <a@x.test>");
  EXPECT_EQ(FormatAuthor({"root (Cron Daemon)", "a@x.test"}), "\"root (Cron Daemon)\" <a@x.test>");
  EXPECT_EQ(FormatAuthor({"a \"b\" \\", "a@x.test"}), "\"a \\\"b\\\" \\\\\" <a@x.test>");
  EXPECT_EQ(FormatAuthor({"M\u00fcller", "a@x.test"}), "=?UTF-8?B?TcO8bGxlcg==?= <a@x.test>");
  const std::string injected = FormatAuthor({"x\nBcc: victim@x.test", "a@x.test"});
  EXPECT_FALSE(injected.contains("\nBcc"));
  std::string name;
  for (int i = 0; i < 60; ++i) name += "\u00fc";
  for (size_t at = 0; const char c : FormatAuthor({name, "a@x.test"})) {
    at = c == '\n' ? 0 : at + 1;
    EXPECT_LE(at, 90u);
  }
}

TEST(SendmailMessage, EncodesEnvelopeIds) {
  EXPECT_EQ(Xtext("batch-7"), "batch-7");
  EXPECT_EQ(Xtext("a b+c=d\r\n\u00fc"), "a+20b+2Bc+3Dd+0D+0A+C3+BC");
}

Result<std::string> ReadText(std::string text, bool dot_is_text, size_t max = 1000) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  EXPECT_EQ(std::fwrite(text.data(), 1, text.size(), file.get()), text.size());
  std::rewind(file.get());
  return ReadSubmission(file.get(), dot_is_text, max);
}

TEST(SendmailMessage, EndsAtADotUnlessToldOtherwise) {
  EXPECT_EQ(*ReadText("a\n.\nb\n", false), "a\n");
  EXPECT_EQ(*ReadText("a\r\n.\r\nb\r\n", false), "a\r\n");
  EXPECT_EQ(*ReadText("a\n.\nb\n", true), "a\n.\nb\n");
  EXPECT_EQ(*ReadText("a\n..\n. \n x.\n.", false), "a\n..\n. \n x.\n.");
  EXPECT_EQ(*ReadText("", false), "");
  EXPECT_EQ(*ReadText(std::string("a\0b\n", 4), false), std::string("a\0b\n", 4));
  EXPECT_TRUE(ReadText(std::string(1000, 'x'), false).has_value());
  EXPECT_EQ(ReadText(std::string(1001, 'x'), false).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace sluice::tools
