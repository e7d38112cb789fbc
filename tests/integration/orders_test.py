#!/usr/bin/env python3
"""What operators order: mail that waits is cancelled, bounced or tried at once, over kills too."""

import collections
import json
import smtplib

import harness
from harness import sluice, wait_until

MANY = 20_000


class Orders(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink("--reply", "rcpt@busy.test:100:451 4.3.0 not now")
        self.config = self.world.config(sink=self.sink, gaps=("1h",))
        self.engine = self.world.engine(self.config)

    def send(self, *recipients, campaign="spring", sender="news@sender.test"):
        """One message; its id."""
        with smtplib.SMTP("localhost", self.config.plain, timeout=60) as client:
            client.ehlo()
            client.mail(sender)
            for recipient in recipients:
                client.rcpt(recipient)
            code, reply = client.data(f"X-Campaign: {campaign}\r\nSubject: s\r\n\r\nhello\r\n")
        self.assertEqual(code, 250, reply)
        return reply.decode().split()[-1]

    def ask(self, *command, status=0):
        return sluice(*command, "-c", self.config.path, check=status)

    def waiting(self):
        return json.loads(self.ask("status", "--json").stdout)["queue"]["recipients"]

    def finals(self):
        """How many final events each recipient has, and which."""
        found = collections.Counter()
        kinds = collections.Counter()
        for event in self.world.events("delivered", "bounced", "expired", "cancelled"):
            found[event["message"], event["recipient"]] += 1
            kinds[event["event"]] += 1
        return found, kinds

    def test_a_cancelled_campaign_ends_in_one_event_each_and_spares_the_rest(self):
        for i in range(5):
            self.send(*(f"r{i}-{k}@busy.test" for k in range(20)))
        other = self.send("o@busy.test", campaign="autumn")
        self.world.wait_for_events(101, "deferred")
        said = self.ask("cancel", "--campaign", "spring", "--why", "wrong list").stdout
        self.assertEqual(said, "100 recipients cancelled (order 1)\n")
        self.world.wait_for_events(100, "cancelled", campaign="spring", tenant="default")
        found, kinds = self.finals()
        self.assertEqual(set(found.values()), {1})
        self.assertEqual(kinds, {"cancelled": 100})
        event = self.world.events("cancelled")[0]
        self.assertEqual(event["reason"], "cancelled")
        self.assertIn("order 1", event["text"])
        self.assertEqual(self.waiting(), 1)
        given, done = self.world.wait_for_events(2, "order")
        self.assertEqual((given["reason"], done["reason"]), ("cancel", "done"))
        self.assertEqual((given["campaign"], given["tenant"]), ("spring", "default"))
        self.assertIn("wrong list", given["text"])
        self.assertRegex(given["user"], r"^uid \d+$")
        self.assertEqual(done["recipients"], 100)
        order, = json.loads(self.ask("orders", "--json").stdout)
        self.assertEqual((order["state"], order["recipients"]), ("done", 100))
        # A campaign that goes on afterwards is sent.
        later = self.send("late@fine.test")
        self.world.wait_for_events(1, "delivered", message=later)
        self.assertEqual(self.world.events("cancelled", message=other), [])

    def test_one_message_or_address_can_be_cancelled(self):
        both = self.send("a@busy.test", "b@busy.test")
        one = self.send("a@busy.test")
        self.world.wait_for_events(3, "deferred")
        self.assertIn("2 recipients", self.ask("cancel", "--recipient", "A@busy.test").stdout)
        self.assertIn("1 recipient ", self.ask("cancel", "--message", both).stdout)
        self.world.wait_for_events(2, "cancelled", message=both)
        self.world.wait_for_events(1, "cancelled", message=one)
        self.assertIn("nothing waits", self.ask("cancel", "--domain", "busy.test", status=1).stderr)

    def test_bounced_mail_is_reported_to_its_sender(self):
        message = self.send("a@busy.test")
        self.world.wait_for_events(1, "deferred")
        self.assertIn("1 recipient bounced",
                      self.ask("cancel", "--tenant", "default", "--bounce").stdout)
        bounced, = self.world.wait_for_events(1, "bounced", message=message)
        self.assertEqual(bounced["reason"], "cancelled")
        report, = self.sink.wait_for(1)
        self.assertIn(b"cancelled by the operator", self.sink.content(report))

    def test_what_is_deferred_is_tried_at_once(self):
        message = self.send("a@busy.test", "b@busy.test")
        self.world.wait_for_events(2, "deferred", attempt=1)
        self.assertIn("2 recipients are due now",
                      self.ask("retry", "--message", message).stdout)
        self.world.wait_for_events(2, "deferred", attempt=2)
        self.assertIn("2 recipients", self.ask("retry", "--domain", "busy.test").stdout)
        self.world.wait_for_events(2, "deferred", attempt=3)

    def test_a_cancel_goes_on_after_a_kill(self):
        for i in range(MANY // 1000):
            self.send(*(f"r{i}-{k}@busy.test" for k in range(1000)))
        self.world.wait_for_events(MANY // 10, "deferred")
        self.ask("cancel", "--campaign", "spring", "--no-wait")
        self.world.wait_for_events(1, "cancelled")
        self.engine.kill()
        self.engine = self.world.engine(self.config)
        wait_until(lambda: self.waiting() == 0, "all is cancelled")
        self.world.wait_for_events(MANY, "cancelled")
        found, kinds = self.finals()
        self.assertEqual((len(found), set(found.values()), set(kinds)), (MANY, {1}, {"cancelled"}))

    def site_of(self, domain):
        lane, = json.loads(self.ask("queues", domain, "--json").stdout)
        return lane["site"]

    def why_waits(self, domain):
        return [lane["reason"] for lane in json.loads(self.ask("queues", domain, "--json").stdout)]

    def test_a_paused_source_sends_nothing_until_it_is_resumed_over_a_restart_too(self):
        self.send("first@fine.test")
        self.sink.wait_for(1)
        said = self.ask("pause", "--source", "default", "--why", "listed").stdout
        self.assertEqual(said, "paused until it is resumed (order 1)\n")
        self.send("second@fine.test")
        wait_until(lambda: any("paused (order 1): listed" in r for r in self.why_waits("fine.test")),
                   "explain says that it is paused")
        self.assert_stops(self.engine)
        self.engine = self.world.engine(self.config)
        self.send("third@fine.test")
        wait_until(lambda: any("paused" in r for r in self.why_waits("fine.test")), "it still is")
        self.assertEqual(len(self.sink.messages()), 1)
        order, = json.loads(self.ask("orders", "--json").stdout)
        self.assertEqual((order["order"], order["scope"], order["name"], order["state"], order["until"]),
                         ("pause", "source", "default", "in force", None))
        self.ask("resume", "--source", "default")
        self.sink.wait_for(3)
        self.assertEqual([e["reason"] for e in self.world.wait_for_events(2, "order")],
                         ["pause", "taken_back"])
        self.assertIn("is not paused", self.ask("resume", "--source", "default", status=1).stderr)

    def test_a_paused_campaign_waits_while_others_go(self):
        self.ask("pause", "--campaign", "spring", "--tenant", "default", "--why", "typo")
        held = self.send("a@fine.test")
        other = self.send("a@fine.test", campaign="autumn")
        self.world.wait_for_events(1, "delivered", message=other)
        self.assertIn('campaign "spring" of tenant "default" is paused (order 1): typo',
                      self.why_waits("fine.test"))
        self.assertEqual(self.world.events("delivered", message=held), [])
        self.ask("resume", "--campaign", "spring")
        self.world.wait_for_events(1, "delivered", message=held)

    def test_a_pause_with_a_time_ends_by_itself(self):
        self.ask("pause", "--source", "default", "--for", "3s")
        self.send("a@fine.test")
        wait_until(lambda: any("paused" in r for r in self.why_waits("fine.test")), "it is paused")
        self.assertEqual(self.sink.messages(), [])
        self.sink.wait_for(1)
        given, over = self.world.wait_for_events(2, "order")
        self.assertEqual((given["reason"], over["reason"]), ("pause", "over"))
        self.assertIn("until", given)
        delivered, = self.world.wait_for_events(1, "delivered")
        self.assertGreaterEqual(delivered["time"], given["until"])

    def test_a_site_can_be_paused_and_resumed_by_number(self):
        self.send("a@busy.test")
        self.world.wait_for_events(1, "deferred")
        site = self.site_of("busy.test")
        self.ask("pause", "--site", site or "mx.busy.test")
        self.send("b@fine.test")
        self.assertIn("resumed", self.ask("resume", "1").stdout)
        self.sink.wait_for(1)
        self.assertIn("is over", self.ask("resume", "1", status=1).stderr)

    def test_campaigns_are_counted(self):
        self.send("a@fine.test", "b@busy.test", "c@busy.test")
        self.world.wait_for_events(1, "delivered")
        self.world.wait_for_events(2, "deferred")
        campaign, = json.loads(self.ask("campaign", "spring", "--json").stdout)
        counts = {k: campaign[k] for k in ("tenant", "accepted", "delivered", "deferrals", "waiting")}
        self.assertEqual(counts, {"tenant": "default", "accepted": 3, "delivered": 1, "deferrals": 2,
                                  "waiting": 2})
        self.assertIn('did you mean "spring"?', self.ask("campaign", "sprig", status=1).stderr)
        self.assertIn("spring", self.ask("campaign").stdout)

    def test_what_waits_is_added_up(self):
        self.send("a@busy.test", "b@busy.test")
        self.send("c@busy.test", campaign="autumn")
        self.world.wait_for_events(3, "deferred")
        groups = json.loads(self.ask("queues", "--by", "campaign", "--json").stdout)
        self.assertEqual([(g["name"], g["waiting"]) for g in groups], [("spring", 2), ("autumn", 1)])
        tenant, = json.loads(self.ask("queues", "--by", "tenant", "--json").stdout)
        self.assertEqual((tenant["name"], tenant["waiting"], tenant["lanes"]), ("default", 3, 2))
        for by in ("site", "source", "provider", "reason"):
            self.ask("queues", "--by", by)
        self.ask("queues", "--by", "colour", status=2)

    def test_misspelt_names_are_told(self):
        self.send("a@busy.test")
        self.world.wait_for_events(1, "deferred")
        self.assertIn('did you mean "spring"?',
                      self.ask("cancel", "--campaign", "sprnig", status=1).stderr)
        self.assertIn('did you mean "busy.test"?',
                      self.ask("retry", "--domain", "bussy.test", status=1).stderr)
        self.assertIn("no recipient of this message is open",
                      self.ask("cancel", "--message", "0000g00vvvvvv", status=1).stderr)
        self.assertIn('did you mean "default"?',
                      self.ask("pause", "--source", "defualt", status=1).stderr)
        self.assertIn("no duration",
                      self.ask("pause", "--source", "default", "--for", "soon", status=1).stderr)
        self.assertIn("whose mail?", self.ask("cancel", status=1).stderr)
        self.assertEqual(json.loads(self.ask("orders", "--json").stdout), [])


if __name__ == "__main__":
    harness.main()
