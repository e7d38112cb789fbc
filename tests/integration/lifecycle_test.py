#!/usr/bin/env python3
"""Start, stop, reload and restart; and every way to start wrongly, with a message that helps."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import smtplib
import socket
import ssl
import threading

import harness
from harness import PASSWORD, sluice


class Lifecycle(harness.Case):
    def send(self, config, recipient="a@one.test"):
        with smtplib.SMTP("127.0.0.1", config.plain, timeout=30) as client:
            client.sendmail("shop@sender.test", recipient, "Subject: x\n\nx\n")

    def test_sigterm_ends_it_in_time_with_connections_open(self):
        sink = self.world.sink()
        config = self.world.config(sink=sink)
        engine = self.world.engine(config)
        idle = smtplib.SMTP("127.0.0.1", config.plain, timeout=30)
        midway = smtplib.SMTP("127.0.0.1", config.plain, timeout=30)
        midway.ehlo()
        midway.docmd("MAIL FROM:<shop@sender.test>")
        self.send(config)
        sink.wait_for(1)
        self.assert_stops(engine, within=10)
        for client in (idle, midway):
            client.close()

    def test_a_receiver_that_stalls_is_cut_off_when_the_time_for_a_stop_is_over(self):
        stalled = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(stalled.close)
        told = threading.Event()

        def answer():
            connection, _ = stalled.accept()
            with connection, connection.makefile("rb") as lines, contextlib.suppress(ConnectionResetError):
                connection.sendall(b"220 stalled.test\r\n")
                content = False
                for line in lines:  # until the engine hangs up
                    if line == b".\r\n":
                        told.set()
                        content = True
                    elif not content:
                        connection.sendall(b"354 go on\r\n" if line == b"DATA\r\n" else b"250 yes\r\n")
                        content = line == b"DATA\r\n"

        receiver = threading.Thread(target=answer)
        receiver.start()
        port = stalled.getsockname()[1]
        config = self.world.config(extra=f'[engine]\nstop_within = "500ms"\n[[route]]\nmatch = "*"\nhosts = ["127.0.0.1:{port}"]\n')
        engine = self.world.engine(config)
        self.send(config)
        self.assertTrue(told.wait(harness.PATIENCE))
        self.assert_stops(engine, within=8)
        self.assertIn("some connections did not end in time and are cut", engine.log_text())
        receiver.join(harness.PATIENCE)
        sink = self.world.sink()
        config.replace(f"127.0.0.1:{port}", f"127.0.0.1:{sink.port}")
        self.world.engine(config)
        self.world.wait_for_events(1, "delivered")
        self.assertEqual(len(sink.messages()), 1)

    def test_what_waits_survives_a_restart_and_is_delivered_then(self):
        dead = harness.free_port()
        config = self.world.config(extra=f'[[route]]\nmatch = "*"\nhosts = ["127.0.0.1:{dead}"]\n')
        engine = self.world.engine(config)
        for i in range(20):
            self.send(config, f"p{i}@d{i % 4}.test")
        self.world.wait_for_events(1, "deferred")
        self.assert_stops(engine)
        sink = self.world.sink()
        config.replace(f"127.0.0.1:{dead}", f"127.0.0.1:{sink.port}")
        self.world.engine(config)
        self.world.wait_for_events(20, "delivered")
        self.assertEqual(sorted(r for m in sink.messages() for r in m["recipients"]),
                         sorted(f"p{i}@d{i % 4}.test" for i in range(20)))
        ids = [e["message"] for e in self.world.events("accepted")]
        self.assertEqual(len(set(ids)), 20)

    def test_ids_are_never_used_twice_over_restarts(self):
        sink = self.world.sink()
        config = self.world.config(sink=sink)
        for start in range(1, 4):
            engine = self.world.engine(config)
            self.send(config)
            sink.wait_for(start)
            self.assert_stops(engine)
        self.assertEqual(len({e["message"] for e in self.world.events("accepted")}), 3)
        self.assertEqual(len({e["id"] for e in self.world.events()}), len(self.world.events()))

    def test_sighup_brings_new_users_and_certificates(self):
        sink = self.world.sink()
        config = self.world.config(sink=sink)
        engine = self.world.engine(config)

        def login(user, cafile):
            context = ssl.create_default_context(cafile=cafile)
            with smtplib.SMTP("localhost", config.starttls, timeout=30) as client:
                client.starttls(context=context)
                client.login(user, PASSWORD)

        login("crm", self.world.cert)
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            login("newcomer", self.world.cert)
        first = self.world.folder / "first-cert.pem"
        shutil.copy(self.world.cert, first)
        cert, key = self.world.make_certificate("second")
        os.replace(cert, self.world.cert)
        os.replace(key, self.world.key)
        config.users.append("newcomer")
        config.write()
        engine.signal(signal.SIGHUP)

        def reloaded():
            try:
                login("newcomer", self.world.cert)
                return True
            except (ssl.SSLError, smtplib.SMTPException):
                return False
        harness.wait_until(reloaded, "the new user may log in under the new certificate")
        with self.assertRaises(ssl.SSLError):
            login("crm", first)

    def test_sighup_brings_new_routes(self):
        dead = harness.free_port()
        config = self.world.config(extra=f'[[route]]\nmatch = "*"\nhosts = ["127.0.0.1:{dead}"]\n')
        engine = self.world.engine(config)
        self.send(config)
        self.world.wait_for_events(1, "deferred")
        sink = self.world.sink()
        config.replace(f"127.0.0.1:{dead}", f"127.0.0.1:{sink.port}")
        engine.signal(signal.SIGHUP)
        harness.wait_until(lambda: "configuration reloaded" in engine.log_text(), "the log tells of it")
        self.send(config, "b@two.test")
        self.world.wait_for_events(1, "delivered", recipient="b@two.test")

    def test_a_reload_says_what_needs_a_restart(self):
        config = self.world.config()
        engine = self.world.engine(config)
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded\n")
        config.replace("min_free_bytes = 1048576", "min_free_bytes = 2097152")
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded; needs a restart: queue\n")
        harness.wait_until(lambda: "needs a restart: queue" in engine.log_text(), "the log says so too")
        config.replace('path = "queue"', 'path = "another"')
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded; needs a restart: queue\n")
        config.replace('hostname = "mta.test"', "hostname = 5")
        refused = sluice("reload", "-c", config.path)
        self.assertEqual(refused.returncode, 2, "the command reads the file too")
        self.assertIn("sluice.toml:1:12: hostname", refused.stderr)
        self.assertIn("the running engine keeps its configuration; ask it with --socket PATH", refused.stderr)
        refused = sluice("reload", "--socket", self.world.folder / "control.sock")
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stderr, r"configuration in force stays:\n.*sluice.toml:1:12: hostname")
        harness.wait_until(lambda: "sluice.toml:1:12: hostname" in engine.log_text(), "the log says so too")

    def may_relay(self, port):
        with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
            client.ehlo()
            return client.docmd("MAIL", "FROM:<a@one.test>")[0] == 250

    def test_a_reload_gives_no_port_the_settings_of_another(self):
        config = self.world.config()
        self.world.engine(config)
        text = config.path.read_text()
        head, plain, starttls, rest = re.split(r"(?=\[\[listener\]\])", text)
        self.assertIn("trusted", plain)
        for tables, later in (
                (head + starttls + plain + rest, ""),
                (head + starttls + rest, f"listener 127.0.0.1:{config.plain} (stays open as it was)"),
                (head + starttls.replace(f":{config.starttls}", ":1") + plain + rest,
                 f"listener 127.0.0.1:{config.starttls} (stays open as it was), listener 127.0.0.1:1 (is not opened)"),
                (head + plain.replace(f":{config.plain}", ":1") + text[len(head):],
                 "listener 127.0.0.1:1 (is not opened)")):
            config.path.write_text(tables)
            said = sluice("reload", "-c", config.path, check=0).stdout
            self.assertEqual(said, "reloaded" + (f"; needs a restart: {later}" if later else "") + "\n")
            self.assertTrue(self.may_relay(config.plain))
            self.assertFalse(self.may_relay(config.starttls), "without a login")

    def test_a_reload_takes_the_rest_when_a_listener_is_added(self):
        config = self.world.config()
        self.world.engine(config)
        config.replace('trusted = ["127.0.0.0/8"]', 'trusted = ["192.0.2.0/24"]')
        config.path.write_text(config.path.read_text() +
                               f'[[listener]]\nbind = ["127.0.0.1:{harness.free_port()}"]\nrole = "submission"\n'
                               'tls = "none"\ntrusted = ["127.0.0.0/8"]\n')
        self.assertIn("(is not opened)", sluice("reload", "-c", config.path, check=0).stdout)
        harness.wait_until(lambda: not self.may_relay(config.plain), "the port that is open trusts nobody here")

    def test_systemd_hears_when_it_is_ready_and_when_it_stops(self):
        config = self.world.config()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = self.world.folder / "notify"
            notify.bind(str(path))
            notify.settimeout(harness.PATIENCE)
            engine = self.world.engine(config, wait=False, env={"NOTIFY_SOCKET": str(path)})
            self.assertEqual(notify.recv(100), b"READY=1")
            for port in config.ports:
                self.assertTrue(harness.accepts_connections(port), "ready, and a port does not answer")
            engine.signal(signal.SIGTERM)
            self.assertEqual(notify.recv(100), b"STOPPING=1")
            self.assertEqual(engine.wait(), 0, engine.log_text())

    def test_it_may_open_as_many_files_as_the_system_lets_it(self):
        config = self.world.config()
        engine = self.world.program("limited", "bash", "-c", 'ulimit -S -n 64 && exec "$0" "$@"',
                                    harness.SLUICE, "run", "-c", config.path)
        harness.wait_until(lambda: harness.accepts_connections(config.plain), "the engine is ready")
        limits = pathlib.Path(f"/proc/{engine.pid}/limits").read_text()
        soft, hard = re.search(r"Max open files +(\d+) +(\d+)", limits).groups()
        self.assertEqual(soft, hard)

    def test_the_log_tells_no_secrets_and_no_content(self):
        sink = self.world.sink()
        config = self.world.config(sink=sink, extra='[log]\nlevel = "debug"\n')
        engine = self.world.engine(config)
        context = ssl.create_default_context(cafile=self.world.cert)
        with smtplib.SMTP("localhost", config.starttls, timeout=30) as client:
            client.starttls(context=context)
            for _ in range(3):
                with self.assertRaises(smtplib.SMTPAuthenticationError):
                    client.login("crm", "wrong-password")
            client.login("crm", PASSWORD)
            client.sendmail("shop@sender.test", "a@one.test", "Subject: private-subject\n\nprivate-words\n")
        sink.wait_for(1)
        self.world.wait_for_events(1, "delivered")
        self.assert_stops(engine)
        self.assertEqual(engine.log_text().count('login: failed as "crm" from 127.0.0.1'), 1)
        told = engine.log_text() + "".join(map(str, self.world.events()))
        for secret in (PASSWORD, "wrong-password", "private-subject", "private-words", "argon2id"):
            self.assertNotIn(secret, told)

    def test_changed_certificates_are_used_without_being_told(self):
        config = self.world.config(sink=self.world.sink())
        engine = self.world.engine(config)

        def trusted(cafile):
            try:
                with smtplib.SMTP("localhost", config.starttls, timeout=30) as client:
                    client.starttls(context=ssl.create_default_context(cafile=cafile))
                return True
            except ssl.SSLError:
                return False

        cert, key = self.world.make_certificate("second")
        self.assertFalse(trusted(cert))
        shutil.copy(cert, self.world.folder / "kept.pem")
        # The half that comes first does not fit the other: nothing may be used before both are there.
        os.replace(key, self.world.key)
        os.replace(cert, self.world.cert)
        harness.wait_until(lambda: trusted(self.world.folder / "kept.pem"), "the new certificate is used")
        self.world.key.write_text("no key\n")
        harness.wait_until(lambda: "those in force stay" in engine.log_text(), "the log says what is wrong")
        self.assertIn(self.world.key.name, engine.log_text())
        self.assertTrue(trusted(self.world.folder / "kept.pem"))

    def test_a_broken_file_at_reload_leaves_everything_as_it_was(self):
        sink = self.world.sink()
        config = self.world.config(sink=sink)
        engine = self.world.engine(config)
        config.path.write_text("hostname = \n")
        engine.signal(signal.SIGHUP)
        harness.wait_until(lambda: "sluice.toml" in engine.log_text(), "the log names the file")
        self.send(config)
        sink.wait_for(1)
        self.assert_stops(engine)

    def test_a_reload_takes_up_reply_rules_that_hold_and_no_others(self):
        sink = self.world.sink("--reply", "rcpt@strict:100:550 5.7.1 Come back tomorrow")
        config = self.world.config(sink=sink)
        rules = self.world.folder / "replies.toml"
        rules.write_text("")
        engine = self.world.engine(config)
        self.send(config, "first@strict.test")
        self.world.wait_for_events(1, "bounced", recipient="first@strict.test")
        rule = ("[[rule]]\nname = 'tomorrow'\ncode = 550\ntext = 'come back tomorrow'\n"
                "treat = 'temporary'\nsamples = ['550 5.7.1 {}']\n")
        rules.write_text(rule.format("Go away"))
        refused = sluice("check", "-c", config.path)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("replies.toml:6:12: rule[0].samples[0]", refused.stderr)
        reload = sluice("reload", "-c", config.path)
        self.assertEqual(reload.returncode, 1)
        self.assertIn("replies.toml:6:12", reload.stderr)
        self.send(config, "second@strict.test")
        self.world.wait_for_events(1, "bounced", recipient="second@strict.test")
        rules.write_text(rule.format("Come back tomorrow"))
        self.assertEqual(sluice("reload", "-c", config.path).stdout, "reloaded\n")
        self.send(config, "third@strict.test")
        self.world.wait_for_events(1, "deferred", recipient="third@strict.test")
        self.assert_stops(engine)

    # --- wrong starts ---

    def refused(self, config, *words, status=None):
        engine = self.world.engine(config, wait=False)
        code = engine.wait()
        self.assertIn(code, (1, 2) if status is None else (status,), engine.log_text())
        for word in words:
            self.assertIn(word, engine.log_text())
        self.assertNotIn("check failed", engine.log_text())

    def test_a_port_in_use_is_named(self):
        config = self.world.config(sink=self.world.sink())
        self.world.engine(config)
        other = self.world.config(name="other.toml")
        other.replace('path = "queue"', 'path = "other-queue"')
        other.replace('"control.sock"', '"other.sock"')
        other.replace('"events.jsonl"', '"other-log.jsonl"')
        other.replace(f"127.0.0.1:{other.plain}", f"127.0.0.1:{config.plain}")
        self.refused(other, str(config.plain))

    def test_a_second_process_on_the_queue_is_refused(self):
        config = self.world.config(sink=self.world.sink())
        self.world.engine(config)
        other = self.world.config(name="other.toml")
        other.replace('"control.sock"', '"other.sock"')
        self.refused(other, "queue")
        self.send(config)
        self.world.wait_for_events(1, "delivered")

    def test_a_missing_and_a_wrong_key_file_are_named(self):
        config = self.world.config()
        text = config.path.read_text()
        config.path.write_text(text.replace(f'key = "{self.world.key.name}"', 'key = "gone.pem"'))
        self.refused(config, "gone.pem")
        _, foreign = self.world.make_certificate("foreign")
        config.path.write_text(text.replace(f'key = "{self.world.key.name}"', f'key = "{foreign.name}"'))
        self.refused(config, foreign.name)
        self.assertEqual(sluice("check", "-c", config.path).returncode, 2)

    def test_what_lies_in_the_way_is_named_by_run_and_check(self):
        config = self.world.config()
        text = config.path.read_text()
        (self.world.folder / "a-file").write_text("not a queue, and no socket\n")
        for old, new, key in (('path = "queue"', 'path = "a-file"', "queue.path"),
                              ('log = "events.jsonl"', 'log = "."', "events.log"),
                              ('socket = "control.sock"', 'socket = "a-file"', "control.socket"),
                              ('socket = "control.sock"', f'socket = "{"x" * 120}"', "control.socket")):
            self.assertIn(old, text)
            config.path.write_text(text.replace(old, new))
            self.refused(config, key, status=2)
            self.assertIn(key, sluice("check", "-c", config.path, check=2).stderr)

    def test_an_address_of_another_machine_is_named_by_run_and_check(self):
        config = self.world.config()
        config.replace(f"127.0.0.1:{config.starttls}", f"192.0.2.77:{config.starttls}")
        self.assertIn("no interface of this machine", sluice("check", "-c", config.path, check=2).stderr)
        self.refused(config, f"192.0.2.77:{config.starttls}")

    def test_a_sink_takes_no_port_that_somebody_has(self):
        first = self.world.sink()
        second = sluice("sink", "--listen", f"127.0.0.1:{first.port}", "--duration", "1", timeout=30)
        self.assertEqual(second.returncode, 1, second.stdout)
        self.assertIn("another program listens there", second.stderr)

    def test_wrong_configuration_is_told_with_line_and_key(self):
        config = self.world.config()
        text = config.path.read_text()
        for change, words in ((('hostname = "mta.test"', 'hostname = 5'), ("hostname", ":1")),
                              (('hostname = "mta.test"', 'hostnam = "mta.test"'), ("hostnam", ":1")),
                              (('role = "submission"', 'role = "relay"'), ("role",)),
                              (('[queue]', '[queue'), ("sluice.toml",)),
                              (('gaps = ["1s"]', 'gaps = ["1 parsec"]'), ("gaps",))):
            config.path.write_text(text.replace(*change))
            self.refused(config, *words, status=2)
            checked = sluice("check", "-c", config.path)
            self.assertEqual(checked.returncode, 2, checked.stdout + checked.stderr)

    def test_a_missing_file_and_wrong_usage(self):
        gone = sluice("run", "-c", self.world.folder / "gone.toml")
        self.assertEqual(gone.returncode, 2)
        self.assertIn("gone.toml", gone.stderr)
        self.assertEqual(sluice("run").returncode, 2)
        self.assertIn("/etc/sluice/sluice.toml", sluice("check", check=2).stderr)
        self.assertEqual(sluice("dance").returncode, 2)
        self.assertEqual(sluice("--help").returncode, 0)

    def test_check_accepts_what_run_accepts(self):
        config = self.world.config(sink=self.world.sink())
        checked = sluice("check", "-c", config.path)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    harness.main()
