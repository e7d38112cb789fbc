#!/usr/bin/env python3
"""The disk's bad days, seen from outside: full, broken, foreign; and the commands beside `run`."""

import json
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

    def test_commands_say_when_no_engine_runs(self):
        config = self.world.config()
        done = sluice("status", "-c", config.path)
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
