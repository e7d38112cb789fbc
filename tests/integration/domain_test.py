#!/usr/bin/env python3
"""Sending domains against a real DNS server that serves exactly what `sluice domain` printed.

`add` and `records` print; dnsmasq gets what was read from --zone (and, to compare, --json); `check`
finds all right. Then each record is broken in turn: that one is named, with what to do. Last the
running engine: states, alerts, and the policy for domains that are not verified.
"""

import ipaddress
import json
import re
import smtplib

import harness
from harness import run, sluice, wait_until

SOURCES = """
[[source]]
name = "one"
address = "127.0.0.2"
public_address = "203.0.113.10"
ehlo = "m1.host.test"

[[source]]
name = "six"
address = "127.0.0.3"
public_address = "2001:db8::10"
ehlo = "m2.host.test"
"""


def read_zone(text):
    """(name, type, value) of each record of a zone-file fragment."""
    records = []
    for line in text.splitlines():
        if not line or line.startswith(";"):
            continue
        name, ttl, kind, type_, value = line.split(" ", 4)
        assert ttl.isdigit() and kind == "IN" and name.endswith("."), line
        if type_ == "TXT":
            strings = re.findall(r'"((?:[^"\\]|\\.)*)"', value)
            assert all(len(s) <= 255 for s in strings), line
            value = "".join(re.sub(r"\\(.)", r"\1", s) for s in strings)
        elif type_ in ("MX", "PTR"):
            assert value.endswith("."), line
            value = value[:-1]
        records.append((name[:-1], type_, value))
    return records


def dnsmasq_options(records):
    options = ["--local=/arpa/"]
    for name, type_, value in records:
        if type_ == "TXT":
            # Its options split at commas, and a string has 255 octets.
            strings = [value[i:i + 255] for i in range(0, len(value), 255)]
            assert "," not in value and '"' not in value
            options.append(f"--txt-record={name}," + ",".join(strings))
        elif type_ == "MX":
            preference, host = value.split()
            options.append(f"--mx-host={name},{host},{preference}")
        elif type_ == "PTR":
            options.append(f"--ptr-record={name},{value}")
        else:
            # Not --host-record: that would make a reverse name as well.
            octets = ipaddress.ip_address(value).packed.hex()
            options.append(f"--dns-rr={name},{1 if type_ == 'A' else 28},{octets}")
    return options


