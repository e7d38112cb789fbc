"""The nasty messages that every signature must survive: odd headers, odd bodies, as clients send them.

`messages()` gives (name, octets) pairs. The octets go in by SMTP as they stand, dots stuffed by the
client; bare line ends are in some of them. Each has exactly one From, in the domain `DOMAIN`.
"""

import random

DOMAIN = "news.test"
HEADER = [b"From: Sender <sender@news.test>", b"To: reader@receiver.test", b"Subject: A plain one",
          b"Date: Wed, 25 Nov 2026 10:00:00 +0000", b"Message-ID: <plain@news.test>"]
HTML = (b"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nText  part\r\n\r\n"
        b"--=_b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<p style=3D\"x\">caf=C3=A9 =\r\n</p>\r\n--=_b--\r\n")


def mail(body=b"Hello.\r\n", extra=(), drop=(), header=None):
    lines = list(header or HEADER)
    lines = [line for line in lines if line.split(b":")[0] not in drop]
    return b"\r\n".join([*lines, *extra]) + b"\r\n\r\n" + body


def replaced(line):
    """The usual header with one field put in the place of the one of its name."""
    name = line.split(b":")[0].strip().lower()
    return [line if old.split(b":")[0].lower() == name else old for old in HEADER]


def subjects():
    yield "folded_tab", b"Subject: one\r\n\ttwo\r\n\t\tthree"
    yield "folded_space", b"Subject: one\r\n two\r\n   three   "
    yield "folded_at_once", b"Subject:\r\n begins on the second line"
    yield "folded_many", b"Subject: " + b"\r\n ".join(b"word%d" % i for i in range(200))
    yield "folded_mixed", b"Subject:\t \tone \t\r\n \t two\t \r\n\t \tthree \t "
    yield "fold_in_word", b"Subject: =?utf-8?q?caf=C3=A9?=\r\n =?utf-8?b?w6k=?="
    yield "no_space", b"Subject:none"
    yield "tab_after_colon", b"Subject:\tnone"
    yield "many_spaces", b"Subject:          a          b          "
    yield "trailing_tabs", b"Subject: a\t\t\t"
    yield "empty", b"Subject:"
    yield "only_spaces", b"Subject:    "
    yield "only_tab", b"Subject:\t"
    yield "upper_case", b"SUBJECT: SHOUTED"
    yield "odd_case", b"sUbJeCt: oddly"
    yield "colons", b"Subject: a: b:c ::d"
    yield "semicolons", b"Subject: v=1; a=rsa-sha256; b=AAAA; bh=BBBB; h=From"
    yield "quotes", b'Subject: "a, b" <c@d> (e \\( f) [g]; h'
    yield "long", b"Subject: " + b"x" * 5000
    yield "long_words", b"Subject: " + b"word " * 1500
    yield "of_998", b"Subject: " + b"y" * (998 - 9)
    yield "utf8", "Subject: Grüße aus Köln – 日本語".encode()
    yield "latin1", b"Subject: Gr\xfc\xdfe"
    yield "controls", b"Subject: a\x01b\x08c\x1bd\x7fe"
    yield "vertical_tab", b"Subject: a\x0bb\x0cc"
    yield "space_before_colon", b"Subject : old style"
    yield "percent", b"Subject: 100%s %n %x \\r\\n \\0"


