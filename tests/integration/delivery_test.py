#!/usr/bin/env python3
"""The way out, with a real DNS server: MX order, faults of DNS and of receivers, reports, retries."""

import email
import smtplib
import socket

import harness


class Delivery(harness.Case):
    def send(self, config, *recipients, sender="shop@sender.test", content="Subject: x\n\nx\n", options=(),
             rcpt_options=()):
        with smtplib.SMTP("127.0.0.1", config.plain, timeout=30) as client:
            return client.sendmail(sender, recipients, content, mail_options=options, rcpt_options=rcpt_options)

    def test_mail_goes_to_the_mx_and_to_the_address_where_there_is_none(self):
        sink = self.world.sink()
        dns = self.world.dns(mx=[("one.test", "mx.one.test", 10)],
                             hosts=[("mx.one.test", "127.0.0.1"), ("two.test", "127.0.0.1")])
        config = self.world.config(sink=sink, dns=dns)
        self.world.engine(config)
        self.send(config, "a@one.test", "b@two.test")
        self.world.wait_for_events(2, "delivered")
        hosts = {e["recipient"]: e["host"] for e in self.world.events("delivered")}
        self.assertIn("mx.one.test", hosts["a@one.test"])
        self.assertIn("two.test", hosts["b@two.test"])

    def test_the_next_mx_takes_over_when_the_best_one_is_dead(self):
        sink = self.world.sink()
        # Nothing listens on 127.0.0.2 at the sink's port.
        dns = self.world.dns(mx=[("one.test", "dead.one.test", 5), ("one.test", "mx.one.test", 10)],
                             hosts=[("dead.one.test", "127.0.0.2"), ("mx.one.test", "127.0.0.1")])
        config = self.world.config(sink=sink, dns=dns)
        self.world.engine(config)
        self.send(config, "a@one.test")
        event, = self.world.wait_for_events(1, "delivered")
        self.assertIn("mx.one.test", event["host"])
        self.assertEqual(self.world.events("bounced"), [])

    def test_a_domain_that_does_not_exist_bounces_and_a_null_mx_too(self):
        sink = self.world.sink()
        dns = self.world.dns(mx=[("sender.test", "mx.one.test", 10)], hosts=[("mx.one.test", "127.0.0.1")],
                             options=["--mx-host=null.test,.,0"])
        config = self.world.config(sink=sink, dns=dns)
        self.world.engine(config)
        self.send(config, "a@gone.test", "b@null.test", sender="")
        self.world.wait_for_events(2, "bounced")
        self.assertEqual(sorted(e["recipient"] for e in self.world.events("bounced")), ["a@gone.test", "b@null.test"])
        self.assertEqual(sink.messages(), [], "no report about mail from the null sender")

    def test_silence_of_the_dns_server_only_defers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))

            class Silent:
                port = silent.getsockname()[1]
            config = self.world.config(dns=Silent)
            self.world.engine(config)
            self.send(config, "a@one.test")
            self.world.wait_for_events(1, "deferred")
        self.assertEqual(self.world.events("bounced", "expired"), [])

    def test_loopback_found_by_mx_is_refused_unless_configured(self):
        dns = self.world.dns(mx=[("one.test", "mx.one.test", 10)], hosts=[("mx.one.test", "127.0.0.1")])
        sink = self.world.sink()
        config = self.world.config(sink=sink, dns=dns)
        config.replace("allow_special = true", "allow_special = false")
        self.world.engine(config)
        self.send(config, "a@one.test")
        harness.wait_until(lambda: self.world.events("bounced", "deferred"), "a verdict")
        self.assertEqual(sink.messages(), [])

    def test_a_bounce_is_reported_to_its_sender(self):
        sink = self.world.sink("--reply", "rcpt@nobody:100:550 5.1.1 No such user here")
        config = self.world.config(sink=sink)
        self.world.engine(config)
        self.send(config, "nobody@one.test", "ok@one.test",
                  content="From: shop@sender.test\nX-CiviMail-Bounce: b.1.2.abc@sender.test\nSubject: News\n\nx\n")
        bounced, = self.world.wait_for_events(1, "bounced")
        self.assertEqual((bounced["code"], bounced["enhanced"]), (550, "5.1.1"))
        self.assertIn("No such user here", bounced["text"])
        harness.wait_until(lambda: len(sink.messages()) >= 2, "the report and the good recipient arrive")
        report = next(m for m in sink.messages() if m["recipients"] == ["shop@sender.test"])
        self.assertEqual(report["sender"], "")
        parsed = email.message_from_bytes(sink.content(report))
        self.assertEqual(parsed.get_content_type(), "multipart/report")
        self.assertEqual(parsed["Auto-Submitted"], "auto-replied")
        text, status, original = parsed.get_payload()
        self.assertIn("No such user here", text.get_payload())
        self.assertIn("Final-Recipient: rfc822; nobody@one.test", status.as_string().replace("rfc822;nobody", "rfc822; nobody"))
        self.assertIn("Status: 5.1.1", status.as_string())
        self.assertIn("X-CiviMail-Bounce: b.1.2.abc@sender.test", original.as_string())
        self.assertEqual(len(self.world.events("delivered", recipient="ok@one.test")), 1)

    def test_notify_never_silences_the_report(self):
        sink = self.world.sink("--reply", "rcpt@nobody:100:550 5.1.1 No such user here")
        config = self.world.config(sink=sink)
        self.world.engine(config)
        self.send(config, "nobody@one.test", rcpt_options=["NOTIFY=NEVER"])
        self.world.wait_for_events(1, "bounced")
        self.send(config, "ok@one.test")
        self.world.wait_for_events(1, "delivered")
        self.assertEqual([m["recipients"] for m in sink.messages()], [["ok@one.test"]])

    def test_a_greylisted_message_is_deferred_then_delivered_once(self):
        sink = self.world.sink("--greylist", "2")
        config = self.world.config(sink=sink)
        self.world.engine(config)
        self.send(config, "a@one.test")
        self.world.wait_for_events(1, "deferred")
        delivered, = self.world.wait_for_events(1, "delivered")
        self.assertGreaterEqual(delivered["attempt"], 2)
        self.assertEqual(len(sink.messages()), 1)

    def test_a_message_expires_when_its_age_is_over(self):
        sink = self.world.sink("--reply", "rcpt@late:100:451 4.3.0 Try later")
        config = self.world.config(sink=sink)
        config.replace("gaps = [\"1s\"]", "gaps = [\"1s\"]\nmax_age = \"1m\"")
        self.world.engine(config)
        self.send(config, "late@one.test")
        # A minute is the shortest max_age there is.
        self.world.wait_for_events(1, "expired", patience=120)
        self.assertEqual(self.world.events("bounced", "delivered", recipient="late@one.test"), [])
        report = sink.wait_for(1)[0]
        self.assertEqual(report["recipients"], ["shop@sender.test"])

    def test_mail_goes_out_encrypted_where_the_receiver_offers_it(self):
        sink = self.world.sink("--starttls-self-signed")
        config = self.world.config(sink=sink)
        self.world.engine(config)
        self.send(config, "a@one.test")
        delivered, = self.world.wait_for_events(1, "delivered")
        self.assertIn("TLSv1.", delivered["tls"])

    def test_receivers_without_extensions_still_get_the_mail(self):
        sink = self.world.sink("--no-pipelining", "--no-8bitmime", "--no-chunking", "--no-size", "--no-dsn", "--ehlo-off")
        config = self.world.config(sink=sink)
        self.world.engine(config)
        self.send(config, "a@one.test", content="Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                  "Content-Transfer-Encoding: 8bit\n\nGr\u00fc\u00dfe\n".encode(), options=["BODY=8BITMIME"])
        content = sink.content(sink.wait_for(1)[0])
        self.assertTrue(content.isascii(), "converted for a receiver without 8BITMIME")
        parsed = email.message_from_bytes(content)
        self.assertEqual(parsed.get_payload(decode=True).decode("utf-8").strip(), "Gr\u00fc\u00dfe")

    def test_a_message_for_many_is_one_transaction_a_site_within_the_receivers_limit(self):
        sink = self.world.sink("--max-recipients", "10")
        config = self.world.config(sink=sink)
        self.world.engine(config)
        people = [f"p{i}@one.test" for i in range(35)]
        self.assertEqual(self.send(config, *people), {})
        self.world.wait_for_events(35, "delivered")
        got = [r for m in sink.messages() for r in m["recipients"]]
        self.assertEqual(sorted(got), sorted(people))
        self.assertLessEqual(max(len(m["recipients"]) for m in sink.messages()), 10)


if __name__ == "__main__":
    harness.main()
