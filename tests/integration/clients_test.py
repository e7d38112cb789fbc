#!/usr/bin/env python3
"""Real clients hand mail in, in every way they know; the sink gets it octet for octet."""

import smtplib
import ssl

import harness
from harness import PASSWORD, run

HEADER = "From: Shop <shop@sender.test>\nTo: a@one.test\nSubject: {subject}\n\n"
# What clients and servers get wrong: dots, empty lines at the end, long lines, 8-bit text.
BODY = "first\n.\n..\n.dot\n\nlong " + "x" * 900 + "\nGr\u00fc\u00dfe\nlast\n\n\n"


class Clients(harness.Case):
    def setUp(self):
        super().setUp()
        self.sink = self.world.sink()
        self.config = self.world.config(sink=self.sink)
        self.engine = self.world.engine(self.config)

    def message(self, subject):
        path = self.world.folder / "message.eml"
        path.write_text(HEADER.format(subject=subject) + BODY, encoding="utf-8")
        return path

    def delivered_body(self, count=1):
        """The body of the last message that the sink took, with plain line ends."""
        content = self.sink.content(self.sink.wait_for(count)[-1])
        header, body = content.split(b"\r\n\r\n", 1)
        self.assertNotIn(b"\nBcc:", header)
        self.assertIn(b"Received: from ", header)
        return body.replace(b"\r\n", b"\n").decode("utf-8")

    def swaks(self, port, *options):
        return run("swaks", "--server", f"127.0.0.1:{port}", "--from", "shop@sender.test", "--to", "a@one.test",
                   "--data", f"@{self.message('swaks')}", "--timeout", "30", *options)

    def test_swaks_with_starttls_and_each_login(self):
        for count, method in enumerate(("PLAIN", "LOGIN"), 1):
            done = self.swaks(self.config.starttls, "--tls", "--auth", method, "--auth-user", "crm",
                              "--auth-password", PASSWORD)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("250 2.0.0 Ok: queued as ", done.stdout)
            self.assertEqual(self.delivered_body(count).rstrip("\n"), BODY.rstrip("\n"))

    def test_swaks_on_the_implicit_tls_port(self):
        done = self.swaks(self.config.implicit, "--tls-on-connect", "--auth", "PLAIN", "--auth-user", "crm",
                          "--auth-password", PASSWORD)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.sink.wait_for(1)

    def test_swaks_with_a_wrong_password_and_with_none(self):
        wrong = self.swaks(self.config.starttls, "--tls", "--auth", "PLAIN", "--auth-user", "crm",
                           "--auth-password", "wrong")
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("535 5.7.8", wrong.stdout)
        unknown = self.swaks(self.config.starttls, "--tls", "--auth", "PLAIN", "--auth-user", "nobody",
                             "--auth-password", PASSWORD)
        self.assertIn("535 5.7.8", unknown.stdout)
        relay = self.swaks(self.config.starttls)
        self.assertNotEqual(relay.returncode, 0)
        self.assertRegex(relay.stdout, r"\*\* 5\d\d 5\.7\.")

    def test_swaks_pipelining(self):
        done = self.swaks(self.config.starttls, "--tls", "--auth", "PLAIN", "--auth-user", "crm",
                          "--auth-password", PASSWORD, "--pipeline")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.delivered_body().rstrip("\n"), BODY.rstrip("\n"))

    def test_smtplib_sends_many_over_one_connection(self):
        context = ssl.create_default_context(cafile=self.world.cert)
        content = (HEADER.format(subject="smtplib") + BODY).encode()
        with smtplib.SMTP("localhost", self.config.starttls, timeout=30) as client:
            client.starttls(context=context)
            client.login("crm", PASSWORD)
            for _ in range(10):
                refused = client.sendmail("shop@sender.test", ["a@one.test", "b@two.test"], content)
                self.assertEqual(refused, {})
        # Two recipients of one site share a transaction, of two sites they do not: by the route
        # both lead to the sink, each as often as it was sent.
        def recipients():
            return [r for m in self.sink.messages() for r in m["recipients"]]
        harness.wait_until(lambda: len(recipients()) >= 20, "20 recipients arrived")
        self.assertEqual(sorted(recipients()), ["a@one.test"] * 10 + ["b@two.test"] * 10)
        self.assertEqual(self.delivered_body().rstrip("\n"), BODY.rstrip("\n"))

    def test_smtplib_on_the_implicit_tls_port(self):
        context = ssl.create_default_context(cafile=self.world.cert)
        with smtplib.SMTP_SSL("localhost", self.config.implicit, timeout=30, context=context) as client:
            client.login("crm", PASSWORD)
            client.sendmail("shop@sender.test", "a@one.test", HEADER.format(subject="ssl").encode() + b"x\n")
        self.sink.wait_for(1)

    def test_smtplib_sends_to_an_international_address(self):
        context = ssl.create_default_context(cafile=self.world.cert)
        with smtplib.SMTP("localhost", self.config.starttls, timeout=30) as client:
            client.starttls(context=context)
            client.login("crm", PASSWORD)
            client.sendmail("shop@sender.test", "gr\u00fc\u00dfe@one.test", "Subject: x\n\nx\n",
                            mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        self.assertEqual(self.sink.wait_for(1)[0]["recipients"], ["gr\u00fc\u00dfe@one.test"])

    def test_msmtp(self):
        settings = self.world.folder / "msmtprc"
        settings.write_text("defaults\nauth plain\ntls on\n"
                            f"tls_trust_file {self.world.cert}\nuser crm\npassword {PASSWORD}\n"
                            "from shop@sender.test\nhost localhost\n"
                            f"account starttls\nport {self.config.starttls}\ntls_starttls on\n"
                            f"account implicit\nport {self.config.implicit}\ntls_starttls off\n")
        settings.chmod(0o600)
        for count, account in enumerate(("starttls", "implicit"), 1):
            done = run("msmtp", f"--file={settings}", "-a", account, "a@one.test",
                       input=self.message("msmtp").read_text())
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.delivered_body(count).rstrip("\n"), BODY.rstrip("\n"))

    def test_curl(self):
        urls = (f"smtp://localhost:{self.config.starttls}/curl.test",
                f"smtps://localhost:{self.config.implicit}/curl.test")
        for count, url in enumerate(urls, 1):
            done = run("curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", self.world.cert, url,
                       "--mail-from", "shop@sender.test", "--mail-rcpt", "a@one.test", "--user", f"crm:{PASSWORD}",
                       "--crlf", "--upload-file", self.message("curl"))
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.delivered_body(count).rstrip("\n"), BODY.rstrip("\n"))

    def with_scram(self):
        """The user gets a SCRAM string beside the argon2id one, and nobody else is there."""
        scram = harness.sluice("user", "hash", "--scram", input=PASSWORD + "\n", check=0).stdout.strip()
        argon = self.world.password_hash()
        self.config.replace(f'password = "{argon}"', f'password = ["{argon}", "{scram}"]')
        self.assert_stops(self.engine)
        self.engine = self.world.engine(self.config)

    def test_msmtp_with_scram(self):
        self.with_scram()
        settings = self.world.folder / "msmtprc"
        for password, status in ((PASSWORD, 0), ("wrong", 77)):
            settings.write_text(f"defaults\nauth scram-sha-256\ntls on\ntls_trust_file {self.world.cert}\nuser crm\n"
                                f"password {password}\nfrom shop@sender.test\nhost localhost\n"
                                f"account default\nport {self.config.implicit}\ntls_starttls off\n")
            settings.chmod(0o600)
            done = run("msmtp", f"--file={settings}", "a@one.test", input=self.message("scram").read_text())
            self.assertEqual(done.returncode, status, done.stderr)
        self.sink.wait_for(1)

    def test_gsasl_with_scram(self):
        self.with_scram()
        for password, status in ((PASSWORD, 0), ("wrong", 1)):
            done = run("gsasl", "--client", "--smtp", "--connect", f"localhost:{self.config.starttls}",
                       "--x509-ca-file", self.world.cert, "--mechanism", "SCRAM-SHA-256", "--no-cb",
                       "--authentication-id", "crm", "--authorization-id", "", "--password", password,
                       input="QUIT\n")
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)

    def test_users_may_have_scram_or_not_and_passwords_work_with_both(self):
        self.with_scram()
        for count, method in enumerate(("PLAIN", "LOGIN"), 1):
            done = self.swaks(self.config.starttls, "--tls", "--auth", method, "--auth-user", "crm",
                              "--auth-password", PASSWORD)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("AUTH SCRAM-SHA-256 PLAIN LOGIN", done.stdout)
            self.sink.wait_for(count)

    def test_every_message_has_its_events(self):
        self.swaks(self.config.plain)
        self.world.wait_for_events(1, "delivered")
        accepted, = self.world.events("accepted")
        delivered, = self.world.events("delivered")
        for event in (accepted, delivered):
            self.assertEqual(event["recipient"], "a@one.test")
            self.assertEqual(event["sender"], "shop@sender.test")
            self.assertEqual(event["tenant"], "default")
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual(accepted["message"], delivered["message"])
        self.assertNotEqual(accepted["id"], delivered["id"])
        self.assertEqual(delivered["code"], 250)
        self.assertEqual(delivered["attempt"], 1)


if __name__ == "__main__":
    harness.main()
