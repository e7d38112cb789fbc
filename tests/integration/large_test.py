#!/usr/bin/env python3
"""Large messages through the whole program: to disk while they arrive, out by windows, octet by octet
what came; across a kill too."""

import hashlib
import pathlib
import smtplib
import socket
import threading

import harness
from harness import wait_until

MIB = 1 << 20


def content(name, size):
    """`size` octets of lines that tell where they are; some begin with a dot."""
    line = f".{name} " + "0123456789" * 7 + "\r\n"
    body = (line * (size // len(line) + 1))[:size - 2] + "\r\n"
    return f"From: {name}@sender.test\r\nSubject: {name}\r\n\r\n{body}".encode()


def body_digest(message):
    return hashlib.sha256(message.split(b"\r\n\r\n", 1)[1]).hexdigest()


class Large(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink()
        self.config = self.world.config(sink=self.sink)
        # Far less than what the clients below send at once.
        self.config.replace("[queue]\n", "[queue]\nbody_memory = \"4MiB\"\n")

    def bodies(self):
        return list((pathlib.Path(self.world.folder) / "queue" / "bodies").iterdir())

    def send(self, name, size):
        with smtplib.SMTP("127.0.0.1", self.config.plain, timeout=harness.PATIENCE) as client:
            client.sendmail("shop@sender.test", f"{name}@one.test", content(name, size))

    def test_many_at_once_arrive_whole_within_little_memory(self):
        self.world.engine(self.config)
        sizes = {f"m{i}": 3 * MIB + i * 77_777 for i in range(8)}
        sizes["small"] = 2000
        clients = [threading.Thread(target=self.send, args=item) for item in sizes.items()]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        sent = {name: body_digest(content(name, size)) for name, size in sizes.items()}
        got = {m["recipients"][0].split("@")[0]: body_digest(self.sink.content(m))
               for m in self.sink.wait_for(len(sizes))}
        self.assertEqual(got, sent)
        self.world.wait_for_events(len(sizes), "delivered")
        wait_until(lambda: not self.bodies(), "the files of delivered messages are gone")

    def test_a_kill_keeps_what_was_accepted_and_leaves_nothing_of_what_was_not(self):
        silent = socket.socket()  # listens, and never says a word
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        self.config.replace(f":{self.sink.port}", f":{silent.getsockname()[1]}")
        engine = self.world.engine(self.config)
        self.send("kept", 2 * MIB)
        self.assertEqual(len(self.bodies()), 1)
        with socket.create_connection(("127.0.0.1", self.config.plain), timeout=30) as half:
            half.sendall(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<lost@one.test>\r\nDATA\r\n")
            half.sendall(content("lost", 2 * MIB))
            wait_until(lambda: len(self.bodies()) == 2, "the second is arriving on disk")
            engine.kill()
        silent.close()
        self.config.replace(f":{silent_port(self.config)}", f":{self.sink.port}")
        self.world.engine(self.config)
        message, = self.sink.wait_for(1)
        self.assertEqual(body_digest(self.sink.content(message)), body_digest(content("kept", 2 * MIB)))
        wait_until(lambda: not self.bodies(), "no body is left")
        self.assertEqual(len(self.world.events("accepted")), 1)


def silent_port(config):
    """The port of the only route."""
    return int(config.path.read_text().split('hosts = ["127.0.0.1:')[1].split('"')[0])


if __name__ == "__main__":
    harness.main()
