#!/usr/bin/env python3
"""Certificates on both sides of submission: which one a client is shown, and clients that log in by
one of their own. Real clients; hostile ones get no further than those without a certificate.
"""

import contextlib
import os
import re
import smtplib
import socket
import ssl
import struct

import harness
from harness import PASSWORD, run

MESSAGE = "From: Shop <shop@sender.test>\nTo: a@one.test\nSubject: certificates\n\ntext\n"


class Authority:
    """A CA made by openssl, which issues certificates into the world's folder."""

    def __init__(self, world, name="ca"):
        self.world, self.name = world, name
        self.cert, self.key = world.folder / f"{name}.pem", world.folder / f"{name}-key.pem"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self.key, "-out", self.cert, "-days", "30", "-subj", f"/CN={name}", check=0)

    def issue(self, name, host, days=30):
        folder = self.world.folder
        cert, key, request = (folder / f"{name}{end}" for end in (".pem", "-key.pem", ".csr"))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}", check=0)
        extensions = folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=DNS:{host}\n")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
            "-days", str(days), "-extfile", extensions, "-out", cert, check=0)
        return cert, key


def fingerprint(cert):
    return run("openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256", check=0).stdout.split("=")[1].strip()


class Case(harness.Case):
    listener = ""
    users = ""

    def setUp(self):
        super().setUp()
        self.sink = self.world.sink()
        self.prepare()
        self.config = self.world.config(sink=self.sink, extra=self.users)
        # The clear-text listener takes none of these keys.
        text = self.config.path.read_text()
        self.config.path.write_text(re.sub(r'(tls = "(starttls|implicit)"\n)', r"\1" + self.listener, text))
        self.engine = self.world.engine(self.config)

    def prepare(self):
        pass

    def context(self, cert=None, cafile=None):
        context = ssl.create_default_context(cafile=cafile or self.world.cert)
        if cert:
            context.load_cert_chain(*cert)
        return context

    def smtp(self, cert=None):
        client = smtplib.SMTP("localhost", self.config.starttls, timeout=30)
        client.starttls(context=self.context(cert))
        return client

    def send(self, client):
        return client.sendmail("shop@sender.test", ["a@one.test"], MESSAGE)

    def accepted_users(self, count):
        return [e.get("user") for e in self.world.wait_for_events(count, "accepted")]

    def reload(self):
        count = self.engine.log_text().count("configuration reloaded")
        harness.sluice("reload", "-c", self.config.path, check=0)
        harness.wait_until(lambda: self.engine.log_text().count("configuration reloaded") > count, "it is reloaded")


