// Goal: what goes to a receiver without 8BITMIME is 7-bit, means the same, or is not sent
// (protocol.md 14).
// Method: messages and what becomes of them, octet by octet.

#include "smtp/downgrade.h"

#include <gtest/gtest.h>

#include <string>

#include "smtp/transfer_encoding.h"

namespace sluice::smtp {
namespace {

TEST(Downgrade, EncodesATextLeafAndSetsItsLabel) {
  EXPECT_EQ(ConvertTo7Bit("MIME-Version: 1.0\r\n"
                          "content-transfer-encoding: 8BIT\r\n"
                          "Content-Type: text/plain; charset=utf-8\r\n"
                          "\r\n"
                          "caf\xc3\xa9 = good \r\n"
                          "\r\n"
                          "second line\r\n"),
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "caf=C3=A9 =3D good=20\r\n"
            "\r\n"
            "second line\r\n");
}

TEST(Downgrade, UsesBase64ForMostlyEightBitTextAndForOtherTypes) {
  const std::string dense = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\r\n";
  EXPECT_EQ(ConvertTo7Bit("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + dense),
            "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\n0J/RgNC40LLQtdGCDQo=");
  EXPECT_EQ(ConvertTo7Bit("MIME-Version: 1.0\r\nContent-Type: image/x\r\n\r\nabcdefgh\xff\r\n"),
            "MIME-Version: 1.0\r\nContent-Type: image/x\r\n"
            "Content-Transfer-Encoding: base64\r\n\r\nYWJjZGVmZ2j/DQo=");
}

TEST(Downgrade, WalksMultipartsAndTouchesOnlyTheEightBitLeaves) {
  EXPECT_EQ(ConvertTo7Bit("MIME-Version: 1.0\r\n"
                          "Content-Type: multipart/mixed;\r\n boundary=\"out er\"\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n"
                          "\r\n"
                          "preamble\r\n"
                          "--out er\r\n"
                          "Content-Type: multipart/alternative; boundary=in\r\n"
                          "\r\n"
                          "--in\r\n"
                          "\r\n"
                          "plain\r\n"
                          "--in \r\n"
                          "Content-Type: text/html\r\n"
                          "Content-Transfer-Encoding: binary\r\n"
                          "\r\n"
                          "<p>caf\xc3\xa9</p>\r\n"
                          "--in--\r\n"
                          "--out er\r\n"
                          "Content-Transfer-Encoding: base64\r\n"
                          "\r\n"
                          "AAAA\r\n"
                          "--out er--\r\n"
                          "epilogue\r\n"),
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/mixed;\r\n boundary=\"out er\"\r\n"
            "Content-Transfer-Encoding: 7bit\r\n"
            "\r\n"
            "preamble\r\n"
            "--out er\r\n"
            "Content-Type: multipart/alternative; boundary=in\r\n"
            "\r\n"
            "--in\r\n"
            "\r\n"
            "plain\r\n"
            "--in \r\n"
            "Content-Type: text/html\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "<p>caf=C3=A9</p>\r\n"
            "--in--\r\n"
            "--out er\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "\r\n"
            "AAAA\r\n"
            "--out er--\r\n"
            "epilogue\r\n");
}

TEST(Downgrade, GoesIntoForwardedMessages) {
  EXPECT_EQ(ConvertTo7Bit("MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n"
                          "Content-Transfer-Encoding: 8bit\r\n\r\n"
                          "Subject: x\r\n\r\ncaf\xe9 and more\r\n"),
            "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n"
            "Content-Transfer-Encoding: 7bit\r\n\r\n"
            "Subject: x\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=unknown-8bit\r\n\r\n"
            "caf=E9 and more\r\n");
}

TEST(Downgrade, LeavesSevenBitMessagesAloneButForTheirLabel) {
  const std::string plain = "Subject: x\r\n\r\nhello\r\n";
  EXPECT_EQ(ConvertTo7Bit(plain), plain);
  EXPECT_EQ(ConvertTo7Bit("Content-Transfer-Encoding: 8bit\r\nA: b\r\n\r\nhello\r\n"),
            "A: b\r\nContent-Transfer-Encoding: 7bit\r\n\r\nhello\r\n");
  EXPECT_EQ(ConvertTo7Bit("Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"),
            "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n");
}

TEST(Downgrade, SaysWhatCannotBeConverted) {
  for (const char* message : {
           "Subject: caf\xc3\xa9\r\n\r\nhello\r\n",
           // Claims to be encoded, and is not.
           "Content-Transfer-Encoding: base64\r\n\r\ncaf\xc3\xa9\r\n",
           "Content-Transfer-Encoding: x-odd\r\n\r\ncaf\xc3\xa9\r\n",
           // A signature inside.
           "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\ncaf\xc3\xa9\r\n--b--\r\n",
           "Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\ncaf\xc3\xa9\r\n--b--\r\n",
           "Content-Type: multipart/mixed; "
           "boundary=b\r\n\r\ncaf\xc3\xa9\r\n--b\r\n\r\nx\r\n--b--\r\n",
           "Content-Type: message/global\r\n\r\nSubject: caf\xc3\xa9\r\n\r\nx\r\n",
           "Content-Type: message/rfc822\r\n\r\nSubject: caf\xc3\xa9\r\n\r\nx\r\n",
       })
    EXPECT_EQ(ConvertTo7Bit(message), std::nullopt) << message;
}

TEST(Downgrade, BoundsDepth) {
  const auto nested = [](int levels) {
    std::string message;
    for (int i = 0; i < levels; ++i) message += "Content-Type: message/rfc822\r\n\r\n";
    return message + "Content-Type: text/plain\r\n\r\ncaf\xc3\xa9\r\n";
  };
  EXPECT_NE(ConvertTo7Bit(nested(kMimeDepthMax)), std::nullopt);
  EXPECT_EQ(ConvertTo7Bit(nested(kMimeDepthMax + 1)), std::nullopt);
}

TEST(QuotedPrintable, KeepsLinesShort) {
  for (size_t length = 70; length < 90; ++length) {
    for (const char fill : {'x', '\xe9', ' ', '='}) {
      std::string out;
      AppendQuotedPrintable(out, std::string(length, fill) + "\r\nnext");
      EXPECT_TRUE(out.ends_with("\r\nnext"));
      size_t from = 0;
      for (size_t eol = out.find("\r\n"); eol != std::string::npos; eol = out.find("\r\n", from)) {
        EXPECT_LE(eol - from, 76u);
        EXPECT_TRUE(eol == 0 || out[eol - 1] != ' ');
        from = eol + 2;
      }
    }
  }
  std::string wrapped;  // programs grep reports by lines
  AppendQuotedPrintable(wrapped, std::string(75, 'x') + "4.7.1");
  EXPECT_EQ(wrapped, std::string(75, 'x') + "=\r\n=34.7.1");
  std::string odd;
  AppendQuotedPrintable(odd, "a\rb\nc\t");
  EXPECT_EQ(odd, "a=0Db=0Ac=09");
}

}  // namespace
}  // namespace sluice::smtp
