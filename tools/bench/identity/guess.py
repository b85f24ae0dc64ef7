"""Whether answers tell strangers who has an account: thousands of tries of several kinds, mixed, over HTTP.

Kinds are compared with the first of their group by status, headers, the body's length without what was typed, and
time: medians within 5 % and a Mann-Whitney U test (p > 0.01). Hashing is set as cheap as can be, so that a
difference elsewhere is not hidden behind the hash.

The soft lock and the limits stay as they are. They keep out of the way because each account is tried three times at
most (the lock waits from the eighth failure on) and each try comes from a network of its own.
"""

import json
import math
import random
import re
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable
from urllib.parse import quote

from ours import CHEAP, PASSWORD, PEOPLE, Ours
from target import expect, network_of
from wire import Answer, basic

TRIES_AN_ACCOUNT = 3
WITHIN, LEAST_P = 0.05, 0.01


def u_test(a: list[float], b: list[float]) -> float:
    """Two-sided p of Mann and Whitney's test, by the normal approximation with ties corrected."""
    both = sorted([(value, 0) for value in a] + [(value, 1) for value in b])
    n, m = len(a), len(b)
    ranks_of_a, ties, at = 0.0, 0.0, 0
    while at < len(both):
        end = at
        while end < len(both) and both[end][0] == both[at][0]:
            end += 1
        rank, size = (at + end + 1) / 2, end - at
        ranks_of_a += rank * sum(1 for _, which in both[at:end] if which == 0)
        ties += size**3 - size
        at = end
    u = ranks_of_a - n * (n + 1) / 2
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))


@dataclass
class Kind:
    name: str
    attempt: Callable[[int], tuple[float, Answer, list[str]]]  # seconds, answer, what was typed
    no_stranger: bool = False  # knows what he is told: shown, and not counted
    times: list[float] = field(default_factory=list)
    shapes: Counter = field(default_factory=Counter)


def shape(answer: Answer, typed: list[str]) -> tuple:
    """What a stranger sees, without what he typed and what differs from answer to answer anyway."""
    body = answer.body.decode()
    for text in typed:
        body = body.replace(text, "*")
    body = re.sub(r'(name="csrf" value=")[^"]*', r"\1*", body)
    body = re.sub(r"(nonce=\")[^\"]*|[0-9a-f]{16,}", r"\1#", body)
    names = []
    for line in answer.head.decode("latin-1").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        varies = name.lower() in ("date", "request-id", "content-length", "set-cookie")
        names.append(name.lower() if varies else re.sub(r"'nonce-[^']*'", "nonce", line.lower()))
    return answer.status, tuple(sorted(names)), len(body)


def compare(title: str, kinds: list[Kind], tries: int) -> int:
    """Runs them mixed and prints what can be told apart; the number of groups where something can."""
    for number in range(tries):
        for kind in random.sample(kinds, len(kinds)):
            seconds, answer, typed = kind.attempt(number)
            kind.times.append(seconds)
            kind.shapes[shape(answer, typed)] += 1
    print(f"\n{title}, {tries} tries of each kind")
    first, told = kinds[0], 0
    middle = statistics.median(first.times)
    for kind in kinds:
        mine = statistics.median(kind.times)
        seen = ", ".join(f"{status} ({length} B) x{times}" for (status, _, length), times in kind.shapes.most_common(3))
        line = f"  {kind.name:44} median {mine * 1e3:7.3f} ms   {seen}"
        if kind is not first:
            p = u_test(first.times, kind.times)
            slow, odd = p <= LEAST_P, set(kind.shapes) != set(first.shapes)
            told += (slow or odd) and not kind.no_stranger
            line += f"\n  {'':44} {100 * (mine / middle - 1):+.1f} %, p = {p:.3f}: " + (
                "CAN BE TOLD APART by " + " and ".join(["time"] * slow + ["what it says"] * odd) if slow or odd else
                "the same to a stranger" if abs(mine / middle - 1) <= WITHIN else "not settled: too few tries for this noise")
            if odd:
                said = [seen.most_common(1)[0][0][1] for seen in (first.shapes, kind.shapes)]
                line += f"\n  {'':44} {sorted(set(said[0]) ^ set(said[1]))}"
        print(line, flush=True)
    return told


