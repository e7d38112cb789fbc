#!/usr/bin/env python3
"""Pools on real sockets: shares by weight under the receiver's limits, who chooses the pool, recipients that are
told to come back, and sources that fail. The sources are further loopback addresses."""

import collections
import smtplib

import harness
from harness import sluice

SOURCES = {"s1": "127.0.0.2", "s2": "127.0.0.3", "s3": "127.0.0.4"}
NAMES = {address: name for name, address in SOURCES.items()}


def sources(names=SOURCES):
    return "".join(f'[[source]]\nname = "{name}"\naddress = "{SOURCES[name]}"\nehlo = "{name}.test"\n' for name in names)


def pool(name, **weights):
    members = ", ".join(f'{{ name = "{source}", weight = {weight} }}' for source, weight in weights.items())
    return f'[[pool]]\nname = "{name}"\nsources = [{members}]\n'


def source_of(message):
    return NAMES[message["peer"].rsplit(":", 1)[0]]


class Pools(harness.Case):
    def start(self, sink, extra, shaping="", **options):
        if shaping:
            (self.world.folder / "shaping.toml").write_text(shaping)
            options["top"] = 'shaping = "shaping.toml"'
        config = self.world.config(sink=sink, extra=extra, **options)
        self.world.engine(config)
        return config

    def blast(self, config, messages):
        sluice("blast", "--to", f"127.0.0.1:{config.plain}", "--messages", str(messages), "--domains", "one.test",
               "--quiet", check=0)

    def send(self, config, recipient, user=None, fields=""):
        with smtplib.SMTP("127.0.0.1", config.starttls if user else config.plain, timeout=60) as client:
            if user:
                client.starttls()
                client.login(user, harness.PASSWORD)
            client.sendmail("shop@sender.test", [recipient], f"Subject: x\n{fields}\nx\n")

    def test_shares_are_those_of_the_weights_and_no_source_exceeds_what_the_receiver_takes(self):
        # A third connection from one address is answered 421.
        sink = self.world.sink("--max-per-source", "2", capture="envelope")
        config = self.start(sink, sources() + pool("default", s1=1, s2=2, s3=1), "[default]\nconnections = 2\n")
        total = 4000
        self.blast(config, total)
        counts = collections.Counter(source_of(m) for m in sink.wait_for(total))
        self.assertEqual(self.world.events("deferred"), [])
        for name, share in {"s1": 1, "s2": 2, "s3": 1}.items():
            expected = total * share / 4
            self.assertLessEqual(abs(counts[name] - expected), 0.02 * expected, counts)
        self.assertEqual({m["helo"] for m in sink.messages()}, {f"{name}.test" for name in SOURCES})

    def test_a_paused_source_is_empty_within_its_open_transactions_and_the_others_go_on(self):
        sink = self.world.sink("--max-per-source", "2", "--latency", "5", capture="envelope")
        config = self.start(sink, sources() + pool("default", s1=1, s2=1, s3=1), "[default]\nconnections = 2\n")
        total = 1500
        self.blast(config, total)
        sink.wait_for(150)
        sluice("pause", "-c", config.path, "--source", "s1", check=0)
        before = collections.Counter(source_of(m) for m in sink.messages())
        self.assertGreater(before["s1"], 0)
        counts = collections.Counter(source_of(m) for m in sink.wait_for(total))
        # Two under way, and two more that began before every shard had heard of it.
        self.assertLessEqual(counts["s1"], before["s1"] + 4, counts)
        self.assertEqual(self.world.events("deferred"), [])
        rest = counts["s2"] + counts["s3"]
        self.assertLessEqual(abs(counts["s2"] - rest / 2), 0.02 * rest / 2, counts)

    def test_a_rerouted_campaign_leaves_by_the_other_pool_until_that_is_taken_back(self):
        sink = self.world.sink("--reply", "rcpt:100:450 4.2.0 later")
        config = self.start(sink, sources() + pool("default", s1=1) + pool("other", s2=1), gaps=("1s",))
        self.send(config, "a@one.test", "crm", "X-Campaign: spring\n")
        self.world.wait_for_events(1, "deferred", source="s1")
        unknown = sluice("reroute", "-c", config.path, "--campaign", "spring", "--pool", "othr", check=1)
        self.assertIn('there is no pool or source "othr": did you mean "other"?', unknown.stderr)
        said = sluice("reroute", "-c", config.path, "--campaign", "spring", "--pool", "other", check=0).stdout
        self.assertEqual(said, "rerouted until it is resumed (order 1)\n")
        self.world.wait_for_events(2, "deferred", source="s2")
        sluice("resume", "-c", config.path, "1", check=0)
        back = len(self.world.events("deferred", source="s1"))
        self.world.wait_for_events(back + 1, "deferred", source="s1")

    def test_header_campaign_and_tenant_choose_the_pool_in_this_order(self):
        sink = self.world.sink()
        chooser = f'[[user]]\nname = "boss"\npassword = "{self.world.password_hash()}"\ntenant = "crm"\npool_header = true\n'
        config = self.start(sink, sources() + pool("default", s1=1) + pool("bulk", s2=1) + chooser +
                            '[[tenant]]\nname = "crm"\npool = "bulk"\n'
                            '[[campaign]]\nname = "spring"\ntenant = "crm"\npool = "s3"\n')
        self.send(config, "default@one.test")
        self.send(config, "tenant@one.test", "crm")
        self.send(config, "campaign@one.test", "crm", "X-Campaign: spring\n")
        self.send(config, "header@one.test", "boss", "X-Campaign: spring\nX-Virtual-MTA: s1\n")
        self.send(config, "pool@one.test", "boss", "X-Pool: default\n")
        self.send(config, "not-allowed@one.test", "crm", "X-Pool: default\n")
        messages = {m["recipients"][0].split("@")[0]: m for m in sink.wait_for(6)}
        self.assertEqual({name: source_of(m) for name, m in messages.items()},
                         {"default": "s1", "tenant": "s2", "campaign": "s3", "header": "s1", "pool": "s1",
                          "not-allowed": "s2"})
        for message in messages.values():
            content = sink.content(message)
            self.assertNotIn(b"X-Pool", content)
            self.assertNotIn(b"X-Virtual-MTA", content)
        with self.assertRaises(smtplib.SMTPDataError) as refused:
            self.send(config, "a@one.test", "boss", "X-Pool: nowhere\n")
        self.assertEqual(refused.exception.smtp_code, 550)
        self.assertIn(b'no pool or source named "nowhere"', refused.exception.smtp_error)

    def test_a_greylisted_recipient_is_tried_again_from_the_same_source(self):
        sink = self.world.sink("--greylist", "1")
        config = self.start(sink, sources() + pool("default", s1=1, s2=1, s3=1), gaps=("2s",))
        for i in range(30):
            self.send(config, f"r{i}@one.test")
        delivered = {e["recipient"]: e["source"] for e in self.world.wait_for_events(30, "delivered")}
        deferred = {e["recipient"]: e["source"] for e in self.world.events("deferred")}
        self.assertEqual(len(deferred), 30)
        self.assertEqual(delivered, deferred)
        self.assertEqual(set(deferred.values()), set(SOURCES))

    def test_the_pool_goes_on_while_one_source_cannot_be_used(self):
        sink = self.world.sink()
        gone = harness.free_port()
        broken = f'[[source]]\nname = "far"\naddress = "127.0.0.9"\nproxy = "127.0.0.1:{gone}"\n'
        config = self.start(sink, sources(["s1"]) + broken + pool("default", s1=1, far=1), gaps=("1h",))
        for i in range(10):
            self.send(config, f"r{i}@one.test")
        messages = sink.wait_for(10)
        self.assertEqual({source_of(m) for m in messages}, {"s1"})
        self.assertEqual(self.world.events("deferred"), [])
        alert, = self.world.wait_for_events(1, "alert", reason="proxy_failed")
        self.assertEqual(alert["text"], f"source far cannot be used: SOCKS5 proxy 127.0.0.1:{gone}: connection refused")
        status = sluice("status", "-c", config.path).stdout
        self.assertIn("far > ", status)

    def test_mail_that_waits_goes_to_the_pool_that_a_reload_gives_its_tenant(self):
        sink = self.world.sink("--reply", "rcpt:100:450 4.2.0 later")
        extra = sources() + pool("default", s1=1) + pool("other", s2=1)
        config = self.start(sink, extra + '[[tenant]]\nname = "default"\npool = "default"\n', gaps=("1s",))
        self.send(config, "a@one.test")
        first, = self.world.wait_for_events(1, "deferred")
        self.assertEqual(first["source"], "s1")
        config.replace('name = "default"\npool = "default"', 'name = "default"\npool = "other"')
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded\n")
        self.world.wait_for_events(1, "deferred", source="s2")


if __name__ == "__main__":
    harness.main()
