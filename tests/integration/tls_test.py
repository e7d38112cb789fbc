#!/usr/bin/env python3
"""The way out under DANE and MTA-STS: a signed zone (knot), a validating resolver (unbound), policy hosts
(nginx) with certificates of a CA of our own. Every policy is met by real DNS, real HTTPS, real TLS."""

import smtplib

import harness

DAYS = "30"


class Ca:
    """A certificate authority, and what it issues."""

    def __init__(self, world):
        self.folder = world.folder
        self.cert, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        harness.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-keyout", self.key, "-out", self.cert, "-days", DAYS, "-subj", "/CN=Test CA",
                    check=0)

    def issue(self, name, *hosts):
        """NAME.pem: the certificate and the CA's behind it."""
        cert, key, request = (self.folder / f"{name}{end}" for end in (".pem", ".key", ".csr"))
        harness.run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", request, "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=" + ",".join(f"DNS:{h}" for h in hosts), check=0)
        harness.run("openssl", "x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                    "-CAcreateserial", "-days", DAYS, "-copy_extensions", "copy", "-out", cert, check=0)
        cert.write_text(cert.read_text() + self.cert.read_text())
        return cert, key

    @staticmethod
    def digest(cert):
        """SHA-256 over the first certificate of a file."""
        done = harness.run("openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256", check=0)
        return done.stdout.strip().split("=")[1].replace(":", "").lower()


class Knot(harness.Program):
    """knotd, serving zones given as text; those named in `signed` are signed by itself."""

    def __init__(self, world, zones, signed):
        self.port = harness.free_port()
        folder = world.folder / "knot"
        folder.mkdir()
        lines = ["server:", f"  listen: 127.0.0.1@{self.port}", f"  rundir: {folder}",
                 "log:", "  - target: stderr", "    any: info", "database:", f"  storage: {folder}",
                 "policy:", "  - id: test", "    algorithm: ecdsap256sha256", "zone:"]
        for zone, text in zones.items():
            (folder / f"{zone}.zone").write_text(
                f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{text}")
            lines += [f"  - domain: {zone}", f"    file: {folder}/{zone}.zone", "    zonefile-sync: -1",
                      "    journal-content: none", "    dnssec-policy: test",
                      f"    dnssec-signing: {'on' if zone in signed else 'off'}"]
        (folder / "knot.conf").write_text("\n".join(lines) + "\n")
        super().__init__(world, "knot", [harness.find_program("knotd"), "-c", folder / "knot.conf"])
        self.anchors = [harness.wait_until(lambda z=zone: self.anchor(z), f"{zone} is signed") for zone in signed]

    def anchor(self, zone):
        done = harness.run("kdig", "@127.0.0.1", "-p", str(self.port), zone, "DNSKEY", "+short", "+tcp")
        keys = [line for line in done.stdout.splitlines() if line.startswith("257 ")]
        return f"{zone}. DNSKEY {keys[0]}" if keys else None


class Unbound(harness.Program):
    """A validating resolver that asks the knot for everything below test. and knows its keys."""

    def __init__(self, world, knot, anchors=()):
        self.port = harness.free_port()
        config = world.folder / "unbound.conf"
        config.write_text("\n".join([
            "server:", f"  interface: 127.0.0.1@{self.port}", '  chroot: ""', '  username: ""', '  pidfile: ""',
            f'  directory: "{world.folder}"', "  use-syslog: no", "  verbosity: 1", "  do-not-query-localhost: no",
            "  do-ip6: no", '  local-zone: "test." nodefault', '  module-config: "validator iterator"',
            *(f'  trust-anchor: "{anchor}"' for anchor in [*knot.anchors, *anchors]),
            "remote-control:", "  control-enable: no", "stub-zone:", '  name: "test."',
            f"  stub-addr: 127.0.0.1@{knot.port}", "  stub-prime: no", ""]))
        super().__init__(world, "unbound", [harness.find_program("unbound"), "-d", "-p", "-c", config])
        harness.wait_until(lambda: harness.accepts_connections(self.port), "unbound answers")


class Nginx(harness.Program):
    """Serves www/HOST/.well-known/mta-sts.txt over TLS."""

    def __init__(self, world, cert, key):
        self.folder = world.folder / "www"
        self.port = harness.free_port()
        config = world.folder / "nginx.conf"
        kept = "".join(f"{kind}_temp_path {world.folder}/nginx-{kind};\n"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(
            f"daemon off;\nmaster_process off;\npid {world.folder}/nginx.pid;\nerror_log stderr;\n"
            f"events {{}}\nhttp {{\naccess_log off;\ndefault_type text/plain;\n{kept}"
            f"server {{\nlisten 127.0.0.1:{self.port} ssl;\nssl_certificate {cert};\nssl_certificate_key {key};\n"
            f"root {self.folder}/$host;\n}}\n}}\n")
        super().__init__(world, "nginx", [harness.find_program("nginx"), "-e", "stderr", "-p", world.folder, "-c", config])
        harness.wait_until(lambda: harness.accepts_connections(self.port), "nginx answers")

    def publish(self, domain, mode, *mx):
        path = self.folder / f"mta-sts.{domain}" / ".well-known" / "mta-sts.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"version: STSv1\nmode: {mode}\nmax_age: 86400\n" + "".join(f"mx: {m}\n" for m in mx))


class Tls(harness.Case):
    def send(self, config, *recipients):
        with smtplib.SMTP("127.0.0.1", config.plain, timeout=60) as client:
            for recipient in recipients:
                client.sendmail("shop@sender.test", [recipient], "Subject: x\n\nx\n")

    def sink_on(self, cert, key, addresses):
        """One sink on the same port of several loopback addresses."""
        port = harness.free_port()
        listen = [word for address in addresses for word in ("--listen", f"{address}:{port}")]
        sink = self.world.sink("--starttls", str(cert), str(key), *listen)
        sink.port = port
        return sink

    def verdicts(self, count):
        """By recipient: event, reason, policy, what was verified. The first event of each."""
        seen = {}

        def all_there():
            for e in self.world.events("delivered", "deferred", "bounced"):
                seen.setdefault(e["recipient"].split("@")[1], (
                    e["event"], e.get("reason", ""), e.get("tls_policy", ""), e.get("tls_verified", "")))
            return len(seen) >= count
        harness.wait_until(all_there, f"{count} verdicts, have {seen}")
        return seen

    def test_dane_by_a_signed_zone_and_a_validating_resolver(self):
        ca = Ca(self.world)
        cert, key = ca.issue("mx", "mx-ta.dane.test")
        good = f"3 0 1 {ca.digest(cert)}"
        wrong = "3 1 1 " + "00" * 32
        hosts = {  # name: (address, TLSA)
            "mx-good": ("127.0.0.2", good), "mx-ta": ("127.0.0.3", f"2 0 1 {ca.digest(ca.cert)}"),
            "mx-wrong": ("127.0.0.4", wrong), "mx-unusable": ("127.0.0.5", f"1 0 1 {ca.digest(cert)}"),
            "mx-bogus": ("127.0.0.6", good), "mx-none": ("127.0.0.7", None),
            "mx-ta-name": ("127.0.0.9", f"2 0 1 {ca.digest(ca.cert)}")}
        sink = self.sink_on(cert, key, [address for address, _ in hosts.values()] + ["127.0.0.8"])

        def zone(entries):
            text = ""
            for name, (address, tlsa) in entries.items():
                text += f"{name} A {address}\n{name[3:]} MX 10 {name}\n"
                text += f"_{sink.port}._tcp.{name} TLSA {tlsa}\n" if tlsa else ""
            return text
        knot = Knot(self.world, {
            "dane.test": zone(hosts) + "aliased MX 10 alias\nalias CNAME mx-good\n",
            "plain.test": zone({"mx-unsigned": ("127.0.0.8", wrong)})}, signed=["dane.test"])
        # A key that no answer will ever match: whatever lies below is bogus.
        dns = Unbound(self.world, knot, [f"_tcp.mx-bogus.dane.test. DS 1 13 2 {'ab' * 32}"])
        config = self.world.config(sink=sink, dns=dns, gaps=("10m",), extra="[tls]\nmta_sts = false\n")
        config.replace("allow_special = true", "allow_special = true\ntrusted = true")
        self.world.engine(config)
        domains = [f"{name[3:]}.dane.test" for name in hosts] + ["aliased.dane.test", "unsigned.plain.test"]
        self.send(config, *(f"a@{domain}" for domain in domains))
        self.assertEqual(self.verdicts(len(domains)), {
            "good.dane.test": ("delivered", "", "dane", "dane-ee"),
            "ta.dane.test": ("delivered", "", "dane", "dane-ta"),
            "wrong.dane.test": ("deferred", "tls_failed", "dane", ""),
            "unusable.dane.test": ("delivered", "", "dane-unusable", ""),
            "bogus.dane.test": ("deferred", "tls_policy", "dane", ""),
            "none.dane.test": ("delivered", "", "opportunistic", ""),
            "ta-name.dane.test": ("deferred", "tls_failed", "dane", ""),
            "aliased.dane.test": ("delivered", "", "dane", "dane-ee"),
            "unsigned.plain.test": ("delivered", "", "opportunistic", "")})
        self.assertEqual(len(sink.messages()), 6)

    def sts_world(self):
        ca = Ca(self.world)
        cert, key = ca.issue("mx", "mx.shared.test")
        domains = ["enforce.test", "elsewhere.test", "testing.test", "none.test", "badname.test"]
        web = Nginx(self.world, *ca.issue("web", *(f"mta-sts.{d}" for d in [*domains, "dead.test"])))
        web.publish("enforce.test", "enforce", "*.shared.test")
        web.publish("elsewhere.test", "enforce", "mx.elsewhere.test")
        web.publish("testing.test", "testing", "mx.elsewhere.test")
        web.publish("none.test", "none")
        web.publish("badname.test", "enforce", "mx.badname.test")
        sink = self.sink_on(cert, key, ["127.0.0.2", "127.0.0.3"])
        mx = [(d, "mx.shared.test", 10) for d in [*domains[:4], "lax.test", "dead.test"]]
        dns = self.world.dns(
            mx=[*mx, ("badname.test", "mx.badname.test", 10)],
            hosts=[("mx.shared.test", "127.0.0.2"), ("mx.badname.test", "127.0.0.3"),
                   *((f"mta-sts.{d}", "127.0.0.1") for d in domains)],
            options=[f"--txt-record=_mta-sts.{d},v=STSv1; id=1;" for d in [*domains, "dead.test"]])
        config = self.world.config(sink=sink, dns=dns, gaps=("10m",), extra=(
            f'[tls]\nca_file = "ca.pem"\nmta_sts_port = {web.port}\n'))
        return config, sink, web, [*domains, "lax.test", "dead.test"]

    def test_mta_sts_by_a_policy_host_and_domains_that_share_their_mx(self):
        config, sink, _, domains = self.sts_world()
        self.world.engine(config)
        self.send(config, *(f"a@{domain}" for domain in domains))
        expected = {
            "enforce.test": ("delivered", "", "mta-sts", "pkix"),
            "elsewhere.test": ("deferred", "tls_policy", "mta-sts", ""),
            "testing.test": ("delivered", "", "mta-sts-testing"),
            "none.test": ("delivered", "", "opportunistic"),
            "badname.test": ("deferred", "tls_failed", "mta-sts", ""),
            "lax.test": ("delivered", "", "opportunistic"),
            "dead.test": ("delivered", "", "opportunistic")}
        seen = self.verdicts(len(domains))
        # What a warm connection had verified for another domain's sake is told as well.
        self.assertEqual({d: v[:len(expected[d])] for d, v in seen.items()}, expected)
        self.assertTrue(seen["testing.test"][3].startswith("failed: "), seen)
        self.assertEqual(len(sink.messages()), 5)

    def test_a_policy_outlives_its_host_and_our_restart(self):
        config, sink, web, _ = self.sts_world()
        engine = self.world.engine(config)
        self.send(config, "a@enforce.test", "a@badname.test")
        self.verdicts(2)
        harness.wait_until(lambda: len(list((self.world.folder / "queue" / "mta-sts").glob("*.policy"))) >= 2,
                           "both policies are on disk")
        self.assertEqual(engine.stop(), 0)
        web.kill()
        self.world.engine(config)
        self.send(config, "b@enforce.test", "b@badname.test")
        delivered, = self.world.wait_for_events(1, "delivered", recipient="b@enforce.test")
        self.assertEqual((delivered["tls_policy"], delivered["tls_verified"]), ("mta-sts", "pkix"))
        deferred, = self.world.wait_for_events(1, "deferred", recipient="b@badname.test")
        self.assertEqual((deferred["reason"], deferred["tls_policy"]), ("tls_failed", "mta-sts"))
        self.assertEqual(len(sink.messages()), 2)


if __name__ == "__main__":
    harness.main()
