#!/usr/bin/env python3
"""A user whose mail is captured: kept over restarts, listed, shown, and sent when it is released."""

import json
import smtplib
import time

import harness
from harness import PASSWORD, sluice

MAX_AGE = 3.0


class Capture(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink("--reply", "rcpt@busy.test:100:451 4.3.0 not now")
        self.config = self.world.config(sink=self.sink, gaps=("1s", "5m"))
        self.config.replace('tenant = "crm"\n', 'tenant = "crm"\ndeliver = "capture"\n')
        self.engine = self.world.engine(self.config)

    def send(self, *recipients, subject="held"):
        with smtplib.SMTP("localhost", self.config.starttls, timeout=30) as client:
            client.starttls()
            client.login("crm", PASSWORD)
            client.sendmail("shop@sender.test", recipients, f"Subject: {subject}\n\nhello\n")
        return self.world.wait_for_events(1, "captured", recipient=recipients[-1])[-1]["message"]

    def ask(self, *command, status=0):
        return sluice(*command, "-c", self.config.path, check=status)

    def listed(self):
        return {m["id"]: m for m in json.loads(self.ask("captured", "list", "--json").stdout)}

    def restart(self):
        self.assert_stops(self.engine)
        self.engine = self.world.engine(self.config)

    def test_it_is_kept_over_a_restart_shown_and_delivered_when_released(self):
        first = self.send("a@one.test", "b@two.test")
        second = self.send("c@one.test", subject="second")
        self.restart()
        self.assertEqual(set(self.listed()), {first, second})
        self.assertEqual(sorted(self.listed()[first]["recipients"]), ["a@one.test", "b@two.test"])
        shown = self.ask("captured", "show", first).stdout
        self.assertIn("Subject: held\r\n" if "\r\n" in shown else "Subject: held\n", shown)
        self.assertTrue(shown.rstrip().endswith("hello"))
        self.assertEqual(self.sink.messages(), [])

        self.assertIn("2 recipients", self.ask("captured", "release", first).stdout)
        self.world.wait_for_events(2, "delivered", message=first)
        self.assertEqual(set(self.listed()), {second})
        self.ask("captured", "show", first, status=1)
        self.ask("captured", "release", first, status=1)
        self.restart()
        self.ask("captured", "release", second)
        self.world.wait_for_events(1, "delivered", message=second)
        self.assertEqual(self.listed(), {})

    def test_what_was_released_and_deferred_is_captured_no_more(self):
        message = self.send("a@one.test", "b@busy.test")
        self.ask("captured", "release", message)
        self.world.wait_for_events(1, "delivered", message=message)
        self.world.wait_for_events(1, "deferred", message=message)
        self.assertEqual(self.listed(), {})
        self.ask("captured", "show", message, status=1)
        lanes = json.loads(self.ask("queues", "busy.test", "--json").stdout)
        self.assertNotIn("captured", lanes[0]["reason"])

    def test_queues_and_explain_say_why_it_waits(self):
        message = self.send("a@one.test")
        lane, = json.loads(self.ask("queues", "--json").stdout)
        self.assertEqual(lane["reason"], "captured: kept until `sluice captured release`")
        self.assertIsNone(lane["next_due"])
        self.assertIsNone(lane["until"])
        explained = json.loads(self.ask("explain", message, "--json").stdout)
        self.assertIsNone(explained["recipients"][0]["due"])
        self.assertIn("captured", explained["lanes"][0]["reason"])

    def test_max_age_runs_from_the_release(self):
        self.config.replace("[retry]\n", f'[retry]\nmax_age = "{int(MAX_AGE)}s"\n')
        self.restart()
        message = self.send("a@one.test")
        # Older than max_age when it is released: that is the point.
        time.sleep(MAX_AGE + 0.5)
        self.ask("captured", "release", message)
        self.world.wait_for_events(1, "delivered", message=message)
        self.assertEqual(self.world.events("expired"), [])


if __name__ == "__main__":
    harness.main()
