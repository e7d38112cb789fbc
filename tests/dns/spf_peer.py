#!/usr/bin/python3
"""Evaluates SPF with python3-spf over a zone given on standard input; one verdict a line.

Input: JSON {"zone": {"NAME TYPE": [values]}, "queries": [[address, sender, helo], ...]}. Nothing is
asked of any DNS server. Exit 77: python3-spf is not installed.
"""

import ipaddress
import json
import sys

try:
    import spf
except ImportError:
    sys.exit(77)

given = json.load(sys.stdin)


def lookup(name, qtype, strict=True, timeout=None):
    name = name.rstrip(".").lower()
    found = []
    for value in given["zone"].get(f"{name} {qtype}", []):
        if value == "TIMEOUT":
            raise spf.TempError("DNS time-out")
        if qtype == "TXT":
            text = value.encode()
            value = tuple(text[i:i + 255] for i in range(0, len(text), 255))
        elif qtype == "MX":
            preference, host = value.split()
            value = (int(preference), host)
        elif qtype in ("A", "AAAA"):
            value = str(ipaddress.ip_address(value))
        found.append(((name, qtype), value))
    return found


spf.DNSLookup = lookup
for address, sender, helo in given["queries"]:
    print(spf.query(i=address, s=sender, h=helo, strict=True).check()[0])
