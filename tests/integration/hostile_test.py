#!/usr/bin/env python3
"""Hostile and clumsy clients, over raw sockets: nothing is smuggled, nobody else is held up."""

import base64
import contextlib
import socket
import smtplib
import ssl
import time

import harness
from harness import PASSWORD


class Raw:
    """A client that says exactly what it is told."""

    def __init__(self, port, greeting=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.pending = b""
        if greeting:
            self.reply()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        while b"\n" not in self.pending:
            more = self.socket.recv(65536)
            if not more:
                return b""
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def reply(self):
        """The last line of one reply; empty when the server closed."""
        while True:
            line = self.line()
            if len(line) < 4 or line[3:4] != b"-":
                return line.decode(errors="replace").rstrip("\r")

    def ask(self, command):
        self.send(command + b"\r\n")
        return self.reply()

    def start_tls(self, cafile):
        context = ssl.create_default_context(cafile=cafile)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.pending = b""


class Hostile(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink()
        self.config = self.world.config(sink=self.sink, listener_extra="")
        self.engine = self.world.engine(self.config)

    def begin(self, raw, recipient=b"a@one.test"):
        for command in (b"EHLO x", b"MAIL FROM:<shop@sender.test>", b"RCPT TO:<" + recipient + b">"):
            self.assertTrue(raw.ask(command).startswith("250"))
        self.assertTrue(raw.ask(b"DATA").startswith("354"))

    def send_good(self, recipient="good@one.test"):
        with smtplib.SMTP("127.0.0.1", self.config.plain, timeout=30) as client:
            client.sendmail("shop@sender.test", recipient, "Subject: good\n\nx\n")

    def test_no_false_end_of_data_smuggles_a_second_message(self):
        attacks = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n\n.\r\r\n", b"\r\n\r.\r\n")
        for number, end in enumerate(attacks, 1):
            raw = Raw(self.config.plain)
            self.begin(raw)
            smuggled = b"MAIL FROM:<evil@sender.test>\r\nRCPT TO:<victim@one.test>\r\nDATA\r\nSubject: evil\r\n\r\nx"
            raw.send(b"Subject: x\r\n\r\nhello" + end + smuggled + b"\r\n.\r\n")
            self.assertTrue(raw.reply().startswith("250 2.0.0"), end)
            raw.send(b"QUIT\r\n")
            self.assertTrue(raw.reply().startswith("221"), f"{end} was taken as an end of data")
            message = self.sink.wait_for(number)[-1]
            self.assertEqual(message["recipients"], ["a@one.test"])
            rest = self.sink.content(message).replace(b"\r\n", b"")
            self.assertFalse(b"\r" in rest or b"\n" in rest, "a bare line end left towards the receiver")
        self.assertNotIn("evil@sender.test", {m["sender"] for m in self.sink.messages()})

    def test_what_came_before_starttls_is_forgotten(self):
        raw = Raw(self.config.starttls)
        raw.ask(b"EHLO x")
        raw.send(b"STARTTLS\r\nMAIL FROM:<evil@sender.test>\r\n")
        self.assertTrue(raw.reply().startswith("220"))
        raw.start_tls(self.world.cert)
        self.assertTrue(raw.ask(b"MAIL FROM:<shop@sender.test>").startswith("503"), "EHLO is needed again")
        raw.send(b"EHLO x\r\n")
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            lines.append(raw.line())
        self.assertTrue(any(b"AUTH" in line for line in lines))
        self.assertFalse(any(b"STARTTLS" in line for line in lines))

    def test_no_login_and_no_relay_without_tls(self):
        raw = Raw(self.config.starttls)
        raw.ask(b"EHLO x")
        token = base64.b64encode(b"\0crm\0" + PASSWORD.encode())
        self.assertRegex(raw.ask(b"AUTH PLAIN " + token), "^(538|523|530)")
        self.assertRegex(raw.ask(b"MAIL FROM:<shop@sender.test>"), "^5")

    def test_garbage_is_answered_until_the_errors_are_too_many(self):
        raw = Raw(self.config.plain)
        replies = []
        for number in range(50):
            raw.send(bytes([number * 5 % 256]) * 30 + b"\r\n")
            replies.append(raw.reply())
            if not replies[-1] or replies[-1].startswith("421"):
                break
        self.assertRegex(replies[0], "^5")
        self.assertTrue(replies[-1].startswith("421"), replies[-1])
        self.send_good()

    def test_an_overlong_command_leaves_the_session_usable(self):
        raw = Raw(self.config.plain)
        self.assertTrue(raw.ask(b"EHLO x").startswith("250"))
        self.assertTrue(raw.ask(b"MAIL FROM:<" + b"a" * 100_000 + b"@sender.test>").startswith("500"))
        self.assertTrue(raw.ask(b"NOOP").startswith("250"))

    def test_a_message_that_is_too_large_leaves_the_session_usable(self):
        raw = Raw(self.config.plain)
        raw.ask(b"EHLO x")
        self.assertTrue(raw.ask(b"MAIL FROM:<shop@sender.test> SIZE=99999999999999999999").startswith("5"))
        self.assertTrue(raw.ask(b"MAIL FROM:<shop@sender.test> SIZE=60000000").startswith("552"))
        self.assertTrue(raw.ask(b"NOOP").startswith("250"))

    def test_wrong_bdat_sizes_lose_nothing(self):
        raw = Raw(self.config.plain)
        for command in (b"EHLO x", b"MAIL FROM:<shop@sender.test>", b"RCPT TO:<a@one.test>"):
            raw.ask(command)
        self.assertTrue(raw.ask(b"BDAT 99999999999999999999999 LAST").startswith("5"))
        raw = Raw(self.config.plain)
        for command in (b"EHLO x", b"MAIL FROM:<shop@sender.test>", b"RCPT TO:<a@one.test>"):
            raw.ask(command)
        raw.send(b"BDAT 12\r\nSubject: x\r\nBDAT 5 LAST\r\n\r\nx\r\n")
        self.assertTrue(raw.reply().startswith("250"))
        self.assertTrue(raw.reply().startswith("250"))
        self.sink.wait_for(1)

    def test_a_connection_lost_before_the_end_queues_nothing(self):
        raw = Raw(self.config.plain)
        self.begin(raw)
        raw.send(b"Subject: x\r\n\r\nhalf a mess")
        raw.socket.close()
        self.send_good()
        self.assertEqual([m["recipients"] for m in self.sink.wait_for(1)], [["good@one.test"]])
        self.world.wait_for_events(1, "delivered")
        self.assertEqual(len(self.world.events("accepted")), 1)

    def test_broken_tls_ends_only_that_connection(self):
        for port, hello in ((self.config.implicit, b"\x16\x03\x01\x02\x00garbage" * 50),
                            (self.config.starttls, b"EHLO x\r\nSTARTTLS\r\n")):
            raw = Raw(port, greeting=False)
            raw.send(hello)
            if port == self.config.starttls:
                raw.socket.recv(65536)
                time.sleep(0.1)
                raw.send(b"\x16\x03\x01\x02\x00garbage" * 50)
            with contextlib.suppress(OSError):
                while raw.socket.recv(65536):
                    pass
        self.send_good()
        self.sink.wait_for(1)

    def test_an_old_client_on_465_is_greeted_in_clear_and_can_start_tls(self):
        raw = Raw(self.config.implicit)  # says nothing; waits for a greeting
        self.assertTrue(raw.ask(b"EHLO x").startswith("250"))
        self.assertRegex(raw.ask(b"MAIL FROM:<shop@sender.test>"), "^5")
        self.assertTrue(raw.ask(b"STARTTLS").startswith("220"))
        raw.start_tls(self.world.cert)
        self.assertTrue(raw.ask(b"EHLO x").startswith("250"))

    def test_silent_and_slow_clients_hold_nobody_up(self):
        silent = [Raw(self.config.plain, greeting=False) for _ in range(50)]
        slow = [Raw(self.config.plain) for _ in range(10)]
        for raw in slow:
            self.begin(raw)
            raw.send(b"S")
        start = time.monotonic()
        for number in range(20):
            self.send_good(f"p{number}@one.test")
        self.sink.wait_for(20)
        self.assertLess(time.monotonic() - start, 30)
        self.assertTrue(self.engine.running())
        for raw in silent + slow:
            raw.socket.close()


if __name__ == "__main__":
    harness.main()
