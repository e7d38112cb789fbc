#!/usr/bin/env python3
"""TLS reports (RFC 8460) of the whole program: deliveries that do well and badly, a restart, then the reports, by
mail to hosts whose TLS fails and by HTTPS, read with Python's own libraries."""

import email
import email.policy
import gzip
import http.server
import json
import smtplib
import ssl
import threading

import dkim_verifiers
import harness
import tls_test
from dkim_test import record


class ReportServer(http.server.HTTPServer):
    """Takes reports over HTTPS."""

    def __init__(self, cert, key):
        super().__init__(("127.0.0.1", 0), ReportHandler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.taken = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class ReportHandler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.taken.append((self.path, self.headers["Content-Type"], body))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_):
        pass


class TlsReport(harness.Case):
    def setUp(self):
        super().setUp()
        world = self.world
        ca = tls_test.Ca(world)
        cert, key = ca.issue("mx", "mx.good.test")
        policies = tls_test.Nginx(world, *ca.issue("web", "mta-sts.good.test", "mta-sts.bad.test"))
        policies.publish("good.test", "enforce", "mx.good.test")
        policies.publish("bad.test", "enforce", "mx.bad.test")
        self.web = ReportServer(*ca.issue("reports", "reports.good.test"))
        self.addCleanup(self.web.close)
        # One port, three addresses: the certificate is good for the first; the last knows no STARTTLS.
        port = harness.free_port()
        self.sink = world.sink("--starttls", str(cert), str(key), "--listen", f"127.0.0.2:{port}",
                               "--listen", f"127.0.0.3:{port}")
        self.plain = world.sink("--listen", f"127.0.0.4:{port}")
        self.sink.port = port
        self.key = world.folder / "s1.pem"
        harness.run("openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                    self.key, check=0)
        names = ["good", "bad", "plain", "silent"]
        self.dns = world.dns(
            mx=[(f"{n}.test", f"mx.{'good' if n == 'silent' else n}.test", 10) for n in names],
            hosts=[("mx.good.test", "127.0.0.2"), ("mx.bad.test", "127.0.0.3"), ("mx.plain.test", "127.0.0.4"),
                   *((f"{n}.test", "127.0.0.1") for n in ("mta-sts.good", "mta-sts.bad", "reports.good"))],
            options=[*(f"--txt-record=_mta-sts.{n}.test,v=STSv1; id=1;" for n in ("good", "bad")),
                     "--txt-record=_smtp._tls.good.test,v=TLSRPTv1; rua=https://reports.good.test:"
                     f"{self.web.server_port}/v1/tls",
                     *(f"--txt-record=_smtp._tls.{n}.test,v=TLSRPTv1; rua=mailto:tls@{n}.test"
                       for n in ("bad", "plain")),
                     f"--txt-record=s1._domainkey.mta.test,{record(self.key, 'rsa')}"])
        self.domains = [f"{n}.test" for n in names]
        self.config = world.config(sink=self.sink, dns=self.dns, gaps=("10m",), extra=(
            f'[tls]\nca_file = "ca.pem"\nmta_sts_port = {policies.port}\n'
            '[[domain]]\nname = "mta.test"\ndkim = [{ selector = "s1", key = "s1.pem" }]\n'
            '[domains]\ncheck_every = "0s"\n'
            '[tls_report]\norganization = "Test Mail"\ncontact = "ops@mta.test"\n'))

    def ask(self, *command):
        return harness.sluice("tls-report", *command, "-c", self.config.path, check=0).stdout

    def shown(self):
        return json.loads(self.ask("show", "--json"))

    def send_mail(self):
        with smtplib.SMTP("127.0.0.1", self.config.plain, timeout=60) as client:
            for domain in self.domains:
                client.sendmail("shop@mta.test", [f"a@{domain}"], "From: shop@mta.test\n\nx\n")
        self.world.wait_for_events(len(self.domains), "delivered", "deferred")

    @staticmethod
    def checked(octets, domain, policy_type, good, failures):
        """The report's one policy is as said; gives the report."""
        report = json.loads(gzip.decompress(octets))
        policy, = report["policies"]
        assert policy["policy"]["policy-type"] == policy_type, report
        assert policy["policy"]["policy-domain"] == domain, report
        assert policy["summary"] == {"total-successful-session-count": good,
                                     "total-failure-session-count": len(failures)}, report
        found = [(f["result-type"], f["receiving-mx-hostname"], f["receiving-ip"], f["sending-mta-ip"],
                  f["failed-session-count"]) for f in policy.get("failure-details", [])]
        assert found == failures, report
        assert report["organization-name"] == "Test Mail" and report["contact-info"] == "ops@mta.test", report
        return report

    def mailed(self, sink, domain):
        """The report that this sink got as mail, verified by python3-dkim; its attachment and the message."""
        found, = [m for m in sink.messages() if m["recipients"] == [f"tls@{domain}"]]
        self.assertEqual(found["sender"], "")
        content = sink.content(found)
        file = self.world.folder / f"{domain}.eml"
        file.write_bytes(content)
        verified = dkim_verifiers.python_dkim([file], self.dns.port, "mta.test")
        self.assertEqual(verified, {(f"{domain}.eml", "s1"): "pass"})
        message = email.message_from_bytes(content, policy=email.policy.default)
        attachment, = message.iter_attachments()
        self.assertEqual(attachment.get_content_type(), "application/tlsrpt+gzip")
        return attachment, message

    def test_sessions_of_two_runs_reach_those_who_ask(self):
        engine = self.world.engine(self.config)
        self.send_mail()
        self.assertEqual(engine.stop(), 0)
        engine = self.world.engine(self.config)
        self.assertEqual(self.ask("send"), "reports about 4 domains are on their way to those that ask for them: "
                                           "sluice tls-report show\n")
        harness.wait_until(lambda: self.shown()["waiting"] == 0, "no report waits any more")
        shown = self.shown()
        self.assertEqual((shown["sent"], shown["unwanted"], shown["failed"]), (3, 1, 0), shown)

        (path, kind, body), = self.web.taken
        self.assertEqual((path, kind), ("/v1/tls", "application/tlsrpt+gzip"))
        report = self.checked(body, "good.test", "sts", 1, [])
        self.assertEqual(report["policies"][0]["policy"]["policy-string"],
                         ["version: STSv1", "mode: enforce", "mx: mx.good.test", "max_age: 86400"])

        # By mail, to the very hosts whose TLS does not do.
        self.world.wait_for_events(1, "delivered", recipient="tls@bad.test")
        self.world.wait_for_events(1, "delivered", recipient="tls@plain.test")
        attachment, message = self.mailed(self.sink, "bad.test")
        report = self.checked(attachment.get_content(), "bad.test", "sts", 0, [
            ("certificate-host-mismatch", "mx.bad.test", "127.0.0.3", "127.0.0.1", 1)])
        self.assertEqual(message["TLS-Report-Domain"], "bad.test")
        self.assertEqual(message["TLS-Report-Submitter"], "mta.test")
        self.assertEqual(message["Subject"],
                         f"Report Domain: bad.test Submitter: mta.test Report-ID: <{report['report-id']}>")
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.get_param("report-type"), "tlsrpt")
        self.assertRegex(attachment.get_filename(), r"^mta\.test!bad\.test!\d+!\d+!\S+\.json\.gz$")
        attachment, _ = self.mailed(self.plain, "plain.test")
        self.checked(attachment.get_content(), "plain.test", "no-policy-found", 0, [
            ("starttls-not-supported", "mx.plain.test", "127.0.0.4", "127.0.0.1", 1)])

        # The reports' own connections are in no report, and nobody hears of them.
        self.assertIn("about 0 domains", self.ask("send"))
        self.assertEqual(engine.stop(), 0)


if __name__ == "__main__":
    harness.main()