class Domains(harness.Case):
    def setUp(self):
        super().setUp()
        self.config = self.world.config(dns=self.world.dns(), extra=SOURCES)
        self.config.replace('hostname = "mta.test"', 'hostname = "mta.host.test"')

    def command(self, *arguments, **options):
        return sluice("domain", *arguments, "-c", self.config.path, **options)

    def add(self, *arguments):
        self.command("add", "shop.test", "--return-path", "bounces.shop.test", "--ed25519", *arguments, check=0)
        return read_zone(self.command("records", "shop.test", "--zone", check=0).stdout)

    def serve(self, records):
        """The configuration's DNS server now has exactly these, at the same port."""
        self.config.dns.kill()
        self.config.dns = self.world.dns(options=dnsmasq_options(records), port=self.config.dns.port)

    def check(self, status):
        done = self.command("check", "shop.test", "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["ok"], status == 0)
        findings = report["host"]["findings"] + report["domains"][0]["findings"]
        # dnsmasq is no block list; without an inbound listener nobody takes returned mail.
        return [f for f in findings if f["result"] not in ("right", "warning") and f["role"] != "block_list"]

    def test_all_is_right_when_dns_serves_what_was_printed(self):
        before = self.config.path.read_bytes()
        records = self.add()
        after = self.config.path.read_bytes()
        self.assertTrue(after.startswith(before))
        keys = sorted((self.world.folder / "dkim").iterdir())
        self.assertEqual([k.name for k in keys], ["shop.test.s1-ed25519.pem", "shop.test.s1.pem"])
        self.assertEqual({k.stat().st_mode & 0o777 for k in keys}, {0o600})
        sluice("check", "-c", self.config.path, check=0)

        # Every format says the same.
        listed = json.loads(self.command("records", "shop.test", "--json", check=0).stdout)["records"]
        as_text = [(r["name"], r["type"], f"{r['preference']} {r['value']}" if r["type"] == "MX" else r["value"])
                   for r in listed]
        self.assertEqual(as_text, records)
        for output in (self.command("records", "shop.test", check=0).stdout,
                       self.command("records", "shop.test", "--steps", check=0).stdout):
            for record in listed:
                self.assertIn(record["value"], output)

        self.serve(records)
        self.assertEqual(self.check(0), [])
        self.assertIn("All is right", self.command("check", check=0).stdout)

        # Again: nothing is overwritten, nothing is added twice.
        again = self.command("add", "shop.test")
        self.assertEqual(again.returncode, 1, again.stderr)
        self.assertEqual(self.config.path.read_bytes().count(b"[[domain]]"), 1)
        (self.world.folder / "dkim" / "other.test.s1.pem").write_text("somebody's")
        taken = self.command("add", "other.test")
        self.assertEqual(taken.returncode, 1, taken.stderr)
        self.assertIn("other.test.s1.pem", taken.stderr)
        self.assertEqual((self.world.folder / "dkim" / "other.test.s1.pem").read_text(), "somebody's")
        self.assertNotIn(b"other.test", self.config.path.read_bytes())

    def test_each_broken_record_is_named_with_advice(self):
        records = self.add()
        printed = json.loads(self.command("records", "shop.test", "--json", check=0).stdout)["records"]
        self.assertEqual(len(printed), len(records))
        for place, (name, type_, value) in enumerate(records):
            role = printed[place]["role"]
            broken = {
                "dkim": value[:100] + "AAAA",
                "spf": "v=spf1 ip4:198.51.100.1 -all",
                "return_path_spf": "v=spf1 ip4:198.51.100.1 ip4:198.51.100.2 -all",
                "ehlo_spf": "v=spf1 ip4:198.51.100.1 -all",
                "dmarc": "v=DMARC1; p=perhaps",
                "return_path_mx": "10 mx.elsewhere.test",
                "ownership": "sluice-verify=00000000000000000000000000000000",
                "reverse_name": "static.hoster.test",
                "ehlo_address": str(ipaddress.ip_address(value) + 1) if type_ in ("A", "AAAA") else "",
                "hostname_address": None,
            }[role]
            for wrong in (None, broken):
                rest = records[:place] + records[place + 1:]
                self.serve(rest + ([(name, type_, wrong)] if wrong else []))
                found = self.check(1)
                self.assertEqual([(f["role"], f["name"]) for f in found], [(role, name)], found)
                finding = found[0]
                self.assertEqual(finding["result"], "wrong" if wrong else "missing")
                self.assertTrue(finding["advice"], finding)
                if role not in ("spf", "return_path_spf", "ehlo_spf") or not wrong:
                    self.assertIn(value, finding["publish"])
                else:
                    # What was there, and what is missing.
                    self.assertIn("ip4:198.51.100.1", finding["publish"])
                    for term in value.split()[1:-1]:
                        self.assertIn(term, finding["publish"])
                text = self.command("check", "shop.test").stdout
                self.assertIn("WRONG" if wrong else "MISSING", text)
                self.assertIn(finding["publish"], text)

    def test_the_return_path_is_followed_to_who_answers_there(self):
        sink = self.world.sink()
        inbound = harness.free_port()
        self.config.path.write_text(self.config.path.read_text() + f'''
[[listener]]
bind = ["127.0.0.1:{inbound}"]
role = "inbound"
tls = "none"
''')
        self.config.replace("allow_special = true", f"allow_special = true\nport = {inbound}")
        printed = self.add()
        hostname, = [r for r in printed if r[0] == "mta.host.test"]
        self.serve([r for r in printed if r != hostname] + [("mta.host.test", "A", "127.0.0.1")])

        def reached(status):
            findings = json.loads(self.command("check", "--json", check=status).stdout)["domains"][0]["findings"]
            return [f for f in findings if f["role"] == "return_path_reach"]

        nobody, = reached(1)
        self.assertIn(f"nothing listens at 127.0.0.1:{inbound} (mta.host.test)", nobody["found"])
        self.assertIn("[[listener]]", nobody["advice"])
        self.config.replace(f"port = {inbound}", f"port = {sink.port}")
        other, = reached(1)
        self.assertIn(f"somebody else answers at 127.0.0.1:{sink.port}", other["found"])
        self.config.replace(f"port = {sink.port}", f"port = {inbound}")
        self.config.ports.append(inbound)
        self.world.engine(self.config)
        ours, = reached(0)
        self.assertEqual(ours["result"], "right", ours)
        self.state("verified")
        self.assertEqual(self.world.events("alert", reason="return_path_unreached"), [])

    def test_reports_go_to_a_mailbox_whose_domain_agrees(self):
        self.config.path.write_text(self.config.path.read_text() + '\n[domains]\ndmarc_reports = "d@watch.test"\n')
        records = self.add()
        self.assertIn(("_dmarc.shop.test", "TXT", "v=DMARC1; p=none; rua=mailto:d@watch.test"), records)
        consent = ("shop.test._report._dmarc.watch.test", "TXT", "v=DMARC1")
        self.assertIn(consent, records)
        self.serve(records)
        self.assertEqual(self.check(0), [])
        self.serve([r for r in records if r != consent])
        found, = self.check(1)
        self.assertEqual((found["role"], found["result"], found["name"]), ("dmarc_reports", "missing", consent[0]))
        self.assertEqual(found["publish"], consent[2])

    def test_a_block_list_counts_only_when_it_proves_itself(self):
        self.config.path.write_text(self.config.path.read_text() + '\n[domains]\ndnsbl = ["bl.test"]\n')
        records = self.add()
        listing = ("10.113.0.203.bl.test", "A", "127.0.0.4")
        self.serve(records + [listing])
        self.assertEqual(self.check(0), [])  # no test points: not believed
        self.serve(records + [listing, ("2.0.0.127.bl.test", "A", "127.0.0.2")])
        report = json.loads(self.command("check", "--json").stdout)
        listed = [f for f in report["host"]["findings"] if f["result"] == "wrong"]
        self.assertEqual([f["role"] for f in listed], ["block_list"])
        self.assertIn("203.0.113.10", listed[0]["found"])

    def test_what_cannot_be_asked_is_not_green(self):
        self.add()
        self.config.dns.kill()
        found = self.check(1)
        self.assertEqual({f["result"] for f in found}, {"cannot_tell"})
        nobody = self.command("check", "nobody.test")
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("sluice domain add", nobody.stderr)
        self.assertEqual(self.command("add", "gmail.com").returncode, 1)
        self.assertEqual(self.command("add", "no domain").returncode, 2)
        self.assertEqual(sluice("domain", "records", "shop.test", "-c", "nothing.toml").returncode, 2)

    def test_spf_peer_passes_the_printed_records(self):
        """python3-spf, which shares no code with ours, lets our sources through."""
        zone = {}
        for name, type_, value in self.add():
            zone.setdefault(f"{name} {type_}", []).append(value)
        queries = [[address, f"x@{domain}", ehlo] for domain in ("shop.test", "bounces.shop.test")
                   for address, ehlo in (("203.0.113.10", "m1.host.test"), ("2001:db8::10", "m2.host.test"))]
        queries += [["203.0.113.10", "postmaster@m1.host.test", "m1.host.test"],
                    ["2001:db8::10", "postmaster@m2.host.test", "m2.host.test"]]
        peer = harness.pathlib.Path(__file__).parent.parent / "dns" / "spf_peer.py"
        done = run("/usr/bin/python3", peer, input=json.dumps({"zone": zone, "queries": queries}))
        if done.returncode == 77:
            self.skipTest("python3-spf is not installed: tools/setup installs it")
        self.assertEqual(done.stdout.split(), ["pass"] * len(queries), done.stderr)

    # --- the running engine ---

    def test_a_check_by_hand_tells_the_running_engine(self):
        records = self.add()
        self.serve([])
        self.world.engine(self.config)
        self.state("unverified")
        self.serve(records)
        self.assertIn("running engine looks at this again", self.command("check", check=0).stdout)
        self.state("verified")  # not only when its next look is due, in five minutes

    def listed(self):
        done = self.command("list", "--json", check=0)
        return {d["domain"]: d for d in json.loads(done.stdout)}

    def state(self, wanted):
        return wait_until(lambda: self.listed().get("shop.test", {}).get("state") == wanted and self.listed(),
                          f"shop.test is {wanted}")

    def send(self, sender="news@shop.test", campaign=None):
        """As the domain's tenant."""
        mark = f"X-Campaign: {campaign}\n" if campaign else ""
        with smtplib.SMTP("127.0.0.1", self.config.starttls, timeout=60) as client:
            client.starttls()
            client.login("crm", harness.PASSWORD)
            client.sendmail(sender, "a@one.test", f"From: {sender}\n{mark}Subject: x\n\nx\n")

    def test_the_engine_keeps_states_and_the_policy_counts(self):
        self.config.path.write_text(self.config.path.read_text() + '\n[domains]\nunverified = "refuse"\ncheck_every = "1s"\ndnsbl = []\n'
                                    '[engine]\nshards = 1\n')  # each shard tells once
        records = self.add()
        engine = self.world.engine(self.config)
        self.state("unverified")
        self.assertIn("DKIM key", self.listed()["shop.test"]["problem"])
        with self.assertRaises(smtplib.SMTPDataError) as refusal:
            self.send()
        self.assertEqual(refusal.exception.smtp_code, 451)
        self.assertIn(b"4.7.0 From domain shop.test is not verified", refusal.exception.smtp_error)
        self.assertIn(b"DKIM key", refusal.exception.smtp_error)  # and what is missing
        refused, = self.world.wait_for_events(1, "alert", reason="sender_refused")
        self.assertIn("user crm: 1 message was refused for its From", refused["text"])

        status = json.loads(sluice("status", "--json", "-c", self.config.path, check=0).stdout)
        self.assertEqual(status["sender_refusals"], 1)

        # The records appear: the next look finds them, without a restart or a reload.
        self.serve(records)
        self.state("verified")
        self.send()
        self.send(campaign="spring")
        status = json.loads(sluice("status", "--json", "-c", self.config.path, check=0).stdout)
        bulk, = status["bulk_rules"]
        self.assertEqual((bulk["tenant"], bulk["messages"], bulk["faulty"]), ("crm", 1, 1))
        self.assertEqual([k for k, n in bulk["faults"].items() if n], ["no_unsubscribe", "not_one_click"])
        self.assertRegex(sluice("status", "-c", self.config.path, check=0).stdout,
                         r"bulk rules +crm +1 of 1 message: 1 no_unsubscribe, 1 not_one_click")
        self.assert_stops(engine)
        saved = json.loads((self.world.folder / "queue" / "domains.json").read_text())
        self.assertEqual(saved["domains"]["shop.test"]["standing"], "verified")

        # Retired: listed, and sends no more. Warned of: sends, and the operator hears of it once.
        self.config.replace('name = "shop.test"', 'name = "shop.test"\nretired = true')
        engine = self.world.engine(self.config)
        self.assertEqual(self.listed()["shop.test"]["state"], "retired")
        with self.assertRaises(smtplib.SMTPDataError):
            self.send()
        self.config.replace("retired = true", "")
        self.config.replace('unverified = "refuse"', 'unverified = "warn"')
        self.serve(records[1:])
        self.assert_stops(engine)
        (self.world.folder / "queue" / "domains.json").unlink()
        self.world.engine(self.config)
        self.state("unverified")
        for _ in range(3):
            self.send()
        alerts = self.world.wait_for_events(1, "alert", reason="domain_unverified")
        self.assertIn("shop.test", alerts[0]["text"])
        self.send()
        self.assertEqual(len(self.world.events("alert", reason="domain_unverified")), 1)


if __name__ == "__main__":
    harness.main()
