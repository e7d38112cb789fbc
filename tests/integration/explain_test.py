#!/usr/bin/env python3
"""What `sluice explain` and `sluice status` say of mail that waits."""

import datetime
import json
import smtplib

import harness
from harness import sluice


class Explain(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink("--reply", "rcpt@busy.test:100:451 4.3.0 not now",
                                    "--reply", "rcpt@later.test:100:451 4.3.0 not now")
        dead = harness.free_port()
        self.config = self.world.config(sink=self.sink, gaps=("1h",), extra=(
            f'[[route]]\nmatch = "dead.test"\nhosts = ["127.0.0.1:{dead}"]\n[engine]\nshards = 2\n'))
        self.world.engine(self.config)

    def send(self, *recipients):
        with smtplib.SMTP("127.0.0.1", self.config.plain, timeout=30) as client:
            client.sendmail("shop@sender.test", recipients, "Subject: x\n\nx\n")
        return self.world.wait_for_events(1, "accepted", recipient=recipients[-1])[-1]["message"]

    def explain(self, what, status=0):
        done = sluice("explain", what, "--json", "-c", self.config.path, check=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def assert_no_past(self, rows):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        for row in rows:
            self.assertTrue(row["next_try"] == "now" or row["next_try"] > now, row)
            self.assertTrue(row["reason"], row)

    def test_a_message_to_several_domains_has_an_answer_for_each(self):
        message = self.send("a@busy.test", "b@later.test", "c@dead.test")
        self.world.wait_for_events(3, "deferred", message=message)
        told = self.explain(message)
        self.assertEqual([r["recipient"] for r in told["recipients"]], ["a@busy.test", "b@later.test", "c@dead.test"])
        self.assertEqual({lane["domain"] for lane in told["lanes"]}, {"busy.test", "later.test", "dead.test"})
        self.assert_no_past(told["recipients"] + told["lanes"])
        shown = sluice("explain", message, "-c", self.config.path, check=0).stdout
        for domain in ("busy.test", "later.test", "dead.test"):
            self.assertRegex(shown, rf"domain +{domain}")

    def test_an_address_has_all_that_waits_for_it(self):
        first = self.send("a@busy.test", "other@busy.test")
        second = self.send("A@busy.test")
        self.world.wait_for_events(3, "deferred")
        told = self.explain("a@BUSY.test")
        self.assertEqual([(r["message"], r["recipient"]) for r in told["recipients"]],
                         [(first, "a@busy.test"), (second, "A@busy.test")])
        self.assertFalse(told["more"])
        self.assert_no_past(told["recipients"] + told["lanes"])
        self.assertIn("451 4.3.0 not now", told["recipients"][0]["last_reply"])
        self.assertIn("nothing waits for nobody@busy.test", self.explain("nobody@busy.test", status=1))

    def test_nothing_is_tried_in_the_past_while_a_site_is_suspended(self):
        self.send("c@dead.test")
        self.world.wait_for_events(1, "deferred")
        self.send("d@dead.test")
        told = self.explain("dead.test")
        self.assert_no_past(told["lanes"])
        harness.wait_until(lambda: len(self.explain_or_nothing("d@dead.test")) == 1, "it is put aside")
        self.assert_no_past(self.explain_or_nothing("d@dead.test"))

    def suspensions(self):
        return json.loads(sluice("suspensions", "--json", "-c", self.config.path, check=0).stdout)

    def test_a_suspension_is_listed_with_its_cause_and_lifted_by_hand(self):
        self.assertIn("nothing is suspended", sluice("suspensions", "-c", self.config.path, check=0).stdout)
        self.send("c@dead.test")
        self.world.wait_for_events(1, "deferred")
        row, = self.suspensions()
        self.assertEqual(row["kind"], "site")
        self.assertIn("refused", row["reason"])
        self.assertIn(row["key"], sluice("suspensions", "-c", self.config.path, check=0).stdout)
        refused = sluice("lift", row["key"], "--kind", "path", "-c", self.config.path, check=1)
        self.assertIn("nothing of this name", refused.stderr)
        sluice("lift", row["key"], "-c", self.config.path, check=0)
        harness.wait_until(lambda: self.suspensions() == [], "it is lifted on all shards")
        event, = self.world.wait_for_events(1, "order", reason="lift")
        self.assertIn(row["key"], event["text"])

    def explain_or_nothing(self, what):
        done = sluice("explain", what, "--json", "-c", self.config.path)
        return json.loads(done.stdout)["recipients"] if done.returncode == 0 else []

    def test_nonsense_is_told_from_what_is_gone(self):
        for what in ("", " ", "two words", "@", "@busy.test", "x" * 600):
            self.assertIn("the id of a message", self.explain(what, status=1), what)
        self.assertIn("nothing waits for", self.explain("elsewhere.test", status=1))
        self.assertIn("no recipient of this message is open", self.explain("0000g00000000", status=1))

    def test_a_site_counts_once_whatever_shards_have_mail_for_it(self):
        self.send("c@dead.test")
        self.send(*[f"x@d{i}.test" for i in range(20)])  # all of them to the sink, by both shards
        self.world.wait_for_events(20, "delivered")
        status = json.loads(sluice("status", "--json", "-c", self.config.path, check=0).stdout)
        self.assertEqual(status["shards"], 2)
        self.assertLessEqual(status["sites"], 2)


if __name__ == "__main__":
    harness.main()
