#!/usr/bin/env python3
"""The disk's bad days, seen from outside: full, broken, foreign; and the commands beside `run`."""

import contextlib
import json
import os
import smtplib

import harness
from harness import PASSWORD, sluice


class Storage(harness.Case):
    def client(self, config):
        return smtplib.SMTP("127.0.0.1", config.plain, timeout=30)

    def send(self, config, recipient="a@one.test", size=100):
        with self.client(config) as client:
            client.sendmail("shop@sender.test", recipient, "Subject: x\n\n" + "x" * 70 * (size // 70) + "\n")

    def test_a_full_disk_is_told_and_loses_nothing(self):
        config = self.world.config(sink=self.world.sink())
        config.replace("min_free_bytes = 1048576", "min_free_bytes = 1099511627776")
        engine = self.world.engine(config)
        with self.client(config) as client:
            # At MAIL where it is known by then, else at the end of the data; never a 250.
            for _ in range(3):
                with self.assertRaises(smtplib.SMTPResponseException) as refusal:
                    client.sendmail("shop@sender.test", "a@one.test", "Subject: x\n\nx\n")
                reply = refusal.exception
                self.assertEqual(reply.smtp_code, 452, reply)
                self.assertIn(b"4.3.1", reply.smtp_error)
        self.assertEqual(self.world.events("accepted"), [])
        self.assert_stops(engine)
        config.replace("min_free_bytes = 1099511627776", "min_free_bytes = 1048576")
        self.world.engine(config)
        self.send(config)
        self.world.wait_for_events(1, "delivered")

    def test_a_broken_queue_file_is_named_and_left_alone(self):
        config = self.world.config(sink=self.world.sink())
        engine = self.world.engine(config)
        self.send(config)
        self.world.wait_for_events(1, "delivered")
        self.assert_stops(engine)
        data = next((self.world.folder / "queue").rglob("data.mdb"))
        broken = b"not a queue any more" * 1000
        data.write_bytes(broken)
        engine = self.world.engine(config, wait=False)
        self.assertEqual(engine.wait(), 1, engine.log_text())
        self.assertIn("queue", engine.log_text())
        self.assertNotIn("check failed", engine.log_text())
        self.assertEqual(data.read_bytes(), broken)

    def test_a_record_file_cut_short_is_told_while_running_and_at_the_next_start(self):
        config = self.world.config(sink=self.world.sink())
        engine = self.world.engine(config)
        self.send(config)
        self.world.wait_for_events(1, "delivered")
        os.truncate(self.world.folder / "queue" / "data.mdb", 8192)
        for _ in range(100):
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self.send(config)
            if "data.mdb" in engine.log_text():
                break
        self.assertIn("data.mdb", engine.log_text())
        engine.kill()
        engine = self.world.engine(config, wait=False)
        self.assertEqual(engine.wait(), 1, engine.log_text())
        self.assertRegex(engine.log_text(), r"data\.mdb: .*restore the folder from a copy")

    def test_status_and_queues_tell_what_waits(self):
        dead = harness.free_port()
        config = self.world.config(gaps=("1h",), extra=f'[[route]]\nmatch = "*"\nhosts = ["127.0.0.1:{dead}"]\n')
        self.world.engine(config)
        for number in range(5):
            self.send(config, f"p{number}@one.test")
        self.world.wait_for_events(1, "deferred")
        for command in ("status", "queues"):
            human = sluice(command, "-c", config.path)
            self.assertEqual(human.returncode, 0, human.stderr)
            machine = sluice(command, "-c", config.path, "--json")
            self.assertEqual(machine.returncode, 0, machine.stderr)
            for line in machine.stdout.splitlines():
                json.loads(line)
        self.assertIn("one.test", sluice("queues", "-c", config.path).stdout)

    def test_explain_tells_why_a_message_waits_and_says_no_of_others(self):
        sink = self.world.sink("--reply", "rcpt@busy:100:450 4.2.1 Come back later")
        config = self.world.config(sink=sink, gaps=("1h",))
        self.world.engine(config)
        self.send(config, "busy@one.test")
        waiting, = self.world.wait_for_events(1, "deferred")
        self.send(config, "fine@one.test")
        done, = self.world.wait_for_events(1, "delivered")
        for what in (waiting["message"], "one.test"):
            human = sluice("explain", what, "-c", config.path)
            self.assertEqual(human.returncode, 0, human.stderr)
            self.assertIn("why it waits", human.stdout)
            machine = sluice("explain", what, "-c", config.path, "--json")
            self.assertEqual(machine.returncode, 0, machine.stderr)
            self.assertIn("one.test", str(json.loads(machine.stdout)))
        self.assertIn("450 4.2.1 Come back later", sluice("explain", waiting["message"], "-c", config.path).stdout)
        for what in (done["message"], "0000000000001"):
            self.assertEqual(sluice("explain", what, "-c", config.path, "--json").returncode, 1)
        self.assertEqual(sluice("explain", "-c", config.path).returncode, 2)

    def test_every_listing_is_json_when_asked(self):
        config = self.world.config()
        self.world.engine(config)
        for command in (["status"], ["queues"], ["queues", "one.test"], ["captured", "list"]):
            machine = sluice(*command, "-c", config.path, "--json")
            self.assertEqual(machine.returncode, 0, machine.stderr)
            json.loads(machine.stdout)
        self.assertEqual(sluice("reload", "-c", config.path).returncode, 0)

    def test_commands_say_when_no_engine_runs(self):
        config = self.world.config()
        for command in (["status"], ["queues"], ["explain", "one.test"], ["reload"], ["captured", "list"]):
            done = sluice(*command, "-c", config.path)
            self.assertEqual(done.returncode, 1)
            self.assertIn("control.sock", done.stderr)

    def test_user_hash_prints_one_line_that_logs_in(self):
        for given in (PASSWORD, PASSWORD + "\n", PASSWORD + "\r\n"):
            done = sluice("user", "hash", input=given)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.count("\n"), 1)
            self.assertTrue(done.stdout.startswith("$argon2id$"))
        self.assertNotEqual(sluice("user", "hash", input="").returncode, 0)


if __name__ == "__main__":
    harness.main()
