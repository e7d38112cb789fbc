"""Starts the real programs on free loopback ports, in a temporary folder, and stops them by pid.

A test case derives from `Case`: it gets `self.world`, in which it starts an engine, sinks and DNS
servers; whatever is still running when the test ends is stopped. When a test fails, the end of every
program's log is printed. The program under test is named by the environment's SLUICE.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SLUICE = os.path.abspath(os.environ.get("SLUICE", "build/dev/sluice"))
PASSWORD = "correct horse"
# Generous: a sanitizer build on a busy two-core machine. Nothing waits longer than it must.
PATIENCE = 60.0
# What ASan, UBSan and TSan say; a program that is killed has no exit status that tells of it.
SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|: runtime error: ")


def wait_until(probe, what, patience=PATIENCE):
    """Calls `probe` until it gives something true; returns that."""
    deadline = time.monotonic() + patience
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {patience:.0f} s still not: {what}")
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts_connections(port):
    with contextlib.suppress(OSError):
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    return False


def run(*command, input=None, timeout=PATIENCE, env=None, check=None):
    """Runs a program to its end. Returns it with stdout and stderr as text."""
    done = subprocess.run([str(c) for c in command], input=input, timeout=timeout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **(env or {})})
    if check is not None and done.returncode != check:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n"
                             f"{done.stdout}\n{done.stderr}")
    return done


def sluice(*arguments, **options):
    return run(SLUICE, *arguments, **options)


def json_lines(path):
    """The whole lines of a growing file of JSON lines."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    text = path.read_text(errors="surrogateescape")
    return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]


class Program:
    """A running process of ours: its output goes to files, its end is by pid."""

    def __init__(self, world, name, command, env=None):
        self.name = name
        self.log = world.folder / f"{name}.log"
        self.out = world.folder / f"{name}.out"
        with open(self.log, "ab") as log, open(self.out, "ab") as out:
            self.process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=world.folder,
                                            env={**os.environ, **(env or {})})
        world.programs.append(self)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        return self.process.wait(timeout)

    def stop(self, timeout=PATIENCE):
        """SIGTERM, and the exit status. A program that does not obey is an error."""
        if self.running():
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()

    def log_text(self):
        return self.log.read_text(errors="replace")


class Sink(Program):
    """`sluice sink`, with every message it answered recorded before its reply."""

    count = 0

    def __init__(self, world, *options, capture="content"):
        Sink.count += 1
        name = f"sink{Sink.count}"
        self.capture = world.folder / f"{name}.jsonl"
        self.maildir = world.folder / f"{name}-mail"
        command = [SLUICE, "sink", "--listen", "127.0.0.1:0", *options]
        if capture:
            command += ["--capture", self.capture]
        if capture == "content":
            command += ["--maildir", self.maildir]
        super().__init__(world, name, command)
        self.port = wait_until(self._listening, f"{name} listens")

    def _listening(self):
        if not self.running():
            raise AssertionError(f"the sink ended: {self.log_text()}")
        lines = json_lines(self.out)
        return int(lines[0]["listening"][0].rsplit(":", 1)[1]) if lines else None

    def messages(self):
        """The messages that it accepted, oldest first."""
        return [m for m in json_lines(self.capture) if m["outcome"] == "accepted"]

    def content(self, message):
        """The octets of a message as they came, dots undone."""
        path, = (self.maildir / "new").glob(f"*.{message['id']}.sink")
        envelope = 1 + len(message["recipients"])  # Return-Path and Delivered-To lines
        return path.read_bytes().split(b"\r\n", envelope)[envelope]

    def wait_for(self, count, patience=PATIENCE):
        return wait_until(lambda: len(self.messages()) >= count and self.messages(),
                          f"{self.name} has {count} messages", patience)


class Dns(Program):
    """dnsmasq with exactly the records it is given; everything else does not exist."""

    def __init__(self, world, mx=(), hosts=(), options=(), port=None):
        self.port = port or free_port()
        command = [find_program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                   "--no-hosts", "--no-daemon", f"--port={self.port}", "--listen-address=127.0.0.1",
                   "--bind-interfaces", "--local=/test/", "--local-ttl=60", "--log-facility=-", "--pid-file="]
        command += [f"--mx-host={domain},{host},{preference}" for domain, host, preference in mx]
        command += [f"--host-record={host},{address}" for host, address in hosts]
        super().__init__(world, f"dns{self.port}", command + list(options))
        wait_until(lambda: accepts_connections(self.port), "dnsmasq answers")


def find_program(name):
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not found:
        raise AssertionError(f"{name} is not installed: tools/setup installs it")
    return found


class Engine(Program):
    """`sluice run` on a configuration file."""

    def __init__(self, world, config, ports, wait=True, env=None):
        self.config = config
        self.ports = ports
        world.starts += 1
        super().__init__(world, f"engine{world.starts}", [SLUICE, "run", "-c", config.path], env)
        if wait:
            wait_until(self._ready, "the engine is ready")

    def _ready(self):
        if not self.running():
            raise AssertionError(f"the engine ended ({self.process.returncode}): {self.log_text()}")
        return all(accepts_connections(port) for port in self.ports)


# The shipped rules leave a greylist five minutes.
IMPATIENT = """\
[[rule]]
name = "greylisted"
code = 451
text = 'greylist'
blame = "nobody"
retry_after = "1s"
samples = ['451 4.7.1 Greylisted, please try again later']
"""


