#!/usr/bin/python3
"""Checks an officers' ledger, from docs/audit.md alone: it shares no code with what wrote the file.

  check_ledger.py FILE [--genesis SHA256]

Prints the first line that is wrong and why, and exits with 11; or counts, and exits with 0.
"""

import argparse
import base64
import datetime
import hashlib
import json
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

ZERO = "0" * 64
SKEW = datetime.timedelta(minutes=5)
HOUR = datetime.timedelta(hours=1)
USUAL = {
    "officer.enrol": 3, "officer.retire": 3, "policy.set": 3, "key.generate": 2, "key.generate.root": 3, "key.adopt": 3,
    "key.activate": 2, "key.suspend": 1, "key.resume": 2, "key.deactivate": 2, "key.compromise": 2, "key.destroy": 3,
    "key.backup": 2, "backup.prove": 2, "sign.root": 3, "sign.issuing": 2, "sign.trust_list": 2,
    "sign.trust_list.stop": 1, "sign.seal_maker": 2,
}
DAY, BACK, TRIES = 24 * HOUR, 48 * HOUR, 3


class Broken(Exception):
    pass


def need(fits: bool, what: str) -> None:
    if not fits:
        raise Broken(what)


def pairs(items):
    need(len({name for name, _ in items}) == len(items), "a member twice")
    return dict(items)


def canonical(value) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse(text: str) -> dict:
    value = json.loads(text, object_pairs_hook=pairs)
    need(isinstance(value, dict), "not an object")
    need(canonical(value) == text, "not the canonical text")
    return value


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def moment(text: str) -> datetime.datetime:
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.timezone.utc)


def unbase64url(text: str) -> bytes:
    octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(base64.urlsafe_b64encode(octets).rstrip(b"=").decode() == text, "not base64url")
    return octets


