"""Signatures of the running engine as other people's verifiers see them: python3-dkim, Mail::DKIM and
opendkim must accept every one over the nasty set, in both canonical forms, converted to 7-bit or not,
with keys from a DNS server; and none of them may accept a message that was changed on the way."""

import socket
import subprocess
import unittest

import dkim_messages
import dkim_verifiers
import harness
from dkim_messages import DOMAIN

UNKNOWN_TO_MAIL_DKIM = "invalid (unsupported algorithm ed25519-sha256)"

# Messages that a verifier itself gets wrong.
EXCEPTIONS = {
    "python3-dkim": {"subject_space_before_colon"},  # takes it for no header at all
    "opendkim": {"subject_vertical_tab"},  # relaxed: takes VT and FF for white space, RFC 6376 does not
}


def record(key, kind):
    """The DNS record of a private key, made by openssl, in strings of at most 255 octets."""
    der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                         stdout=subprocess.PIPE).stdout
    raw = der if kind == "rsa" else der[-32:]
    base64 = subprocess.run(["base64", "-w0"], input=raw, check=True, stdout=subprocess.PIPE).stdout.decode()
    text = f"v=DKIM1; k={kind}; p={base64}"
    return ",".join(text[at:at + 200] for at in range(0, len(text), 200))


class Client:
    """As much of SMTP as it takes to hand over octets as they are: DATA for one, BDAT for the next."""

    def __init__(self, port):
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=harness.PATIENCE)
        self.stream = self.connection.makefile("rb")
        self.reply()
        self.say(b"EHLO client.test\r\n", 250)
        self.sent = 0

    def reply(self):
        while True:
            line = self.stream.readline()
            if line[3:4] != b"-":
                return int(line[:3]), line.decode().strip()

    def say(self, octets, code):
        self.connection.sendall(octets)
        got, line = self.reply()
        assert got == code, line
        return line

    def send(self, name, content, code=250):
        self.say(b"MAIL FROM:<sender@news.test> BODY=8BITMIME\r\n", 250)
        self.say(b"RCPT TO:<%s@receiver.test>\r\n" % name.encode(), 250)
        self.sent += 1
        if self.sent % 2:
            return self.say(b"BDAT %d LAST\r\n" % len(content) + content, code)
        self.say(b"DATA\r\n", 354)
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
        end = b"" if stuffed.endswith(b"\r\n") else b"\r\n"
        return self.say(stuffed + end + b".\r\n", code)


