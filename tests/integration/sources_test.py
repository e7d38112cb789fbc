#!/usr/bin/env python3
"""Sources whose address lives on another box: through a SOCKS5 proxy (microsocks) and through one that takes
the PROXY protocol (haproxy). The other box is a further loopback address."""

import json
import os
import smtplib
import socket

import harness

PROXY_PASSWORD = "proxy pass word"


class Microsocks(harness.Program):
    """A SOCKS5 proxy that connects from `source`."""

    def __init__(self, world, source, login=()):
        self.port = harness.free_port()
        user = ["-u", login[0], "-P", login[1]] if login else []
        super().__init__(world, f"microsocks{self.port}",
                         [harness.find_program("microsocks"), "-i", "127.0.0.1", "-p", str(self.port), "-b", source,
                          *user])
        harness.wait_until(lambda: harness.accepts_connections(self.port), "microsocks answers")


class Haproxy(harness.Program):
    """Connects to where the PROXY header says, from `source`."""

    def __init__(self, world, source):
        self.port = harness.free_port()
        path = world.folder / "haproxy.cfg"
        path.write_text("global\n  log stderr format raw local0\n"
                        "defaults\n  mode tcp\n  log global\n"
                        "  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
                        f"listen onward\n  bind 127.0.0.1:{self.port} accept-proxy\n"
                        f"  server receiver 0.0.0.0:0 source {source}\n")
        super().__init__(world, "haproxy", [harness.find_program("haproxy"), "-db", "-f", path])
        harness.wait_until(lambda: harness.accepts_connections(self.port), "haproxy answers")


def source(name, address, proxy, more=""):
    return (f'[[source]]\nname = "{name}"\naddress = "{address}"\nehlo = "{name}.test"\n'
            f'proxy = "127.0.0.1:{proxy}"\n{more}')


class Sources(harness.Case):
    def send(self, config, recipient="a@one.test"):
        with smtplib.SMTP("127.0.0.1", config.plain, timeout=30) as client:
            client.sendmail("shop@sender.test", [recipient], "Subject: x\n\nx\n")

    def password_file(self, text=PROXY_PASSWORD):
        path = self.world.folder / "proxy-password"
        path.write_text(text + "\n")
        os.chmod(path, 0o600)
        return f'proxy_user = "sluice"\nproxy_password = "{path.name}"\n'

    def start(self, sink, extra):
        config = self.world.config(sink=sink, extra=extra, gaps=("1h",))
        self.world.engine(config)
        return config

    def test_mail_leaves_by_a_socks5_proxy_with_a_login(self):
        sink = self.world.sink()
        proxy = Microsocks(self.world, "127.0.0.3", login=("sluice", PROXY_PASSWORD))
        config = self.start(sink, source("far", "127.0.0.3", proxy.port, self.password_file()))
        self.send(config)
        message, = sink.wait_for(1)
        self.assertTrue(message["peer"].startswith("127.0.0.3"), message)
        self.assertEqual(message["helo"], "far.test")
        event, = self.world.wait_for_events(1, "delivered")
        self.assertEqual(event["source"], "far")

    def test_mail_leaves_by_a_proxy_that_takes_the_proxy_protocol(self):
        sink = self.world.sink()
        proxy = Haproxy(self.world, "127.0.0.4")
        config = self.start(sink, source("far", "127.0.0.4", proxy.port, 'proxy_kind = "proxy-v2"\n'))
        self.send(config)
        message, = sink.wait_for(1)
        self.assertTrue(message["peer"].startswith("127.0.0.4"), message)
        self.world.wait_for_events(1, "delivered")

    def deferral(self, extra, port=None):
        """The event of an attempt that cannot succeed."""
        class Receiver:
            pass
        Receiver.port = port or harness.free_port()
        self.send(self.start(Receiver, extra))
        event, = self.world.wait_for_events(1, "deferred")
        return event

    def test_a_refused_login_is_the_proxys_fault(self):
        proxy = Microsocks(self.world, "127.0.0.3", login=("sluice", "another"))
        event = self.deferral(source("far", "127.0.0.3", proxy.port, self.password_file()))
        self.assertEqual(event["reason"], "proxy_failed")
        self.assertEqual(event["text"], f'SOCKS5 proxy 127.0.0.1:{proxy.port} refuses the login of "sluice"')

    def test_a_proxy_that_is_gone_is_named(self):
        port = harness.free_port()
        event = self.deferral(source("far", "127.0.0.3", port))
        self.assertEqual(event["reason"], "proxy_failed")
        self.assertEqual(event["text"], f"SOCKS5 proxy 127.0.0.1:{port}: connection refused")

    def test_a_dead_proxy_rests_its_source_and_not_the_receiver(self):
        event = self.deferral(source("far", "127.0.0.3", harness.free_port()))
        self.assertEqual(event["reason"], "proxy_failed")
        status = harness.sluice("status", "--socket", self.world.folder / "control.sock", "--json", check=0)
        kinds = {(s["kind"], s["key"].split(" > ")[0]) for s in json.loads(status.stdout)["suspensions"]}
        self.assertEqual(kinds, {("path", "far")})

    def test_a_receiver_that_refuses_behind_the_proxy_is_the_receivers_fault(self):
        proxy = Microsocks(self.world, "127.0.0.3")
        event = self.deferral(source("far", "127.0.0.3", proxy.port))
        self.assertEqual(event["reason"], "connect_refused")
        self.assertEqual(event["text"], f"SOCKS5 proxy 127.0.0.1:{proxy.port} says of the way to the receiver: "
                                        "connection refused")

    def test_a_proxy_that_never_answers_costs_no_more_than_a_connection_may(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            event = self.deferral(source("far", "127.0.0.3", port) + '[timeouts]\nconnect = "1s"\n')
        self.assertEqual(event["reason"], "proxy_failed")
        self.assertEqual(event["text"], f"SOCKS5 proxy 127.0.0.1:{port}: timed out")

    def test_nothing_behind_a_proxy_v2_proxy_names_the_proxy(self):
        proxy = Haproxy(self.world, "127.0.0.4")
        event = self.deferral(source("far", "127.0.0.4", proxy.port, 'proxy_kind = "proxy-v2"\n'))
        self.assertEqual(event["reason"], "connection_lost")
        self.assertEqual(event["text"], "connection lost before the greeting, through the PROXY v2 proxy "
                                        f"127.0.0.1:{proxy.port}")

    def test_check_refuses_an_address_that_is_not_here_and_has_no_proxy(self):
        config = self.world.config(extra='[[source]]\nname = "far"\naddress = "192.0.2.77"\n'
                                         'public_address = "9.9.9.9"\n')
        done = harness.sluice("check", "-c", config.path, check=2)
        line = 1 + config.path.read_text().splitlines().index('address = "192.0.2.77"')
        self.assertIn(f'sluice.toml:{line}:11: source[0].address: "192.0.2.77" is not an address of this machine',
                      done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
