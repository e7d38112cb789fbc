#!/usr/bin/env python3
"""A report as the bounce readers of the field read it: each test is one reader's own rules, over what
the engine really sent. A reader that finds nothing leaves a dead address on the list for good."""

import email
import email.policy
import re
import smtplib

import harness

HEADER = ("From: Shop <shop@sender.test>\nTo: nobody@one.test\nSubject: {subject}\n"
          "Message-ID: <m-1@sender.test>\n"
          "X-CiviMail-Bounce: b.12.345.0123456789abcdef@sender.test\n"
          "X-Listmonk-Campaign: 11111111-2222-3333-4444-555555555555\n"
          "X-Listmonk-Subscriber: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\n"
          "X-MessageID: 42\nX-ListMember: 4711\nX-Bcc-Note: kept\nBcc: secret@one.test\n\nHello.\n")
SENDER = "b.12.345.0123456789abcdef@sender.test"
REPLY = "550 5.1.1 User unknown: see 4.2.2 elsewhere"


class Reports(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink("--reply", f"rcpt@nobody:100:{REPLY}",
                                    "--reply", "rcpt@full:100:552 5.2.2 Mailbox of user is full",
                                    "--reply", "rcpt@umlaut:100:550 Empf\u00e4nger unbekannt, mit 4.7.1 und mehr, "
                                               "4.7.1 4.7.1 4.7.1 4.7.1 4.7.1 4.7.1 4.7.1 4.7.1 4.7.1")
        self.config = self.world.config(sink=self.sink)
        self.world.engine(self.config)

    def bounce(self, recipient="nobody@one.test", subject="News", options=()):
        """Sends a message that bounces; the report as octets."""
        with smtplib.SMTP("127.0.0.1", self.config.plain, timeout=30) as client:
            client.sendmail(SENDER, recipient, HEADER.format(subject=subject).encode(), mail_options=options)
        report = self.sink.wait_for(1)[0]
        self.assertEqual((report["sender"], report["recipients"]), ("", [SENDER]))
        return self.sink.content(report)

    def test_civicrm_reads_the_first_text_part_and_the_verp_address(self):
        report = email.message_from_bytes(self.bounce())
        text = next(p for p in report.walk() if p.get_content_type() == "text/plain").get_payload(decode=True).decode()
        self.assertRegex(text, r"(user|recipient( name)?) (is )?not|User unknown")
        self.assertIn(REPLY, text, "the diagnosis verbatim, in one line")
        # By To, else by Return-Path or X-CiviMail-Bounce in the body.
        self.assertEqual(report["To"], f"<{SENDER}>")
        whole = self.sink.content(self.sink.messages()[0]).decode()
        for field in ("Return-Path", "X-CiviMail-Bounce"):
            self.assertRegex(whole, rf"(?im)^{field}: *<?{re.escape(SENDER)}>?\r$")

    def test_mautic_reads_the_delivery_status(self):
        report = email.message_from_bytes(self.bounce("full@one.test"))
        status = next(p for p in report.walk() if p.get_content_type() == "message/delivery-status").as_string()
        match = (re.search(r"Original-Recipient: rfc822;(.*)", status, re.I)
                 or re.search(r"Final-Recipient:\s?rfc822;(.*)", status, re.I))
        self.assertEqual(match.group(1).strip(), "full@one.test")
        self.assertEqual(re.search(r"Action: (.+)", status, re.I).group(1).strip(), "failed")
        diagnosis = re.search(r"Diagnostic-Code:((?:[^\n]|\n[\t ])+)(?:\n[^\t ]|$)", status, re.I | re.S).group(1)
        self.assertRegex(diagnosis, r"(?is)(?:alias|account|recipient|address|email|mailbox|user).*full")

    def listmonk(self, octets):
        """(status, campaign, subscriber) by the patterns it greps the octets with."""
        status = re.search(rb"(?mi)^(?:Status:\s*)?(?:\d{3}\s+)?([45]\.\d+\.\d+)", octets)
        found = [re.findall(rb"(?m)(?:^" + name + rb":\s+?)([a-z0-9\-]{36})", octets)[-1].decode()
                 for name in (b"X-Listmonk-Campaign", b"X-Listmonk-Subscriber")]
        return [status.group(1).decode()] + found

    def test_listmonk_greps_status_and_its_headers(self):
        expected = ["5.1.1", "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"]
        octets = self.bounce()
        self.assertEqual(self.listmonk(octets), expected)
        parts = email.message_from_bytes(octets).get_payload()
        self.assertEqual(parts[-1].get_content_type(), "text/rfc822-headers", "it looks at the last part")

    def test_listmonk_takes_no_wrapped_line_of_the_remote_for_the_status(self):
        status, *_ = self.listmonk(self.bounce("umlaut@one.test"))
        self.assertEqual(status, "5.0.0")

    def test_listmonk_finds_its_headers_beside_an_8_bit_subject(self):
        _, campaign, _ = self.listmonk(self.bounce(subject="Gr\u00fc\u00dfe und mehr " * 5,
                                                   options=["BODY=8BITMIME"]))
        self.assertEqual(campaign, "11111111-2222-3333-4444-555555555555")

    def test_phplist_and_vte_grep_the_list_member(self):
        text = self.bounce().decode()
        self.assertEqual(re.search(r"X-MessageID: (.*)\r\n", text, re.I).group(1), "42")
        self.assertEqual(re.search(r"X-ListMember: (.*)\r\n", text, re.I).group(1), "4711")

    def test_odoo_reads_final_recipient_and_the_original_message_id(self):
        report = email.message_from_bytes(self.bounce(), policy=email.policy.SMTP)
        self.assertEqual(report.get_content_type(), "multipart/report")
        self.assertEqual(report.get_param("report-type"), "delivery-status")
        status = next(p for p in report.walk() if p.get_content_type() == "message/delivery-status")
        blocks = status.get_payload()
        self.assertGreater(len(blocks), 1)
        self.assertEqual(blocks[1]["Final-Recipient"].split(";", 1)[1].strip(), "nobody@one.test")
        original = next(p for p in report.walk() if p.get_content_type() == "text/rfc822-headers")
        header = email.message_from_string(original.get_content(), policy=email.policy.SMTP)
        self.assertEqual(header["Message-ID"], "<m-1@sender.test>")
        self.assertIsNone(header["Bcc"])

    def test_the_whole_message_comes_back_only_when_asked_for(self):
        report = email.message_from_bytes(self.bounce(options=["RET=FULL"]))
        original = report.get_payload()[-1]
        self.assertEqual(original.get_content_type(), "message/rfc822")
        self.assertEqual(original.get_payload()[0].get_payload().strip(), "Hello.")
        self.assertNotIn("secret@one.test", original.as_string())


if __name__ == "__main__":
    harness.main()
