#!/usr/bin/env python3
"""Packs a public path-validation suite into the one form that path_suites_test.cpp reads.

  pack.py limbo LIMBO.json OUT.json.gz [REVISION]
  pack.py pkits CASES.json OUT.json.gz
  pack.py bettertls EXPORT.json SUITE STEP OUT.json.gz [REVISION]

README.md says where the inputs come from. Only what the cases say is taken over: certificates and
lists once each, and per case the anchors, the others, the leaf, the moment, what is asked and the
expected answer. Private keys of test leaves are left out.
"""
import base64
import gzip
import json
import re
import sys


class Pack:
    def __init__(self, made_by, licence):
        self.out = {"made_by": made_by, "licence": licence, "objects": [], "cases": []}
        self.known = {}

    def add(self, der):
        text = base64.b64encode(der).decode()
        if text not in self.known:
            self.known[text] = len(self.out["objects"])
            self.out["objects"].append(text)
        return self.known[text]

    def pem(self, text):
        body = re.search(r"-----BEGIN [^-]+-----(.*?)-----END", text, re.S).group(1)
        return self.add(base64.b64decode(body))

    def case(self, **fields):
        self.out["cases"].append({k: v for k, v in fields.items() if v not in ([], None, "", False)
                                  or k == "valid"})

    def write(self, path):
        text = json.dumps(self.out, ensure_ascii=False, separators=(",", ":"))
        with open(path, "wb") as file:
            file.write(gzip.compress(text.encode(), 9, mtime=0))
        print(len(self.out["cases"]), "cases,", len(self.out["objects"]), "objects")


def limbo(source, out, revision=""):
    pack = Pack("x509-limbo " + revision, "Apache-2.0")
    uses = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2"}
    for case in json.load(open(source))["testcases"]:
        if case["id"].startswith("webpki::"):
            continue
        given = case["extended_key_usage"]
        kind = "serverAuth" if case["validation_kind"] == "SERVER" else "clientAuth"
        names = [case["expected_peer_name"]] if case["expected_peer_name"] else []
        names += case["expected_peer_names"]
        pack.case(
            id=case["id"],
            valid=case["expected_result"] == "SUCCESS",
            at=case["validation_time"].replace("+00:00", "Z") if case["validation_time"] else AT,
            roots=[pack.pem(x) for x in case["trusted_certs"]],
            extra=[pack.pem(x) for x in case["untrusted_intermediates"]],
            leaf=pack.pem(case["peer_certificate"]),
            crls=[pack.pem(x) for x in case["crls"]],
            revocation=bool(case["crls"]),
            usage=uses[given[0] if given else kind],
            key_usage=case["key_usage"],
            names=[x["kind"].lower() + ":" + x["value"] for x in names],
            between=case["max_chain_depth"],
            why=case["description"].split("\n\n")[0].replace("\n", " "),
        )
        if case["max_chain_depth"] == 0:
            pack.out["cases"][-1]["between"] = 0
    pack.write(out)


def pkits(source, out):
    pack = Pack("NIST PKITS 1.0.1 (2011-04-14)", "public domain (17 U.S.C. 105)")
    suite = json.load(open(source))

    def file(name):
        return pack.add(base64.b64decode(suite["files"][name]))

    for case in suite["cases"]:
        certificates = [file(x + ".crt") for x in case["certs"]]
        pack.case(
            id=case["id"] + " " + case["title"],
            valid=case["valid"],
            at="2011-04-15T00:00:00Z",
            roots=certificates[:1],
            extra=certificates[1:-1],
            leaf=certificates[-1],
            crls=[file(x + ".crl") for x in case["crls"]],
            revocation=True,
            before_rfc5280=True,
            policies=[x for x in case.get("policies", []) if x != "2.5.29.32.0"],
            explicit_policy=case.get("explicit_policy", False),
            no_mapping=case.get("no_mapping", False),
            no_any=case.get("no_any", False),
        )
    pack.write(out)


def bettertls(source, suite, step, out, revision=""):
    pack = Pack("BetterTLS " + suite + " " + revision, "Apache-2.0")
    export = json.load(open(source))
    root = pack.add(base64.b64decode(export["root"]))
    for case in export[suite]:
        if case["Id"] % int(step) != 0:
            continue
        chain = [base64.b64decode(x) for x in case["Certificates"]]
        extra = [pack.add(x) for x in chain[1:]]
        pack.case(
            id=suite + "::" + str(case["Id"]),
            valid=case["Expected"] == "ACCEPT",
            soft=case["Soft"],
            at=AT,
            roots=[root],
            extra=extra,
            leaf=pack.add(chain[0]),
            usage="1.3.6.1.5.5.7.3.1",
            names=[("ip:" if re.fullmatch(r"[0-9.]+", case["Hostname"]) else "dns:")
                   + case["Hostname"]],
            why=" ".join(case["Features"] or []),
        )
    pack.write(out)


AT = "2026-11-26T12:00:00Z"

if __name__ == "__main__":
    {"limbo": limbo, "pkits": pkits, "bettertls": bettertls}[sys.argv[1]](*sys.argv[2:])