class Config:
    """A configuration file in the world's folder: trusted, STARTTLS and implicit-TLS listeners."""

    def __init__(self, world, name="sluice.toml", sink=None, dns=None, extra="", gaps=("1s",), top="",
                 listener_extra="", users=("crm",)):
        self.path = world.folder / name
        self.plain, self.starttls, self.implicit = free_port(), free_port(), free_port()
        self.ports = [self.plain, self.starttls, self.implicit]
        self.users = list(users)
        self.world, self.sink, self.dns = world, sink, dns
        self.extra, self.gaps, self.top, self.listener_extra = extra, gaps, top, listener_extra
        self.write()

    def text(self):
        world = self.world
        parts = [f'hostname = "mta.test"\n{self.top}', '[queue]\npath = "queue"\nmin_free_bytes = 1048576\n',
                 '[control]\nsocket = "control.sock"\n', '[events]\nlog = "events.jsonl"\n',
                 f"[retry]\ngaps = {json.dumps(list(self.gaps))}\n",
                 "[reports]\nper_minute = 60000\n"]  # thousands may go to one mailbox, and are waited for
        if self.dns:
            port = f"port = {self.sink.port}\n" if self.sink else ""
            parts.append(f'[dns]\nservers = ["127.0.0.1:{self.dns.port}"]\nallow_special = true\n{port}')
        else:  # a port that nobody answers on: no test asks the servers of the machine it runs on
            parts.append('[dns]\nservers = ["127.0.0.1:9"]\n')
        for port, tls in ((self.plain, "none"), (self.starttls, "starttls"), (self.implicit, "implicit")):
            keys = "" if tls == "none" else f'cert = "{world.cert.name}"\nkey = "{world.key.name}"\n'
            trusted = 'trusted = ["127.0.0.0/8"]\n' if tls == "none" else ""
            parts.append(f'[[listener]]\nbind = ["127.0.0.1:{port}"]\nrole = "submission"\ntls = "{tls}"\n'
                         f"{keys}{trusted}{self.listener_extra}")
        for user in self.users:
            parts.append(f'[[user]]\nname = "{user}"\npassword = "{world.password_hash()}"\ntenant = "{user}"\n')
        if self.sink and not self.dns:
            parts.append(f'[[route]]\nmatch = "*"\nhosts = ["127.0.0.1:{self.sink.port}"]\n')
        return "\n".join(parts) + "\n" + self.extra

    def write(self):
        self.path.write_text(self.text())
        (self.path.parent / "replies.toml").write_text(IMPATIENT)

    def replace(self, old, new):
        text = self.path.read_text()
        assert old in text, old
        self.path.write_text(text.replace(old, new))


class World:
    """A temporary folder and what runs in it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-test-"))
        self.programs = []
        self.starts = 0
        self._hash = None
        self.cert, self.key = self.make_certificate("cert")

    def make_certificate(self, name, host="mta.test"):
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", cert, "-days", "30", "-subj", f"/CN={host}",
            "-addext", f"subjectAltName=DNS:{host},DNS:localhost,IP:127.0.0.1", check=0)
        return cert, key

    def password_hash(self):
        if self._hash is None:
            self._hash = sluice("user", "hash", input=PASSWORD + "\n", check=0).stdout.strip()
        return self._hash

    def sink(self, *options, **keywords):
        return Sink(self, *options, **keywords)

    def dns(self, **keywords):
        return Dns(self, **keywords)

    def config(self, **keywords):
        return Config(self, **keywords)

    def engine(self, config, **keywords):
        return Engine(self, config, config.ports, **keywords)

    def program(self, name, *command, **keywords):
        return Program(self, name, command, **keywords)

    def events(self, *kinds, **fields):
        """What the event log has, rotated files too; of these kinds, with these field values."""
        paths = sorted(self.folder.glob("events*.jsonl*"), key=lambda p: (p.name == "events.jsonl", p.name))
        found = [event for path in paths for event in json_lines(path)]
        return [e for e in found if (not kinds or e["event"] in kinds)
                and all(e.get(k) == v for k, v in fields.items())]

    def wait_for_events(self, count, *kinds, patience=PATIENCE, **fields):
        return wait_until(lambda: (lambda e: e if len(e) >= count else None)(self.events(*kinds, **fields)),
                          f"{count} events {kinds} {fields}", patience)

    def close(self, show_logs):
        for program in self.programs:
            program.kill()
        if show_logs:
            for program in self.programs:
                print(f"--- {program.name} (exit {program.process.returncode})", file=sys.stderr)
                print(program.log_text()[-4000:], file=sys.stderr)
        if not os.environ.get("SLUICE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


class Case(unittest.TestCase):
    """One world a test."""

    def setUp(self):
        result = self._outcome.result
        self.failed_before = len(result.failures) + len(result.errors)
        self.world = World()
        self.addCleanup(self.end_world)  # also when the rest of a test's setUp fails

    def end_world(self):
        result = self._outcome.result
        for program in self.world.programs:
            program.kill()
        found = [f"{program.name}: {line}" for program in self.world.programs
                 for line in program.log_text().splitlines() if SANITIZER.search(line)]
        failed = len(result.failures) + len(result.errors) > self.failed_before
        self.world.close(show_logs=failed or bool(found))
        self.assertEqual(found, [], "a sanitizer has found something")

    def assert_stops(self, program, within=10.0, status=0):
        start = time.monotonic()
        self.assertEqual(program.stop(within + PATIENCE), status, program.log_text()[-2000:])
        self.assertLessEqual(time.monotonic() - start, within)


def main():
    unittest.main(verbosity=2, warnings="ignore")
