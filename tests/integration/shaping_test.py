#!/usr/bin/env python3
"""The shaping file of a running engine: kept, shown line by line, reloaded, refused when it is wrong."""

import json

import harness
from harness import sluice

SHAPING = """\
[[provider]]
name = "local"
mx = ["127.0.0.1", ".big.test"]
connections = 2
messages_per_connection = 3

[[domain]]
name = "shaped.test"
recipients_per_transaction = 2

[[source]]
name = "default"
connections = "50%"
"""


class Shaping(harness.Case):
    def shaped(self, text=SHAPING, **options):
        self.path = self.world.folder / "shaping.toml"
        self.path.write_text(text)
        return self.world.config(top='shaping = "shaping.toml"', **options)

    def blast(self, config, domain, messages=40, recipients=1):
        sluice("blast", "--to", f"127.0.0.1:{config.plain}", "--messages", str(messages), "--domains", domain,
               "--recipients-per-message", str(recipients), "--quiet", check=0)

    def test_connections_and_messages_of_a_provider_are_kept_and_change_with_a_reload(self):
        # The sink answers one connection more, and one message more, with 421: there must be none.
        sink = self.world.sink("--max-connections", "1", "--max-messages-per-connection", "3", capture="envelope")
        config = self.shaped(sink=sink)
        engine = self.world.engine(config)
        self.blast(config, "some.test")
        sink.wait_for(40)
        self.path.write_text(SHAPING.replace("messages_per_connection = 3", "messages_per_connection = 2"))
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded\n")
        done = len(sink.messages())
        self.blast(config, "other.test")
        messages = sink.wait_for(done + 40)
        self.assertEqual(self.world.events("deferred"), [])
        by_connection = {}
        for message in messages[done:]:
            by_connection[message["connection"]] = by_connection.get(message["connection"], 0) + 1
        # The connection that was open at the reload ends as it began.
        self.assertLessEqual(sorted(by_connection.values())[-2], 2)
        self.assert_stops(engine)

    def test_a_hundred_reloads_under_load_lose_no_connection_and_break_no_limit(self):
        # One connection or message too many would be answered 421, and show as a deferral.
        sink = self.world.sink("--max-connections", "4", "--max-messages-per-connection", "10")
        shaping = SHAPING.replace("connections = 2", "connections = 8")
        config = self.shaped(shaping.replace("messages_per_connection = 3", "messages_per_connection = 10"), sink=sink)
        engine = self.world.engine(config)
        domains = ",".join(f"d{i}.test" for i in range(20))
        load, sent = None, 0
        for i in range(100):
            if load is None or not load.running():
                if load is not None:
                    self.assertEqual(load.process.returncode, 0, "blast lost no connection and no message")
                load = self.world.program(f"blast{i}", harness.SLUICE, "blast", "--to", f"127.0.0.1:{config.plain}",
                                          "--connections", "10", "--messages", "4000", "--size", "2048",
                                          "--per-connection", "100", "--domains", domains, "--quiet")
                sent += 4000
            fewer = i % 2 == 0
            self.path.write_text(shaping.replace("connections = 8", f"connections = {4 if fewer else 8}")
                                 .replace("messages_per_connection = 3",
                                          f"messages_per_connection = {5 if fewer else 10}"))
            self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded\n")
        self.assertEqual(load.process.wait(60), 0)
        self.world.wait_for_events(sent, "delivered", patience=60)
        self.assertEqual(self.world.events("deferred", "bounced", "expired"), [])
        self.assert_stops(engine)

    def test_recipients_of_a_transaction_are_those_of_the_domain(self):
        sink = self.world.sink(capture="envelope")
        config = self.shaped(sink=sink)
        self.world.engine(config)
        self.blast(config, "shaped.test", messages=2, recipients=6)
        sink.wait_for(6)
        self.world.wait_for_events(12, "delivered")
        self.assertEqual({len(m["recipients"]) for m in sink.messages()}, {2})

    def test_a_wrong_file_is_refused_and_the_old_one_stays_in_force(self):
        sink = self.world.sink("--max-messages-per-connection", "3", capture="envelope")
        config = self.shaped(sink=sink)
        engine = self.world.engine(config)
        self.path.write_text(SHAPING.replace("connections = 2", "connections = 0"))
        checked = sluice("check", "-c", config.path)
        self.assertEqual(checked.returncode, 2)
        self.assertIn("shaping.toml:4:15: provider[0].connections: 0 is out of range", checked.stderr)
        refused = sluice("reload", "-c", config.path)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("the configuration in force stays", refused.stderr)
        self.assertIn("shaping.toml:4:15: provider[0].connections", refused.stderr)
        self.blast(config, "some.test", messages=10)
        sink.wait_for(10)
        self.assertEqual(self.world.events("deferred"), [])
        self.assert_stops(engine)
        started = sluice("run", "-c", config.path)
        self.assertEqual(started.returncode, 2)
        self.assertIn("shaping.toml:4:15", started.stderr)

    def test_tls_that_a_provider_must_offer_keeps_its_mail_back_where_it_does_not(self):
        sink = self.world.sink(capture="envelope")  # offers no STARTTLS
        config = self.shaped(SHAPING.replace("connections = 2", "connections = 2\ntls = \"required\""), sink=sink)
        self.world.engine(config)
        self.blast(config, "some.test", messages=1)
        event, = self.world.wait_for_events(1, "deferred")
        self.assertEqual((event["tls_policy"], event["tls"]), ("required", ""))
        self.assertIn("TLS is demanded", event["text"])
        self.assertEqual(sink.messages(), [])
        self.path.write_text(SHAPING)  # as before: in clear where no TLS is offered
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded\n")
        self.blast(config, "clear.test", messages=1)
        sink.wait_for(1)

    def show(self, config, *arguments):
        done = sluice("shaping", "-c", config.path, *arguments, "--json", check=0)
        values = json.loads(done.stdout)
        rows = {row["key"]: row for row in values["values"]}
        return values, rows

    def test_what_holds_is_shown_with_its_lines(self):
        config = self.shaped(extra="[delivery]\nidle_connection = \"7s\"\n"
                                   "[[route]]\nmatch = \"relay.test\"\nhosts = [\"127.0.0.1:25\"]\n")
        values, rows = self.show(config, "relay.test", "--source", "default")
        self.assertEqual((values["provider"], values["source"]), ("local", "default"))
        self.assertEqual(rows["connections"]["value"], "1")
        self.assertEqual([(o["line"], o["setting"]) for o in rows["connections"]["from"]], [(4, "2"), (13, "50%")])
        self.assertEqual(rows["idle"]["value"], "7s")
        line = config.path.read_text().splitlines().index('idle_connection = "7s"') + 1
        self.assertEqual([(o["file"], o["line"]) for o in rows["idle"]["from"]], [(str(config.path), line)])
        self.assertFalse(rows["message_rate"]["later"])
        values, rows = self.show(config, "Shaped.test.", "--mx", "mx1.elsewhere.test")
        self.assertEqual((values["domain"], values["provider"]), ("shaped.test", None))
        self.assertEqual(rows["recipients_per_transaction"]["from"][0]["line"], 9)
        text = sluice("shaping", "-c", config.path, "shaped.test", "--mx", "MX1.Big.test.", check=0).stdout
        self.assertIn("shaped.test: provider local (mx1.big.test)", text)
        self.assertIn("shaping.toml:9 [[domain]] shaped.test\n", text)
        wrong = sluice("shaping", "-c", config.path, "shaped.test", "--source", "defualt", "--mx", "mx.test")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("did you mean \"default\"?", wrong.stderr)

    def test_mx_hosts_are_asked_of_the_configured_dns(self):
        dns = self.world.dns(mx=[("kunde.test", "mx7.big.test", 10)], hosts=[("mx7.big.test", "127.0.0.1")])
        config = self.shaped(dns=dns)
        values, _ = self.show(config, "kunde.test")
        self.assertEqual((values["provider"], values["hosts"]), ("local", ["mx7.big.test"]))
        lost = sluice("shaping", "-c", config.path, "nobody.test")
        self.assertEqual(lost.returncode, 1)
        self.assertIn("the MX hosts of nobody.test are not known", lost.stderr)
        self.assertIn("--mx HOST", lost.stderr)

    def test_the_shipped_file_holds_where_none_is_named(self):
        config = self.world.config()
        values, rows = self.show(config, "gmail.com", "--mx", "gmail-smtp-in.l.google.com")
        self.assertEqual((values["provider"], values["count_on"]), ("google", "provider"))
        self.assertEqual((rows["connections"]["value"], rows["tls"]["value"]), ("5", "required"))
        self.assertEqual(rows["connections"]["from"][0]["file"], "built-in shaping.toml")


if __name__ == "__main__":
    harness.main()