class Dkim(harness.Case):
    def setUp(self):
        super().setUp()
        folder = self.world.folder
        self.keys = {"rsa": folder / "rsa.pem", "ed25519": folder / "ed25519.pem"}
        harness.run("openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048",
                    "-out", self.keys["rsa"], check=0)
        harness.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.keys["ed25519"], check=0)
        self.dns = self.world.dns(options=[f"--txt-record={kind}._domainkey.{domain},{record(key, kind)}"
                                           for kind, key in self.keys.items() for domain in (DOMAIN, "mta.test")])
        self.opendkim = dkim_verifiers.OpenDkim(self.world, self.dns.port)

    def domain(self, name, tenant="default"):
        keys = ", ".join(f'{{ selector = "{kind}", key = "{key.name}" }}' for kind, key in self.keys.items())
        return f'[[domain]]\nname = "{name}"\ntenant = "{tenant}"\ndkim = [{keys}]\n'

    def deliver(self, messages, extra="", sink_options=()):
        """Sends {name: octets} through an engine; the files of what came out, by name."""
        sink = self.world.sink(*sink_options)
        config = self.world.config(sink=sink, extra=extra, name=f"{sink.name}.toml")
        config.replace('path = "queue"', f'path = "queue-{sink.name}"')
        config.replace('socket = "control.sock"', f'socket = "{sink.name}.sock"')
        engine = self.world.engine(config)
        client = Client(config.plain)
        for name, octets in messages.items():
            client.send(name, octets)
        files = {}
        for message in sink.wait_for(len(messages)):
            name = message["recipients"][0].split("@")[0]
            files[name] = self.world.folder / f"{sink.name}-{name}"
            files[name].write_bytes(sink.content(message))
        self.assert_stops(engine)
        return files

    def verdicts(self, files):
        return {"python3-dkim": dkim_verifiers.python_dkim(files, self.dns.port),
                "Mail::DKIM": dkim_verifiers.mail_dkim(files, self.dns.port),
                "opendkim": self.opendkim.verify(files)}

    def assert_all_pass(self, files, exceptions=EXCEPTIONS):
        self.assertGreater(len(files), 0)
        for verifier, results in self.verdicts(list(files.values())).items():
            wanted, got = {}, {}
            for name, file in files.items():
                for selector in () if name in exceptions.get(verifier, ()) else ("rsa", "ed25519"):
                    unknown = verifier == "Mail::DKIM" and selector == "ed25519"
                    wanted[name, selector] = UNKNOWN_TO_MAIL_DKIM if unknown else "pass"
                    got[name, selector] = results.get((file.name, selector))
            wrong = {key: got[key] for key in wanted if got[key] != wanted[key]}
            self.assertEqual(wrong, {}, verifier)

    def nasty(self, form, **keywords):
        messages = dict(dkim_messages.messages())
        self.assertGreaterEqual(len(messages), 100)
        rules = f'[dkim]\nheader = "{form}"\nbody = "{form}"\n'
        return self.deliver(messages, self.domain(DOMAIN) + rules, **keywords)

    def test_every_relaxed_signature_over_the_nasty_set_is_accepted_by_three_verifiers(self):
        files = self.nasty("relaxed")
        self.assertNotIn(b"Bcc:", files["control_fields"].read_bytes())
        self.assert_all_pass(files)

    def test_every_simple_signature_over_the_nasty_set_is_accepted_by_three_verifiers(self):
        self.assert_all_pass(self.nasty("simple"))

    def test_what_is_converted_for_a_receiver_is_signed_as_it_is_converted(self):
        files = self.deliver({name: octets for name, octets in dkim_messages.messages()
                              if name.startswith(("body_utf8", "body_latin1", "mime_eight_bit", "body_all", "plain"))},
                             self.domain(DOMAIN), sink_options=("--no-8bitmime",))
        self.assertEqual(len(files), 5)
        for file in files.values():
            self.assertTrue(file.read_bytes().isascii())
        self.assert_all_pass(files)

    def test_a_report_is_signed_by_the_domain_of_the_host(self):
        sink = self.world.sink("--reply", "rcpt@nobody:100:550 5.1.1 No such user here")
        config = self.world.config(sink=sink, extra=self.domain(DOMAIN) + self.domain("mta.test", "ops"))
        self.world.engine(config)
        Client(config.plain).send("nobody", dkim_messages.mail())
        report, = sink.wait_for(1)
        self.assertEqual(report["recipients"], ["sender@news.test"])
        file = self.world.folder / "report"
        file.write_bytes(sink.content(report))
        self.assertEqual(dkim_verifiers.python_dkim([file], self.dns.port, domain="mta.test"),
                         {("report", "rsa"): "pass", ("report", "ed25519"): "pass"})

    def test_no_verifier_accepts_what_was_changed_or_added_on_the_way(self):
        plain = dkim_messages.mail(extra=[b"List-Unsubscribe: <https://news.test/u>"])
        changes = {
            "unchanged": lambda m: m,
            "received": lambda m: b"Received: from a by b; Wed, 25 Nov 2026 10:00:01 +0000\r\n" + m,
            "body": lambda m: m.replace(b"Hello.", b"Hallo."),
            "body_grown": lambda m: m + b"More.\r\n",
            "subject": lambda m: m.replace(b"A plain one", b"A changed one"),
            "second_subject": lambda m: b"Subject: added\r\n" + m,
            "second_from": lambda m: b"From: forger@other.test\r\n" + m,
            "second_to": lambda m: b"To: more@other.test\r\n" + m,
            "reply_to": lambda m: b"Reply-To: forger@other.test\r\n" + m,
            "content_type": lambda m: b"Content-Type: text/html\r\n" + m,
            "unsubscribe": lambda m: b"List-Unsubscribe: <https://other.test>\r\n" + m,
            "date_gone": lambda m: m.replace(b"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\n", b""),
        }
        for form in ("simple", "relaxed"):
            rules = f'[dkim]\nheader = "{form}"\nbody = "{form}"\n'
            signed = self.deliver({"plain": plain}, self.domain(DOMAIN) + rules)["plain"].read_bytes()
            files = []
            for name, change in changes.items():
                files.append(self.world.folder / name)
                files[-1].write_bytes(change(signed))
            for verifier, results in self.verdicts(files).items():
                self.assertEqual(len(results), 2 * len(changes))
                passed = {name for (name, _), result in results.items() if result == "pass"}
                self.assertEqual(passed, {"unchanged", "received"}, f"{verifier}, {form}")


class Keys(harness.Case):
    """What becomes of keys and domains that are not in order."""

    def test_a_key_that_cannot_sign_is_refused_at_check_start_and_reload(self):
        short = self.world.folder / "short.pem"
        harness.run("openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024", "-out", short,
                    check=0)
        good = self.world.folder / "good.pem"
        harness.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", good, check=0)
        domain = ('[[domain]]\nname = "news.test"\n'
                  'dkim = [{ selector = "s1", key = "good.pem" }, { selector = "s2", key = "good.pem" }]\n')
        config = self.world.config(extra=domain, users=())
        line = config.text().split("\n").index(domain.split("\n")[2]) + 1
        engine = self.world.engine(config)
        config.replace('s2", key = "good.pem"', 's2", key = "short.pem"')
        why = f"{config.path}:{line}:8: domain[0].dkim: {short}: an RSA key of 1024 bits is too short"
        checked = harness.sluice("check", "-c", config.path, check=2)
        self.assertIn(why, checked.stderr)
        self.assertIn(why, harness.sluice("run", "-c", config.path, check=2).stderr)
        self.assertIn(why, harness.sluice("reload", "-c", config.path, check=1).stderr)
        # The keys in force stay.
        self.assertTrue(engine.running())
        self.assertIn("250", Client(config.plain).send("a", dkim_messages.mail()))

    def test_a_users_from_lies_in_his_tenants_domains_and_unsigned_bulk_is_refused(self):
        key = self.world.folder / "good.pem"
        harness.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key, check=0)
        sink = self.world.sink()
        config = self.world.config(sink=sink, extra='[[domain]]\nname = "crm.test"\ntenant = "crm"\n'
                                   'dkim = [{ selector = "s1", key = "good.pem" }]\n')
        self.world.engine(config)
        client = Client(config.plain)
        bulk = dkim_messages.mail(extra=[b"Precedence: bulk"])
        self.assertIn("451 4.7.0 There is no key to sign mail of news.test for default",
                      client.send("bulk", bulk, code=451))
        client.send("single", dkim_messages.mail())
        for reason in ("sender_refused", "unsigned"):
            alert, = self.world.wait_for_events(1, "alert", reason=reason)
            self.assertIn("news.test", alert["text"])
        message, = sink.wait_for(1)
        self.assertNotIn(b"DKIM-Signature", sink.content(message))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