def signed(key, text: str, signature: bytes) -> bool:
    if len(signature) != 64:
        return False
    der = utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    try:
        key.verify(der, text.encode("utf-8"), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def changed(before: dict, after: dict) -> set:
    """The members that are not the same in both."""
    names = set(before) | set(after)
    return {name for name in names
            if name not in before or name not in after or canonical(before[name]) != canonical(after[name])}


def sooner(before, after, earliest) -> bool:
    """An end that is the same, or came, or came nearer, and is not long past."""
    if before == after:
        return True
    return after is not None and moment(after) >= earliest and (before is None or moment(after) < moment(before))


def body_stops(before: dict, after: dict, earliest) -> bool:
    old, new = before["history"], after["history"]
    if not changed(before, after) <= {"history", "expiry"} or canonical(old) != canonical(new[:len(old)]):
        return False
    standing = old[-1]["standing"]
    for step in new[len(old):]:
        leads = (standing, step["standing"]) in (("admitted", "suspended"), ("admitted", "removed"), ("suspended", "removed"))
        if not leads or sorted(step) != ["reason", "since", "standing"] or moment(step["since"]) < earliest:
            return False
        standing = step["standing"]
    return sooner(before["expiry"], after["expiry"], earliest)


def only_stops(before: dict, after: dict, earliest) -> bool:
    """Whether the second of two trust lists, without what every renewal changes, adds nothing to the first."""
    if sorted(before) != ["bodies", "domain", "entries", "intermediates", "roots", "version"]:
        return False
    if not changed(before, after) <= {"bodies", "entries"} or set(before) != set(after):
        return False
    if len(before["entries"]) != len(after["entries"]) or len(before["bodies"]) != len(after["bodies"]):
        return False
    return all(changed(a, b) <= {"until"} and sooner(a.get("until"), b.get("until"), earliest)
               for a, b in zip(before["entries"], after["entries"])) and \
        all(body_stops(a, b, earliest) for a, b in zip(before["bodies"], after["bodies"]))


def read_list(item: dict) -> dict:
    header, payload = base64.b64decode(item["content"], validate=True).decode("ascii").split(".")
    value = json.loads(unbase64url(payload), object_pairs_hook=pairs)
    told = {name: value.pop(name) for name in ("sequence", "issued", "next_update")}
    value.pop("crls", None)
    return {**told, "said": value, "header": header, "id": item["id"],
            "stable": sha256(f"{header}.{canonical(value)}")}


class Person:
    def __init__(self, value: dict):
        certificate = x509.load_der_x509_certificate(base64.b64decode(value["certificate"], validate=True))
        self.id, self.role, self.key = value["id"], value["role"], certificate.public_key()
        need(self.role in ("officer", "auditor"), "another role")
        need(isinstance(self.key, ec.EllipticCurvePublicKey) and isinstance(self.key.curve, ec.SECP256R1), "not P-256")
        self.begin, self.end = (at.replace(tzinfo=datetime.timezone.utc)
                                for at in (certificate.not_valid_before, certificate.not_valid_after))
        self.retired = False

    def may_vote(self, at) -> bool:
        return self.role == "officer" and not self.retired and self.begin <= at <= self.end

    def form(self) -> bytes:
        return self.key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def read_vote(jws: str, people: dict) -> dict:
    header_text, payload_text, signature = jws.split(".")
    vote = parse(unbase64url(payload_text).decode("utf-8"))
    need(sorted(vote) == ["at", "decision", "person", "request", "text", "v"] and vote["v"] == 1, "not a vote")
    header = parse(unbase64url(header_text).decode("utf-8"))
    need(header == {"alg": "ES256", "kid": vote["person"], "typ": "xinyin-vote"}, "another header of a vote")
    need(vote["person"] in people, "a vote of nobody")
    need(signed(people[vote["person"]].key, f"{header_text}.{payload_text}", unbase64url(signature)),
         f"the vote is not signed by {vote['person']}")
    return vote


class Ledger:
    def __init__(self):
        self.lines, self.head, self.world = 0, ZERO, ZERO
        self.people, self.policy, self.keys, self.asked = {}, {}, {}, {}
        self.signed_to = 0
        self.genesis = None
        self.list, self.unattended = None, {}

    # ---- the line itself

    def take(self, text: str) -> None:
        line = parse(text)
        members = ["at", "body", "hash", "kind", "n", "prev"] + (["sig"] if "sig" in line else []) + ["v"]
        need(sorted(line) == members and line["v"] == 1, "not a line")
        need(line["n"] == self.lines + 1, f"line {line['n']} stands in its place")
        need(line["prev"] == self.head, "it does not follow the line before it")
        bare = {name: value for name, value in line.items() if name not in ("hash", "sig")}
        need(line["hash"] == sha256(canonical(bare)), "the hash does not fit")
        if "sig" in line:
            need(any(signed(key["key"], "xinyin-ledger/1 " + line["hash"], unbase64url(line["sig"]))
                     for key in self.keys.values() if key["key"] is not None), "the line is not signed by the token")
        need((self.genesis is None) == (line["kind"] == "genesis"), "a founding stands first, and once")
        step = {"genesis": self.found, "request": self.ask, "vote": self.vote, "executing": self.execute,
                "done": self.done, "failed": self.failed, "event": self.event}.get(line["kind"])
        need(step is not None, "an unknown kind of line")
        step(line["body"], moment(line["at"]), line["hash"])
        self.lines, self.head = line["n"], line["hash"]
        if "sig" in line:
            self.signed_to = line["n"]

    # ---- who governs

    def enough(self, people: dict, policy: dict) -> None:
        present = [one for one in people.values() if not one.retired]
        need(len({one.form() for one in present}) == len(present), "two persons hold the same key")
        officers = sum(one.role == "officer" for one in present)
        most = max(policy["needed"].get(rule, usual) for rule, usual in USUAL.items())
        need(officers >= 3 and officers > most, "too few officers")

    def needs(self, rule: str) -> int:
        return self.policy["needed"].get(rule, USUAL[rule])

    def found(self, body: dict, at, line_hash: str) -> None:
        document = parse(body["document"])
        people = {one["id"]: Person(one) for one in document["people"]}
        need(len(people) == len(document["people"]), "a person stands twice")
        self.enough(people, document["policy"])
        self.genesis = sha256(body["document"])
        votes = [read_vote(jws, people) for jws in body["signatures"]]
        need(all(vote["decision"] == "found" and vote["request"] == self.genesis for vote in votes),
             "a signature under another document")
        need({vote["person"] for vote in votes} == set(people), "not everybody has signed")
        self.people, self.policy, self.world = people, document["policy"], line_hash

    # ---- how much an act needs

    def stops(self, request: dict) -> bool:
        """Whether it is for one trust list, and that one only stops somebody."""
        items = request["params"]["items"]
        if len(items) != 1 or self.list is None or self.list["id"] != items[0]["id"]:
            return False
        made, before, created = read_list(items[0]), self.list, moment(request["created"])
        issued, until = moment(made["issued"]), moment(made["next_update"])
        return issued - SKEW <= created <= issued + HOUR and until - issued <= self.policy["list_life_h"] * HOUR and \
            made["header"] == before["header"] and only_stops(before["said"], made["said"], issued - BACK)

    def needed(self, request: dict) -> int:
        op, params = request["op"], request["params"]
        if op == "key.generate" and any(key["purpose"] == "root_ca" for key in params["keys"]):
            return self.needs("key.generate.root")
        if op != "sign":
            need(op in USUAL, f"an unknown act {op}")
            return self.needs(op)
        count = 0
        for item in params["items"]:
            key = self.keys.get(item["label"])
            need(key is not None and key["id"] == item["id"], f"no key {item['label']}")
            need(key["purpose"] in ("root_ca", "issuing_ca", "seal_maker"), f"{item['label']} signs no such thing")
            need((key["purpose"] == "seal_maker") == (item["kind"] == "seal_object"), f"{item['label']} signs no {item['kind']}")
            rule = "sign.issuing"
            if item["kind"] == "trust_list":
                rule = "sign.trust_list.stop" if self.stops(request) else "sign.trust_list"
            elif key["purpose"] == "root_ca":
                rule = "sign.root"
            elif key["purpose"] == "seal_maker":
                rule = "sign.seal_maker"
            count = max(count, self.needs(rule))
        return count

    def ask(self, body: dict, at, line_hash: str) -> None:
        request, name = parse(body["request"]), sha256(body["request"])
        need(name not in self.asked, "asked twice")
        need(request["world"] == self.world, "officers or policy have changed since it was written")
        created, not_after = moment(request["created"]), moment(request["not_after"])
        grace = self.policy["destroy_grace_h"] if request["op"] == "key.destroy" else 0
        need(created <= at + SKEW and at < not_after, "asked outside its life")
        need(not_after - created <= (self.policy["request_life_h"] + grace) * HOUR, "it lives too long")
        self.needed(request)
        self.asked[name] = {"request": request, "lodged": at, "votes": {}, "standing": "open"}

    def open(self, name: str, at) -> dict:
        asked = self.asked.get(name)
        need(asked is not None, "nobody asked for this")
        need(asked["standing"] == "open", f"the request is {asked['standing']}")
        need(at < moment(asked["request"]["not_after"]), "the request has expired")
        return asked

    def vote(self, body: dict, at, line_hash: str) -> None:
        vote = read_vote(body["vote"], self.people)
        asked, who = self.open(vote["request"], at), vote["person"]
        params = asked["request"]["params"]
        concerned = {"officer.retire": params.get("id"), "officer.enrol": params.get("person", {}).get("id")}
        need(vote["decision"] in ("approve", "reject"), "neither approves nor rejects")
        need(self.people[who].may_vote(at), f"{who} has no vote")
        need(who != concerned.get(asked["request"]["op"]), f"{who} is the one concerned")
        need(who not in asked["votes"], f"{who} has voted already")
        need(moment(vote["at"]) <= at + SKEW and moment(vote["at"]) + SKEW >= moment(asked["request"]["created"]),
             "the vote's time")
        asked["votes"][who] = vote["decision"]
        if vote["decision"] == "reject":
            asked["standing"] = "rejected"

    def execute(self, body: dict, at, line_hash: str) -> None:
        asked = self.open(body["request"], at)
        request = asked["request"]
        need(request["world"] == self.world, "officers or policy have changed since it was written")
        have = sum(decision == "approve" and self.people[who].may_vote(at) for who, decision in asked["votes"].items())
        wanted = self.needed(request)
        need(have >= wanted, f"too few approvals, {have} of {wanted}")
        if request["op"] == "key.destroy":
            need(at >= asked["lodged"] + self.policy["destroy_grace_h"] * HOUR, "before the waiting time was over")
        asked["standing"], asked["tries"] = "executing", 1

    def end(self, body: dict, standing: str) -> dict:
        asked = self.asked.get(body["request"])
        need(asked is not None and asked["standing"] == "executing", "the end of what was not begun")
        asked["standing"] = standing
        return asked["request"]

    def failed(self, body: dict, at, line_hash: str) -> None:
        self.end(body, "failed")

    def done(self, body: dict, at, line_hash: str) -> None:
        request = self.end(body, "done")
        op, params = request["op"], request["params"]
        if op in ("officer.enrol", "officer.retire", "policy.set"):
            if op == "officer.enrol":
                self.people[params["person"]["id"]] = Person(params["person"])
            elif op == "officer.retire":
                self.people[params["id"]].retired = True
            else:
                self.policy = params
            self.enough(self.people, self.policy)
            self.world = line_hash
        elif op in ("key.generate", "key.adopt"):
            for key in body["result"]["keys"]:
                need(key["label"] not in self.keys, f"a second key {key['label']}")
                public = None
                if key["purpose"] == "audit" and key["algorithm"] == "ecdsa_p256":
                    public = serialization.load_der_public_key(base64.b64decode(key["spki"], validate=True))
                self.keys[key["label"]] = {"id": key["id"], "purpose": key["purpose"], "key": public}
        elif op == "sign":
            for item in params["items"]:
                if item["kind"] == "trust_list":
                    self.list = read_list(item)

    def listed(self, body: dict, at) -> None:
        """A list that was renewed without votes."""
        known = self.unattended.setdefault(body["label"], {"number": 0, "times": []})
        known["times"] = [one for one in known["times"] if one > at - DAY]
        most = self.policy.get("lists_per_day")
        need(most is None or len(known["times"]) < most, "more lists than a key may sign in a day")
        if body["kind"] == "trust_list":
            need(self.list is not None and body["stable"] == self.list["stable"] and
                 self.list["id"] == self.keys[body["label"]]["id"], "a trust list that was never approved")
            need(body["sequence"] > self.list["sequence"], "the sequence does not rise")
            self.list["sequence"] = body["sequence"]
        elif "number" in body or known["number"] > 0:
            need(body["number"] > known["number"], "the number of the revocation list does not rise")
            known["number"] = body["number"]
        known["times"].append(at)

    def event(self, body: dict, at, line_hash: str) -> None:
        need(body["what"] in ("suspended", "signed", "refused", "note", "retry"), "an unknown event")
        if body["what"] == "retry":
            asked = self.asked.get(body["request"])
            need(asked is not None and asked["standing"] == "executing", "a try of what was not begun")
            need(body["try"] == asked["tries"] + 1 and body["try"] <= TRIES, "a try out of turn")
            asked["tries"] += 1
        if body["what"] in ("suspended", "signed"):
            need(body["label"] in self.keys, "an event of a key that is not there")
        if body["what"] == "signed":
            need(self.keys[body["label"]]["purpose"] in ("root_ca", "issuing_ca"), "a list by another key")
            self.listed(body, at)


def check(file, genesis) -> str:
    ledger = Ledger()
    for place, octets in enumerate(file, 1):
        try:
            need(octets.endswith(b"\n"), "cut off")
            ledger.take(octets[:-1].decode("utf-8"))
            need(place > 1 or genesis is None or ledger.genesis == genesis, "founded with another document")
        except Broken as why:
            raise Broken(f"line {place}: {why}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            raise Broken(f"line {place}: malformed, {why}") from None
    need(ledger.lines > 0, "line 1: there is none")
    return f"whole: {ledger.lines} lines, signed to {ledger.signed_to}, head {ledger.head}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--genesis")
    options = parser.parse_args()
    try:
        with open(options.file, "rb") as file:
            print(check(file, options.genesis))
    except Broken as why:
        print(f"broken: {why}")
        return 11
    return 0


if __name__ == "__main__":
    sys.exit(main())
