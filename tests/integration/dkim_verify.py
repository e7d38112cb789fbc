"""Verifies the signatures of a domain in files of messages by python3-dkim.

    dkim_verify.py DOMAIN DNS-PORT FILE...      prints "file TAB selector TAB result" lines
"""

import pathlib
import re
import sys

import dkim
import dns.resolver

DOMAIN, PORT, *FILES = sys.argv[1:]
resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], int(PORT)
records = {}


def text_of(name, timeout=5):
    if name not in records:
        records[name] = b"".join(resolver.resolve(name.decode(), "TXT")[0].strings)
    return records[name]


def result_of(message, index):
    try:
        return "pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=text_of) else "fail"
    except Exception as error:  # whatever it says, it is no pass
        return repr(error).replace("\t", " ")


for file in FILES:
    message = pathlib.Path(file).read_bytes()
    header = message.partition(b"\r\n\r\n")[0]
    fields = [f for f in re.split(rb"\r\n(?![ \t])", header) if f.lower().startswith(b"dkim-signature")]
    for index, field in enumerate(fields):
        tags = dict(re.findall(rb"(?:^|[;:])\s*(\w+)=([^;]*)", field))
        if tags.get(b"d", b"").decode() == DOMAIN:
            print(pathlib.Path(file).name, tags[b"s"].decode(), result_of(message, index), sep="\t")
