#!/usr/bin/env python3
"""Every user of the machine hands in mail with `sluice sendmail`, and can do nothing else.

Runs as root, to become others; without root the tests of other users are skipped.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import unittest

import harness

NOBODY, DAEMON = 65534, 1
MESSAGE = "To: a@one.test\nSubject: local\n\nhello\n"


@unittest.skipIf(os.geteuid() != 0, "needs root, to become other users")
class Local(harness.Case):
    def setUp(self):
        super().setUp()
        self.world.folder.chmod(0o755)
        # Where the program was built need not be open to others.
        self.program = self.world.folder / "sendmail"
        shutil.copy(harness.SLUICE, self.program)
        self.program.chmod(0o755)
        self.sink = self.world.sink()
        self.config = self.world.config(sink=self.sink,
                                        extra='[submission]\nlocal_socket = "submit.sock"\n')
        self.config.path.chmod(0o600)
        self.socket = self.world.folder / "submit.sock"
        self.control = self.world.folder / "control.sock"
        self.engine = self.world.engine(self.config)

    def as_user(self, uid, *arguments, input=MESSAGE):
        return subprocess.run([str(a) for a in arguments], input=input, text=True, user=uid, group=uid,
                              extra_groups=[], timeout=harness.PATIENCE, cwd="/",
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def sendmail(self, uid, *options, input=MESSAGE, status=0):
        done = self.as_user(uid, self.program, "--socket", self.socket, *options, input=input)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_it_goes_out_under_the_callers_name(self):
        self.sendmail(NOBODY, "-t", "-i")
        message, = self.sink.wait_for(1)
        content = self.sink.content(message).decode()
        self.assertIn(f"Received: from localhost (uid {NOBODY})", content)
        self.assertRegex(content, r"\r\nFrom: (\"?nobody\"? )?<?nobody@")
        self.assertEqual(message["sender"], "nobody@mta.test")
        accepted, = self.world.wait_for_events(1, "accepted")
        self.assertEqual((accepted["tenant"], accepted["peer"]), ("default", f"local uid {NOBODY}"))
        self.assertNotIn("user", accepted)

    def test_the_caller_may_choose_sender_and_full_name(self):
        self.sendmail(NOBODY, "-f", "web@shop.test", "-F", "Web Shop", "a@one.test", input="Subject: x\n\nx\n")
        message, = self.sink.wait_for(1)
        self.assertEqual(message["sender"], "web@shop.test")
        content = self.sink.content(message).decode()
        self.assertIn("From: Web Shop <web@shop.test>\r\n", content)
        self.assertIn(f"(uid {NOBODY})", content)

    def test_exit_status_tells_what_to_do(self):
        self.sendmail(NOBODY, status=64)
        self.sendmail(NOBODY, "-t", input="Subject: to nobody\n\nx\n", status=64)
        done = self.sendmail(NOBODY, "not an address", status=64)
        self.assertIn("501", done.stderr)
        self.assert_stops(self.engine)
        self.sendmail(NOBODY, "a@one.test", status=75)

    def test_nothing_but_mail_can_be_had_there(self):
        for command in ("status", "queues", "reload", "captured_list", "captured_show", "captured_release",
                        "explain", "stop", ""):
            answer = self.speak(NOBODY, {"command": command, "id": "0", "what": "one.test"})
            self.assertFalse(answer["ok"])
            self.assertIn("unknown command", answer["error"])
        refused = self.as_user(NOBODY, self.program, "-f", "x@y.test", "--socket", self.control, "a@one.test")
        self.assertEqual(refused.returncode, 75)
        self.assertIn("Permission denied", refused.stderr)
        self.assertIn("local_socket", refused.stderr)

    def test_the_mail_of_named_users_is_that_of_a_login_and_nobody_else_can_claim_it(self):
        self.config.replace('tenant = "crm"\n', 'tenant = "acme"\nlocal_users = ["daemon"]\n')
        self.assert_stops(self.engine)
        self.engine = self.world.engine(self.config)
        self.sendmail(DAEMON, "a@one.test")
        message = {"command": "sendmail", "sender": "daemon@mta.test", "recipients": ["b@one.test"],
                   "message": base64.b64encode(MESSAGE.encode()).decode(),
                   "user": "crm", "tenant": "acme", "uid": DAEMON}
        self.assertTrue(self.speak(NOBODY, message)["ok"])
        events = {e["recipient"]: e for e in self.world.wait_for_events(2, "accepted")}
        self.assertEqual((events["a@one.test"]["tenant"], events["a@one.test"]["user"]), ("acme", "crm"))
        self.assertEqual(events["b@one.test"]["tenant"], "default")
        self.assertNotIn("user", events["b@one.test"])

    def test_one_user_cannot_take_all_the_room(self):
        held = [self.connect_as(NOBODY) for _ in range(140)]
        try:
            answer = json.loads(held[-1].makefile().readline())
            self.assertEqual(answer["code"], 452)
            self.sendmail(DAEMON, "a@one.test")
        finally:
            for connection in held:
                connection.close()
        self.sendmail(NOBODY, "b@one.test")
        self.sink.wait_for(2)

    def test_many_callers_at_once_all_get_through(self):
        running = [subprocess.Popen([self.program, "--socket", self.socket, f"u{i}@one.test"], user=NOBODY,
                                    group=NOBODY, extra_groups=[], cwd="/", stdin=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True) for i in range(30)]
        for process in running:
            process.stdin.write(MESSAGE)
            process.stdin.close()
        for process in running:
            self.assertEqual(process.wait(harness.PATIENCE), 0, process.stderr.read())
            process.stderr.close()
        self.sink.wait_for(30)

    def test_a_fault_of_a_message_raises_one_alert(self):
        for _ in range(5):
            self.sendmail(NOBODY, "a@one.test", input="Subject: x\n\nnul \0 here\n", status=64)
        alert, = self.world.wait_for_events(1, "alert")
        self.assertEqual(alert["reason"], "message_fault")
        self.assertIn(f"local uid {NOBODY}", alert["text"])
        status = json.loads(harness.sluice("status", "--json", "-c", self.config.path, check=0).stdout)
        self.assertEqual(status["message_faults"], 5)

    def test_mail_that_nobody_may_send_raises_one_alert(self):
        self.config.replace('hostname = "mta.test"', 'hostname = "mta.test"\nunsigned = "refuse"')
        harness.sluice("reload", "-c", self.config.path, check=0)
        for _ in range(3):
            self.sendmail(NOBODY, "a@one.test", input="From: a@b.test\n\nx\n", status=75)
        alert, = self.world.wait_for_events(1, "alert")
        self.assertEqual(alert["reason"], "sender_refused")
        self.assertIn(f"local uid {NOBODY}: 1 message was refused for its From", alert["text"])
        status = json.loads(harness.sluice("status", "--json", "-c", self.config.path, check=0).stdout)
        self.assertEqual((status["sender_refusals"], status["message_faults"]), (3, 0))

    # --- the socket itself ---

    def connect_as(self, uid):
        """A connection whose peer the kernel takes for `uid`."""
        os.seteuid(uid)
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(harness.PATIENCE)
            connection.connect(str(self.socket))
            return connection
        finally:
            os.seteuid(0)

    def speak(self, uid, request):
        with self.connect_as(uid) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(connection.makefile().readline())


@unittest.skipIf(os.geteuid() != 0, "needs root, to become other users")
class ByName(harness.Case):
    def test_the_program_called_sendmail_finds_the_socket_in_a_readable_configuration(self):
        self.world.folder.chmod(0o755)
        program = self.world.folder / "sendmail"
        shutil.copy(harness.SLUICE, program)
        sink = self.world.sink()
        config = self.world.config(sink=sink, extra='[submission]\nlocal_socket = "submit.sock"\n')
        config.path.chmod(0o644)
        self.world.engine(config)
        done = subprocess.run([program, "-C", config.path, "-oi", "-t"], input=MESSAGE, text=True, user=NOBODY,
                              group=NOBODY, extra_groups=[], cwd="/", stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(sink.wait_for(1)[0]["sender"], "nobody@mta.test")


if __name__ == "__main__":
    harness.main()