class ServerNames(Case):
    """Several certificates on one listener."""

    def prepare(self):
        self.shop = self.world.make_certificate("shop", "smtp.shop.test")
        self.wild = self.world.make_certificate("wild", "*.wild.test")
        self.listener = ('certificates = [{ cert = "shop.pem", key = "shop-key.pem" }, '
                         '{ cert = "wild.pem", key = "wild-key.pem" }]\n')

    def shown(self, *options):
        """The subject of the certificate that openssl is shown."""
        done = run("openssl", "s_client", "-connect", f"127.0.0.1:{self.config.implicit}", *options, input="QUIT\n")
        return re.search(r"subject=CN ?= ?(\S+)", done.stdout).group(1)

    def test_openssl_is_shown_the_certificate_for_the_name(self):
        for name, subject in (("mta.test", "mta.test"), ("smtp.shop.test", "smtp.shop.test"),
                              ("SMTP.Shop.Test", "smtp.shop.test"), ("a.wild.test", "*.wild.test"),
                              ("a.b.wild.test", "mta.test"), ("nobody.test", "mta.test")):
            self.assertEqual(self.shown("-servername", name), subject, name)
        self.assertEqual(self.shown("-noservername"), "mta.test")
        self.assertEqual(self.shown("-tls1_2", "-servername", "a.wild.test"), "*.wild.test")

    def test_python_and_curl_verify_the_name_they_asked_for(self):
        context = self.context(cafile=self.shop[0])
        with socket.create_connection(("127.0.0.1", self.config.implicit), timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="smtp.shop.test") as secured:
                self.assertTrue(secured.recv(4).startswith(b"220"))
        path = self.world.folder / "message.eml"
        path.write_text(MESSAGE)
        done = run("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", self.wild[0],
                   "--resolve", f"mail.wild.test:{self.config.starttls}:127.0.0.1",
                   f"smtp://mail.wild.test:{self.config.starttls}", "--user", f"crm:{PASSWORD}",
                   "--mail-from", "shop@sender.test", "--mail-rcpt", "a@one.test", "--upload-file", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.sink.wait_for(1)

    def test_a_changed_certificate_is_used_though_another_is_broken(self):
        before = self.shown("-servername", "a.wild.test", "-showcerts")
        self.assertEqual(before, "*.wild.test")
        (self.world.folder / "shop-key.pem").write_text("no key\n")
        cert, key = self.world.make_certificate("new", "*.new.test")
        os.replace(key, self.wild[1])
        os.replace(cert, self.wild[0])
        harness.wait_until(lambda: self.shown("-servername", "a.new.test") == "*.new.test", "the new one is shown")
        self.assertEqual(self.shown("-servername", "smtp.shop.test"), "smtp.shop.test")
        self.assertIn("those in force stay", self.engine.log_text())
        self.assertIn("shop-key.pem", self.engine.log_text())

    def test_check_names_what_is_wrong(self):
        self.world.make_certificate("wild", "mta.test")
        done = harness.sluice("check", "-c", self.config.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"warning: .*wild\.pem: .*never shown")
        self.shop[1].write_text(self.wild[1].read_text())
        done = harness.sluice("check", "-c", self.config.path)
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"shop-key\.pem: this key does not belong to the certificate")
        self.shop[1].unlink()
        done = harness.sluice("check", "-c", self.config.path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("listener[1].certificates[0].key: cannot read", done.stderr)

    @staticmethod
    def hello_for(name):
        """A ClientHello that asks for these octets."""
        marker = "x" * 20 + ".test"
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=marker)
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        hello, more = outgoing.read(), len(name) - len(marker)
        at = hello.index(marker.encode())

        def longer(octets, place, size=2):
            number = int.from_bytes(octets[place:place + size], "big") + more
            return octets[:place] + number.to_bytes(size, "big") + octets[place + size:]

        for place in (at - 2, at - 5, at - 7):  # the name, the list, the extension
            hello = longer(hello, place)
        session = 43 + 1 + hello[43]
        ciphers = session + 2 + struct.unpack_from(">H", hello, session)[0]
        hello = longer(hello, ciphers + 1 + hello[ciphers])  # all extensions
        hello = longer(longer(hello, 6, 3), 3)  # the message, the record
        return hello.replace(marker.encode(), name)

    def answer_to(self, hello):
        with socket.create_connection(("127.0.0.1", self.config.implicit), timeout=30) as client:
            client.sendall(hello)
            client.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                return client.recv(1)
        return b""

    def test_hostile_names_get_the_default_or_an_alert(self):
        for name in (b"x" * 20 + b".test", b"\xff\xfe\xfd", b"..", b"*.wild.test.", b"A" * 255, b"\r\n.test"):
            self.assertEqual(self.answer_to(self.hello_for(name)), b"\x16", name)  # a ServerHello
        for name in (b"smtp.shop.test\0.evil", b"A" * 256, b"A" * 9000):
            self.assertEqual(self.answer_to(self.hello_for(name)), b"\x15", name)  # an alert
        self.assertEqual(self.shown("-servername", "smtp.shop.test"), "smtp.shop.test")