def logins(ours: Ours, tries: int) -> int:
    accounts = {}
    each = math.ceil(tries / TRIES_AN_ACCOUNT)
    serial = 1_000
    for kind in ("plain", "off", "offx", "second"):
        accounts[kind] = []
        for n in range(each):
            accounts[kind].append(ours.register(f"{kind:.<6}.{n:06}", serial))
            serial += 1
    some = lambda kind: "select subject_id from auth.account where login_name like '%s%%'" % f"{kind:.<6}"
    ours.sql(f"update auth.subject set active = false where id in ({some('off')}) or id in ({some('offx')});")
    kinds_of_factor = with_second_factor(ours, some("second"))
    at = ours.connect()
    page = expect(at.ask("GET", "/login"), 200, "login page")
    csrf = page.field("csrf")
    network = iter(range(10**9))

    def attempt(name_of: Callable[[int], str], password_of: Callable[[int], str]):
        def once(number: int):
            at.always[0] = network_of(next(network) % 60_000)
            name, password = name_of(number), password_of(number)
            begun = time.perf_counter()
            answer = at.form("/login", {"csrf": csrf, "return_to": "/account", "login_name": name, "password": password})
            return time.perf_counter() - begun, answer, [name, quote(name)]
        return once

    wrong = lambda number: "anvil-brig-hollow-mot" + "abcdefgh"[number % 8]
    of = lambda kind: (lambda number: accounts[kind][number // TRIES_AN_ACCOUNT])
    kinds = [
        Kind("known account, wrong password", attempt(of("plain"), wrong)),
        Kind("no such account", attempt(lambda n: f"{'nobody':.<6}.{n // TRIES_AN_ACCOUNT:06}", wrong)),
        Kind("switched-off account, wrong password", attempt(of("off"), wrong)),
        # Told on purpose (docs/decisions/0150-locks.md).
        Kind("switched-off account, right password", attempt(of("offx"), lambda _: PASSWORD), no_stranger=True),
    ]
    if kinds_of_factor:
        kinds.append(Kind("account with a second factor, wrong password", attempt(of("second"), wrong)))
    else:
        print("no second factors in this version: not tried")
    return compare("POST /login", kinds, tries)


def with_second_factor(ours: Ours, subjects: str) -> bool:
    """Gives them one in force; its secret is of no use, as no try gets that far."""
    if ours.sql("select to_regclass('auth.factor') is not null") != "t":
        return False
    columns = dict(line.split("|") for line in ours.sql(
        "select column_name, data_type from information_schema.columns where table_schema = 'auth' and table_name = "
        "'factor' and is_nullable = 'NO' and column_default is null").splitlines())
    values = {"id": "md5(s.subject_id)", "subject_id": "s.subject_id", "kind": "'totp'", "label": "'bench'"}
    for name, kind in columns.items():
        values.setdefault(name, {"bytea": r"'\x00'::bytea", "timestamp with time zone": "now()"}.get(kind, "'0'"))
    wanted = [name for name in values if name in columns]
    ours.sql(f"insert into auth.factor ({', '.join(wanted)}) "
             f"select {', '.join(values[name] for name in wanted)} from ({subjects}) s;")
    return True


def registrations(ours: Ours, tries: int) -> int:
    """Completing one with a number that has an account, and with one that has none."""
    at = ours.connect()
    network = iter(range(30_000, 10**9))

    def attempt(serial_of: Callable[[int], int], stem: str):
        def once(number: int):
            at.always[0] = network_of(next(network) % 60_000)
            name = f"{stem}.{number:06}"
            reference = ours.registration(at, serial_of(number))
            accept = {"login_name": name, "password": PASSWORD, "accept": ours.accepted(at)}
            begun = time.perf_counter()
            answer = at.ask("POST", f"/v1/registrations/{reference}/complete", json.dumps(accept).encode(),
                            ["Content-Type: application/json"])
            return time.perf_counter() - begun, answer, [name, reference]
        return once

    return compare("completing a registration", [
        Kind("a number nobody has", attempt(lambda n: 40_000 + n, "newone")),
        Kind("a number that has an account", attempt(lambda n: n % PEOPLE, "others")),
    ], tries)


def activations(ours: Ours, tries: int) -> int:
    at = ours.connect()
    csrf = expect(at.ask("GET", "/activate"), 200, "activation page").field("csrf")
    network = iter(range(10**9))

    def attempt(name_of: Callable[[int], str]):
        def once(number: int):
            at.always[0] = network_of(next(network) % 60_000)
            name, code = name_of(number), f"{random.getrandbits(128):032x}"
            begun = time.perf_counter()
            answer = at.form("/activate", {"csrf": csrf, "login_name": name, "code": code, "password": PASSWORD,
                                           "password_again": PASSWORD})
            return time.perf_counter() - begun, answer, [name, code]
        return once

    return compare("POST /activate with a wrong code", [
        Kind("known account", attempt(lambda n: f"bench.{n % PEOPLE:05}")),
        Kind("no such account", attempt(lambda n: f"nobod.{n % PEOPLE:05}")),
    ], tries)


def clients(ours: Ours, tries: int) -> int:
    at = ours.connect()
    at.browser = False
    network = iter(range(10**9))

    def attempt(client: str):
        header = basic(client, "x" * 43)

        def once(_: int):
            at.always[0] = network_of(next(network) % 60_000)
            begun = time.perf_counter()
            answer = at.form("/oauth/token", {"grant_type": "client_credentials"}, [header])
            return time.perf_counter() - begun, answer, []
        return once

    return compare("POST /oauth/token with a wrong secret", [
        Kind("known client", attempt("bench-client")), Kind("no such client", attempt("bench-nobody"))], tries)


def main(binaries: Path, state: Path, tries: int) -> int:
    ours = Ours(binaries, state, CHEAP)
    try:
        told = logins(ours, tries) + registrations(ours, max(1, tries // 4)) + activations(ours, tries)
        clients(ours, tries)  # told, and not counted: their ids are in every address
        print(f"\n{told} kinds can be told apart")
    finally:
        ours.stop()
    return 1 if told else 0
