#!/usr/bin/env python3
"""Hostile TLS clients: broken records, endless handshakes, renegotiation, old versions. Each ends
its own connection, costs little, and an honest client is served meanwhile.
"""

import contextlib
import os
import socket
import smtplib
import ssl
import struct
import subprocess

import harness
from harness import run

HANDSHAKE, ALERT, DATA = 0x16, 0x15, 0x17


def record(kind, payload, length=None, version=0x0301):
    return struct.pack(">BHH", kind, version, len(payload) if length is None else length) + payload


def client_hello():
    """The first flight of a real client, as octets."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


class HostileTls(harness.Case):
    def setUp(self):
        super().setUp()
        self.config = self.world.config(sink=self.world.sink())
        self.engine = self.world.engine(self.config)
        self.addCleanup(self.assert_nothing_broke)

    def assert_nothing_broke(self):
        for word in ("check failed", "ERROR: AddressSanitizer", "runtime error"):
            self.assertNotIn(word, self.engine.log_text())

    def assert_serves(self):
        self.assertTrue(self.engine.running(), self.engine.log_text())
        with smtplib.SMTP_SSL("localhost", self.config.implicit, timeout=30,
                              context=ssl.create_default_context(cafile=self.world.cert)) as client:
            self.assertEqual(client.noop()[0], 250)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.config.implicit), timeout=30)

    def until_closed(self, connection, limit=1 << 20):
        """What the server says until it ends the connection, which it must."""
        said = b""
        with contextlib.suppress(ConnectionError):
            while len(said) < limit:
                piece = connection.recv(65536)
                if not piece:
                    break
                said += piece
        return said

    def memory_kb(self):
        with open(f"/proc/{self.engine.pid}/status", encoding="ascii") as status:
            return int(next(line for line in status if line.startswith("RssAnon:")).split()[1])

    def test_a_handshake_cut_anywhere_ends_only_itself(self):
        hello = client_hello()
        for cut in [1, 2, 3, 4, 5, 6, 9, 10, *range(11, len(hello), 37)]:
            with self.connect() as client:
                client.sendall(hello[:cut])
                client.shutdown(socket.SHUT_WR)
                self.until_closed(client)
        self.assert_serves()

    def test_records_that_are_none_are_refused_at_once(self):
        hello = client_hello()
        for octets in (record(HANDSHAKE, b"\x01" * 100, length=0xffff),
                       record(HANDSHAKE, os.urandom(300)),
                       record(HANDSHAKE, b"") * 100,
                       record(HANDSHAKE, hello[5:], version=0xffff),
                       hello + record(DATA, os.urandom(200), version=0x0303),
                       hello + record(ALERT, b"\x02\x28"),
                       hello + os.urandom(500),
                       hello + hello,
                       b"\x16" + os.urandom(2000)):
            with self.connect() as client:
                with contextlib.suppress(ConnectionError):
                    client.sendall(octets)
                    # What is read as the start of a longer record ends with the input.
                    client.shutdown(socket.SHUT_WR)
                self.until_closed(client)
        self.assert_serves()

    def test_a_client_hello_without_end_is_refused_and_takes_no_memory(self):
        piece = b"\x00" * 16000
        before = self.memory_kb()
        clients = []
        for _ in range(20):
            client = self.connect()
            clients.append(client)
            sent = 0
            try:
                # 16 MiB are announced.
                client.sendall(record(HANDSHAKE, b"\x01\xff\xff\xff" + piece))
                while sent < 4 << 20:
                    client.sendall(record(HANDSHAKE, piece))
                    sent += len(piece)
            except ConnectionError:
                pass
            self.assertLess(sent, 4 << 20, "the server takes it all")
        self.assertLess(self.memory_kb() - before, 20 << 10)
        for client in clients:
            client.close()
        self.assert_serves()

    def renegotiation(self, option):
        """What openssl prints when it asks to renegotiate. It asks once it has the greeting: a greeting
        that arrives after the question is to openssl an error of its own."""
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.config.implicit}", option],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as client:
            printed = ""
            while "\n220 " not in printed:
                line = client.stdout.readline()
                self.assertTrue(line, printed)
                printed += line
            client.stdin.write("R\n")
            client.stdin.flush()
            while "RENEGOTIATING" not in printed:
                line = client.stdout.readline()
                self.assertTrue(line, printed)
                printed += line
            if option == "-tls1_3":
                return printed + client.communicate("", timeout=30)[0]
            # The refusal ends the client; an end of its input could come before.
            return printed + client.stdout.read()

    def test_nobody_renegotiates(self):
        self.assertIn("no renegotiation", self.renegotiation("-tls1_2"))
        # TLS 1.3 has none: openssl asks the server nothing and goes on.
        self.assertNotIn("no renegotiation", self.renegotiation("-tls1_3"))
        self.assert_serves()

    def test_old_versions_and_weak_ciphers_are_refused(self):
        def handshake(*options):
            return run("openssl", "s_client", "-connect", f"127.0.0.1:{self.config.implicit}", *options, input="")
        for options in (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
                        ("-tls1_2", "-cipher", "AES128-SHA:AES128-GCM-SHA256:@SECLEVEL=0"),
                        ("-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0")):
            done = handshake(*options)
            self.assertNotEqual(done.returncode, 0, f"{options}: {done.stdout}")
        for options in (("-tls1_2",), ("-tls1_3",)):
            done = handshake(*options)
            self.assertEqual(done.returncode, 0, f"{options}: {done.stderr}")
        self.assert_serves()

    def test_garbage_within_a_session_ends_it(self):
        context = ssl.create_default_context(cafile=self.world.cert)
        for octets in (os.urandom(400), record(DATA, os.urandom(64), version=0x0303),
                       record(DATA, b"x", length=0x4fff, version=0x0303)):
            raw = self.connect()
            duplicate = raw.dup()
            with context.wrap_socket(raw, server_hostname="localhost") as client:
                self.assertTrue(client.recv(100).startswith(b"220 "))
                duplicate.sendall(octets)
                duplicate.shutdown(socket.SHUT_WR)
                with contextlib.suppress(ssl.SSLError, ConnectionError):
                    while client.recv(65536):
                        pass
            duplicate.close()
        self.assert_serves()


if __name__ == "__main__":
    harness.main()
