"""Signatures as other people's verifiers see them: python3-dkim, Mail::DKIM and opendkim must accept
every one over the nasty set, in both canonical forms, with keys from a DNS server; and none of them
may accept a message that was changed on the way."""

import os
import pathlib
import subprocess
import unittest

import dkim_messages
import dkim_verifiers
import harness

SIGNER = os.path.join(os.path.dirname(harness.SLUICE), "dkim_signer")
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
    text = f"v=DKIM1; k={kind}; p=" + base64_of(raw)
    return ",".join(text[at:at + 200] for at in range(0, len(text), 200))


def base64_of(octets):
    return subprocess.run(["base64", "-w0"], input=octets, check=True,
                          stdout=subprocess.PIPE).stdout.decode()


class Dkim(harness.Case):
    def setUp(self):
        super().setUp()
        folder = self.world.folder
        self.keys = {"rsa": folder / "rsa.pem", "ed25519": folder / "ed25519.pem"}
        harness.run("openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048",
                    "-out", self.keys["rsa"], check=0)
        harness.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", self.keys["ed25519"], check=0)
        self.dns = self.world.dns(options=[
            f"--txt-record={kind}._domainkey.{dkim_messages.DOMAIN},{record(key, kind)}"
            for kind, key in self.keys.items()])
        self.opendkim = dkim_verifiers.OpenDkim(self.world, self.dns.port)

    def sign(self, messages):
        """Signs {name: octets}; the signed files, by canonical form."""
        source = self.world.folder / "in"
        source.mkdir()
        for name, octets in messages.items():
            (source / name).write_bytes(octets)
        signed = self.world.folder / "signed"
        harness.run(SIGNER, source, signed, dkim_messages.DOMAIN,
                    *[f"{selector}={key}" for selector, key in self.keys.items()], check=0)
        return {form: [signed / form / name for name in messages] for form in ("simple", "relaxed")}

    def verdicts(self, files):
        return {"python3-dkim": dkim_verifiers.python_dkim(files, self.dns.port),
                "Mail::DKIM": dkim_verifiers.mail_dkim(files, self.dns.port),
                "opendkim": self.opendkim.verify(files)}

    def test_every_signature_over_the_nasty_set_is_accepted_by_three_verifiers(self):
        messages = dict(dkim_messages.messages())
        self.assertGreaterEqual(len(messages), 100)
        for form, files in self.sign(messages).items():
            for verifier, results in self.verdicts(files).items():
                wanted = {}
                for name in messages:
                    if name in EXCEPTIONS.get(verifier, ()):
                        results.pop((name, "rsa"), None)
                        results.pop((name, "ed25519"), None)
                        continue
                    wanted[name, "rsa"] = "pass"
                    wanted[name, "ed25519"] = UNKNOWN_TO_MAIL_DKIM if verifier == "Mail::DKIM" else "pass"
                wrong = {key: results.get(key) for key in wanted if results.get(key) != wanted[key]}
                self.assertEqual(wrong, {}, f"{verifier}, {form}")
                self.assertEqual(set(results), set(wanted), f"{verifier}, {form}")

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
        for form, (file,) in self.sign({"plain": plain}).items():
            signed = file.read_bytes()
            files = []
            for name, change in changes.items():
                files.append(pathlib.Path(file.parent, f"{name}"))
                files[-1].write_bytes(change(signed))
            for verifier, results in self.verdicts(files).items():
                self.assertEqual(len(results), 2 * len(changes))
                passed = {name for (name, _), result in results.items() if result == "pass"}
                self.assertEqual(passed, {"unchanged", "received"}, f"{verifier}, {form}")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