class ClientCertificates(Case):
    """Logins by certificate."""

    def prepare(self):
        self.ca, self.other_ca = Authority(self.world), Authority(self.world, "otherca")
        self.named = self.ca.issue("named", "client.shop.test")
        self.printed = self.world.make_certificate("printed", "printed.test")  # signed by itself
        self.listener = 'client_certificates = "optional"\nclient_ca = "ca.pem"\n'
        self.users = ('[[user]]\nname = "named"\ntenant = "t1"\ncertificate_names = ["client.shop.test"]\n'
                      '[[user]]\nname = "printed"\ntenant = "t2"\n'
                      f'certificate_fingerprints = ["{fingerprint(self.printed[0])}"]\n')

    def external(self, client, response="="):
        client.ehlo_or_helo_if_needed()
        return client.docmd("AUTH", f"EXTERNAL {response}")

    def test_smtplib_logs_in_by_external_and_without_auth(self):
        for certificate in (self.named, self.printed):
            with self.smtp(certificate) as client:
                client.ehlo()
                self.assertIn("EXTERNAL", client.esmtp_features["auth"])
                self.assertEqual(self.external(client)[0], 235)
                self.assertEqual(self.send(client), {})
            with self.smtp(certificate) as client:
                self.assertEqual(self.send(client), {})
        self.assertEqual(self.accepted_users(4), ["named", "named", "printed", "printed"])
        self.assertIn(b"with ESMTPSA id", self.sink.content(self.sink.wait_for(4)[0]))

    def test_swaks_curl_and_msmtp_log_in(self):
        cert, key = self.named
        path = self.world.folder / "message.eml"
        path.write_text(MESSAGE)
        done = run("swaks", "--server", f"127.0.0.1:{self.config.starttls}", "--from", "shop@sender.test",
                   "--to", "a@one.test", "--data", f"@{path}", "--timeout", "30", "--tls", "--tls-cert", cert,
                   "--tls-key", key)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("PLAIN LOGIN EXTERNAL", done.stdout)
        # curl sends EXTERNAL when it has a user and no password.
        for extra in ((), ("--user", "named:", "--login-options", "AUTH=EXTERNAL")):
            done = run("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", self.world.cert, "--cert", cert,
                       "--key", key, f"smtps://localhost:{self.config.implicit}/curl.test", *extra, "--mail-from",
                       "shop@sender.test", "--mail-rcpt", "a@one.test", "--crlf", "--upload-file", path)
            self.assertEqual(done.returncode, 0, done.stderr)
        settings = self.world.folder / "msmtprc"
        settings.write_text(f"defaults\ntls on\ntls_trust_file {self.world.cert}\ntls_cert_file {cert}\n"
                            f"tls_key_file {key}\nfrom shop@sender.test\nhost localhost\n"
                            f"account external\nport {self.config.starttls}\nauth external\nuser named\n"
                            f"account silent\nport {self.config.implicit}\ntls_starttls off\nauth off\n")
        settings.chmod(0o600)
        for account in ("external", "silent"):
            done = run("msmtp", f"--file={settings}", "-a", account, "a@one.test", input=MESSAGE)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.accepted_users(5), ["named"] * 5)

    def refused(self, certificate, why, response="="):
        with self.smtp(certificate) as client:
            client.ehlo()
            code, text = self.external(client, response)
            self.assertEqual(code, 535)
            self.assertIn(why, text.decode())
            if response == "=":
                self.assertNotIn("EXTERNAL", client.esmtp_features["auth"])
                with self.assertRaises(smtplib.SMTPSenderRefused) as raised:
                    self.send(client)
                self.assertEqual(raised.exception.smtp_code, 530)
            client.login("crm", PASSWORD)
            self.assertEqual(self.send(client), {})

    def test_hostile_certificates_are_no_login_and_the_reason_is_said(self):
        self.refused(None, "No client certificate was shown")
        self.refused(self.world.make_certificate("selfmade", "client.shop.test"), "self-signed certificate")
        self.refused(self.other_ca.issue("foreign", "client.shop.test"), "unable to get local issuer")
        self.refused(self.ca.issue("expired", "client.shop.test", days=-1), "certificate has expired")
        self.refused(self.ca.issue("unknown", "other.shop.test"), "belongs to no user")
        self.refused(self.named, "another user", response="cHJpbnRlZA==")  # "printed"
        self.assertEqual(self.accepted_users(6), ["crm"] * 6)

    def test_failures_count_as_those_of_passwords_do(self):
        with contextlib.ExitStack() as stack:
            codes = []
            for _ in range(3):
                client = stack.enter_context(contextlib.closing(self.smtp()))
                for _ in range(8):
                    codes.append(self.external(client)[0])
                    if codes[-1] == 421:
                        return self.assertEqual(codes[:10], [535] * 10)
        self.fail(f"no end to it: {codes}")

    def test_a_session_is_resumed_and_a_user_that_is_unbound_logs_in_no_more(self):
        context = self.context(self.named)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # Python gets a 1.3 ticket only with the first data

        def connect(session):
            plain = socket.create_connection(("localhost", self.config.implicit), timeout=30)
            return context.wrap_socket(plain, server_hostname="localhost", session=session)

        def ask(secured):
            talk = secured.makefile("rwb", buffering=0)
            self.assertTrue(talk.readline().startswith(b"220"))
            talk.write(b"EHLO c\r\n")
            said, line = b"", talk.readline()
            while line[3:4] == b"-":
                said += line
                line = talk.readline()
            talk.write(b"AUTH EXTERNAL =\r\n")
            return talk, said, talk.readline()

        with connect(None) as first:
            self.assertTrue(ask(first)[2].startswith(b"235"))
            session = first.session
        with connect(session) as second:
            self.assertTrue(second.session_reused)
            talk, said, answer = ask(second)
            self.assertIn(b"EXTERNAL", said)
            self.assertTrue(answer.startswith(b"235"), answer)
            self.config.replace('certificate_names = ["client.shop.test"]', 'certificate_names = ["new.shop.test"]')
            self.reload()
            self.assertTrue(talk.readline().startswith(b"421 4.7.0"))
        with connect(session) as third:
            self.assertFalse(third.session_reused)
            _, said, answer = ask(third)
            self.assertNotIn(b"EXTERNAL", said)
            self.assertTrue(answer.startswith(b"535"), answer)

    def test_a_required_certificate_is_demanded_in_words(self):
        text = self.config.path.read_text().replace('client_certificates = "optional"', 'client_certificates = "required"')
        self.config.path.write_text(text)
        self.reload()
        with self.smtp(self.named) as client:
            self.assertEqual(self.send(client), {})
        for certificate, why in ((None, "No client certificate"), (self.other_ca.issue("x", "x.test"), "does not verify")):
            context = self.context(certificate)
            with self.assertRaises(smtplib.SMTPConnectError) as raised:
                smtplib.SMTP_SSL("localhost", self.config.implicit, timeout=30, context=context)
            self.assertEqual(raised.exception.smtp_code, 421)
            self.assertIn(why, raised.exception.smtp_error.decode())
        with contextlib.closing(smtplib.SMTP("localhost", self.config.starttls, timeout=30)) as client:
            client.ehlo()
            self.assertEqual(client.docmd("MAIL", "FROM:<a@b.test>")[0], 530)

    def test_openssl_shows_that_it_is_asked(self):
        done = run("openssl", "s_client", "-connect", f"127.0.0.1:{self.config.implicit}", "-cert", self.named[0],
                   "-key", self.named[1], "-quiet", "-ign_eof", input="EHLO c\r\nAUTH EXTERNAL =\r\nQUIT\r\n")
        self.assertIn("235 2.7.0", done.stdout)
        done = run("openssl", "s_client", "-connect", f"127.0.0.1:{self.config.implicit}", input="QUIT\r\n")
        self.assertIn("No client certificate CA names sent", done.stdout)


if __name__ == "__main__":
    harness.main()