def headers():
    for name, line in subjects():
        yield "subject_" + name, mail(header=replaced(line))
    yield "to_folded", mail(header=replaced(
        b"To: " + b",\r\n\t".join(b"Reader %d <r%d@receiver.test>" % (i, i) for i in range(60))))
    yield "from_folded", mail(header=replaced(b'From: "Sender, The"\r\n\t<sender@news.test>'))
    yield "from_bare", mail(header=replaced(b"From:sender@news.test"))
    yield "from_comment", mail(header=replaced(b"From: (a (nested) one) sender@news.test (b)"))
    yield "from_encoded", mail(header=replaced(b"From: =?utf-8?q?J=C3=B6rg?= <sender@news.test>"))
    yield "from_subdomain", mail(header=replaced(b"From: sender@shop.news.test"))
    yield "two_to", mail(extra=[b"To: other@receiver.test"])
    yield "three_subjects", mail(extra=[b"Subject: second", b"subject: third"])
    yield "two_dates", mail(extra=[b"Date: Wed, 25 Nov 2026 11:00:00 +0000"])
    yield "two_content_types", mail(extra=[b"MIME-Version: 1.0", b"Content-Type: text/plain",
                                           b"Content-Type: text/html"])
    yield "many_received", mail(header=[b"Received: from a by b; Wed, 25 Nov 2026 09:%02d:00 +0000" % i
                                        for i in range(30)] + HEADER)
    yield "many_to", mail(extra=[b"To: r%d@receiver.test" % i for i in range(100)])
    yield "many_others", mail(extra=[b"X-Field-%d: value %d" % (i, i) for i in range(500)])
    yield "odd_names", mail(extra=[b"X-!#$%&'*+-.^_`|~0: odd", b"1: digit", b"-: dash"])
    yield "only_from", mail(drop=(b"To", b"Subject", b"Date", b"Message-ID"))
    yield "no_date", mail(drop=(b"Date", b"Message-ID"))
    yield "control_fields", mail(extra=[b"Bcc: hidden@receiver.test", b"X-Sluice-Campaign: x",
                                        b"Return-Path: <a@b>", b"X-Pool: fast,\r\n\tfolded"])
    yield "control_fields_first", mail(header=[b"X-SMTPAPI: {}", b"Bcc: h@receiver.test"] + HEADER)
    yield "resent", mail(extra=[b"Resent-From: again@news.test", b"Resent-To: x@receiver.test",
                                b"Resent-Date: Wed, 25 Nov 2026 12:00:00 +0000"])
    yield "list", mail(extra=[b"List-Id: Weekly <weekly.news.test>", b"Precedence: bulk",
                              b"List-Unsubscribe: <mailto:u@news.test>,\r\n <https://news.test/u/1>",
                              b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
                              b"Feedback-ID: c1:cust:mail:news"])
    yield "other_signature", mail(header=[
        b"DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=x; h=from; bh=AAAA;\r\n\tb=BBBB"] + HEADER)
    yield "authentication_results", mail(header=[b"Authentication-Results: mx; dkim=pass"] + HEADER)
    yield "arc", mail(header=[b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=other.test; s=x; b=AAAA"] + HEADER)
    yield "blank_continuation", mail(extra=[b"X-Blank: a\r\n \r\n b"])
    yield "signed_blank_continuation", mail(header=replaced(b"Subject: a\r\n \t\r\n b"))
    yield "references", mail(extra=[b"References:" + b"\r\n <x@news.test>" * 40,
                                    b"In-Reply-To: <x@news.test>"])


def bodies():
    yield "empty", b""
    for count in (1, 2, 3, 50, 5000):
        yield f"blank_lines_{count}", b"\r\n" * count
        yield f"trailing_blank_lines_{count}", b"End.\r\n" + b"\r\n" * count
    yield "leading_blank_lines", b"\r\n\r\n\r\nText.\r\n"
    yield "no_final_line_end", b"No end"
    yield "no_final_line_end_space", b"No end \t"
    yield "one_octet", b"x"
    yield "only_space", b" "
    yield "space_line", b" \r\n"
    yield "space_lines", b" \r\n\t\r\n \t \r\n"
    yield "trailing_space_lines", b"a\r\n \r\n\t\t\r\n\r\n"
    yield "inner_space_lines", b"a\r\n  \r\n\r\n \t\r\nb\r\n"
    yield "trailing_spaces", b"a \r\nb\t\r\nc \t \r\n"
    yield "leading_spaces", b" a\r\n\tb\r\n   c\r\n"
    yield "inner_runs", b"a  b\t\tc \t d\r\n" * 20
    yield "dots", b".\r\n..\r\n...\r\n.a\r\na.\r\n.\r\n"
    yield "last_dot", b"a\r\n."
    yield "from_lines", b"From here\r\n>From there\r\nFrom nobody Wed Nov 25 10:00:00 2026\r\n"
    yield "header_like", b"Subject: not one\r\nDKIM-Signature: b=x\r\n\r\nFrom: a\r\n"
    yield "line_998", b"x" * 998 + b"\r\n"
    yield "line_999", b"x" * 999 + b"\r\n"
    yield "line_200000", b"word " * 40000 + b"\r\n"
    yield "utf8", "Grüße,\r\n日本語 \r\n\r\n".encode()
    yield "latin1", b"Gr\xfc\xdfe\r\n"
    yield "all_octets", bytes(c for c in range(1, 256) if c not in (10, 13)) + b"\r\n"
    yield "controls", b"a\x0b b\x0c \x7f\x1b[0m\r\n"
    yield "bare_lf", b"a\nb \n\nc\n"
    yield "bare_cr", b"a\rb\r\rc"
    yield "mixed_line_ends", b"a\r\nb\nc\rd\r\n\r\r\n\n"
    yield "equals", b"=20=\r\n=0D=0A\r\n"
    rng = random.Random(1)
    for size in (4095, 4096, 4097, 65534, 65535, 65536, 65537, 131072):
        yield f"of_{size}", b"a" * (size - 2) + b"\r\n"
        yield f"spaces_at_{size}", b"a" * (size - 3) + b"  \r\n \r\n b \r\n"
    yield "random_lines", b"".join(bytes(rng.choice(b"ab \t.") for _ in range(rng.randrange(90))) +
                                   b"\r\n" for _ in range(2000))
    yield "of_300k", (b"A line of text that is long enough.  \r\n" * 8000)[:300 * 1024]
    yield "of_1m", b"".join(b"%08d \t %s\r\n" % (i, b"z" * (i % 70)) for i in range(25000)) + b"\r\n\r\n"


def mime():
    multipart = [b"MIME-Version: 1.0", b'Content-Type: multipart/alternative; boundary="=_b"']
    yield "alternative", mail(HTML, multipart)
    yield "alternative_no_end", mail(HTML.replace(b"--=_b--\r\n", b""), multipart)
    yield "alternative_epilogue", mail(b"preamble \r\n" + HTML + b"epilogue \r\n\r\n", multipart)
    nested, kind = b"Deep down  \r\n", b"text/plain"
    for level in range(20):
        edge = b"n%d" % level
        nested = (b"--" + edge + b"\r\nContent-Type: " + kind + b"\r\n\r\n" + nested +
                  b"\r\n--" + edge + b"--\r\n")
        kind = b"multipart/mixed;\r\n\tboundary=" + edge
    yield "nested_20", mail(nested, [b"MIME-Version: 1.0", b"Content-Type: " + kind])
    inner = mail(b"inner \r\n\r\n", header=[b"DKIM-Signature: v=1; d=inner.test; b=AAAA"] + HEADER)
    yield "message_rfc822", mail(inner, [b"MIME-Version: 1.0", b"Content-Type: message/rfc822"])
    yield "multipart_signed", mail(
        HTML, [b"MIME-Version: 1.0", b'Content-Type: multipart/signed;\r\n boundary="=_b";'
               b'\r\n protocol="application/pgp-signature"; micalg=pgp-sha256'])
    yield "eight_bit", mail("Grüße\r\n".encode(), [
        b"MIME-Version: 1.0", b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: 8bit"])
    yield "base64", mail(b"SGVsbG8g\r\n" * 3000, [b"MIME-Version: 1.0", b"Content-Transfer-Encoding: base64",
                                                  b"Content-Disposition: attachment; filename=a.bin",
                                                  b"Content-ID: <a@news.test>",
                                                  b"Content-Description: a  file"])


def messages():
    """All of them, in one order."""
    yield "plain", mail()
    yield "header_only", b"\r\n".join(HEADER) + b"\r\n"
    yield from headers()
    for name, body in bodies():
        yield "body_" + name, mail(body)
    yield from (("mime_" + name, octets) for name, octets in mime())
