"""Three DKIM verifiers of other people's making: python3-dkim, Mail::DKIM and opendkim.

Each takes files of whole messages and gives {(file name, selector): "pass" or why not} for every
signature of `DOMAIN` in them. They ask the DNS server at the given port of 127.0.0.1 for the keys.
Debian's Mail::DKIM knows no Ed25519: it says "unsupported algorithm".
"""

import pathlib
import re
import socket
import struct

from dkim_messages import DOMAIN
from harness import PATIENCE, Program, find_program, run, wait_until

HERE = pathlib.Path(__file__).resolve().parent


def parsed(output):
    """Lines of "file TAB selector TAB result"."""
    return {(name, selector): result for name, selector, result in
            (line.split("\t") for line in output.splitlines())}


def python_dkim(files, dns_port, domain=DOMAIN):
    # Debian's python3, where its module is; another python may come first in the path.
    python = "/usr/bin/python3"
    return parsed(run(python, HERE / "dkim_verify.py", domain, dns_port, *files, check=0).stdout)


def mail_dkim(files, dns_port):
    return parsed(run("perl", HERE / "dkim_verify.pl", DOMAIN, dns_port, *files, check=0).stdout)


class OpenDkim(Program):
    """The daemon, fed by the milter protocol as an MTA feeds it, white space behind the colon included."""

    def __init__(self, world, dns_port):
        self.socket = world.folder / "opendkim.sock"
        resolver = world.folder / "opendkim-unbound.conf"
        # Its unbound takes test. for a name that cannot exist.
        resolver.write_text('server:\n  do-not-query-localhost: no\n  local-zone: "test." nodefault\n'
                            f'forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{dns_port}\n')
        config = world.folder / "opendkim.conf"
        config.write_text("Mode v\nSyslog no\nAuthservID verifier\nAlwaysAddARHeader yes\n"
                          "InternalHosts file:/dev/null\nExternalIgnoreList file:/dev/null\n"
                          f"ResolverConfiguration {resolver}\n")
        super().__init__(world, "opendkim", [find_program("opendkim"), "-f", "-x", config,
                                             "-p", f"local:{self.socket}"])
        wait_until(self.socket.exists, "opendkim listens")

    def verify(self, files):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            wait_until(lambda: connection.connect_ex(str(self.socket)) == 0, "opendkim answers")
            milter = Milter(connection)
            found = {}
            for file in files:
                for method, selector in milter.results(pathlib.Path(file).read_bytes()):
                    found[pathlib.Path(file).name, selector] = method
        return found


class Milter:
    """The MTA's side of Sendmail's milter protocol, version 6: as much as verification takes."""

    LEADING_SPACE = 0x100000  # SMFIP_HDR_LEADSPC

    def __init__(self, connection):
        self.connection = connection
        self.stream = connection.makefile("rb")
        self.send(b"O", struct.pack(">III", 6, 0x1ff, 0x1fffff))
        code, options = self.read()
        assert code == b"O", code
        self.protocol = struct.unpack(">III", options[:12])[2]
        assert self.protocol & self.LEADING_SPACE
        self.ask(b"C", b"client.test\0" + b"4" + struct.pack(">H", 25) + b"192.0.2.1\0", 0x1, 0x1000)
        self.ask(b"H", b"client.test\0", 0x2, 0x2000)

    def send(self, code, data=b""):
        self.connection.sendall(struct.pack(">I", len(data) + 1) + code + data)

    def read(self):
        length, = struct.unpack(">I", self.stream.read(4))
        packet = self.stream.read(length)
        return packet[:1], packet[1:]

    def ask(self, code, data, unwanted, unanswered):
        """One step, unless the filter does not want it; its answer, unless it gives none."""
        if self.protocol & unwanted:
            return
        self.send(code, data)
        if not self.protocol & unanswered:
            answer, _ = self.read()
            assert answer == b"c", (code, answer)

    def results(self, message):
        """(result, selector) of every signature of the domain in one message."""
        header, _, body = message.partition(b"\r\n\r\n")
        self.ask(b"M", b"<sender@news.test>\0", 0x4, 0x4000)
        self.ask(b"R", b"<reader@receiver.test>\0", 0x8, 0x8000)
        for field in re.split(rb"\r\n(?![ \t])", header):
            name, value = field.split(b":", 1)
            # As an MTA does: line ends within a value are bare LF.
            self.ask(b"L", name + b"\0" + value.replace(b"\r\n", b"\n") + b"\0", 0x20, 0x80)
        self.ask(b"N", b"", 0x40, 0x40000)
        for at in range(0, len(body), 65535):
            self.ask(b"B", body[at:at + 65535], 0x10, 0x80000)
        self.send(b"E")
        text = b""
        while True:
            code, data = self.read()
            if code in b"hi":
                text += data
            if code in b"acrtd":
                break
        assert code in b"ac", code
        self.send(b"A")
        words = re.sub(r"\([^()]*\)", "", text.replace(b"\0", b" ").decode(errors="replace"))
        for found in re.finditer(r"dkim=(\w+)([^;]*?)header\.d=(\S+)[^;]*header\.s=([^\s;]+)", words):
            result, why, domain, selector = found.groups()
            if domain == DOMAIN:
                yield ("pass" if result == "pass" else f"{result}{why}"), selector
