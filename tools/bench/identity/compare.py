"""Side by side with oidc-provider and glewlwyd: operations a second and a CPU-second, failures counted and shown.

The aim is five times the faster peer a CPU-second in each row.
"""

import re
import subprocess
from pathlib import Path

import cpu
import load
import peers
from ours import CHEAP, WORKING, Ours
from target import Target

AIM = 5.0
# Row, and how it is measured: the requests of wrk, or a flow.
ROWS = ["discovery", "machine_tokens", "introspection", "userinfo", "login", "sso"]
TITLES = {"discovery": "discovery", "machine_tokens": "client-credentials token, JWT", "introspection": "introspection",
          "userinfo": "userinfo", "login": "whole login: form, consent, code, token", "sso": "login with a live session"}


def logged_in(target: Target):
    def make(number: int) -> dict:
        visitor = target.visitor(number)
        target.login(visitor)
        return visitor
    return make


def measure(target: Target, row: str, connections: int, seconds: float) -> load.Measured:
    if row == "login":
        return load.flows(target.visitor, target.login, target.pids, connections, seconds)
    if row == "sso":
        return load.flows(logged_in(target), target.sso, target.pids, connections, seconds)
    return load.wrk(target.port, getattr(target, row)(), target.pids, connections, seconds)


def run_rows(targets: list[Target], rows: list[str], connections: int, seconds: float, rounds: int) -> dict:
    """The targets take turns in each round, so that a noisy minute is everybody's."""
    out = {}
    for row in rows:
        seen = {target.name: [] for target in targets}
        for number in range(rounds):
            order = targets if number % 2 == 0 else list(reversed(targets))
            for target in order:
                if number == 0:
                    measure(target, row, connections, 1)  # warm
                seen[target.name].append(measure(target, row, connections, seconds))
        out[row] = {name: load.middle(all_of_them) for name, all_of_them in seen.items()}
        print_row(row, out[row])
    return out


def print_row(row: str, seen: dict) -> None:
    print(f"\n{TITLES[row]}")
    print(f"  {'':24}{'/s':>9}{'/CPU-s':>9}{'CPU ms':>9}{'p50 ms':>9}{'p99 ms':>9}  failed")
    for name, one in seen.items():
        failed = f"{one.failed}" + (f"  {dict(sorted(one.reasons.items(), key=lambda x: -x[1])[:2])}" if one.failed else "")
        print(f"  {name:24}{one.rate:9.0f}{one.per_cpu_s:9.0f}{1e3 / one.per_cpu_s if one.done else 0:9.3f}"
              f"{one.p50_ms:9.1f}{one.p99_ms:9.1f}  {failed}")
    others = {name: one.per_cpu_s for name, one in seen.items() if not name.startswith("xinyin")}
    for name, one in seen.items():
        if name.startswith("xinyin") and others:
            best = max(others, key=others.get)
            ratio = one.per_cpu_s / others[best] if others[best] else 0
            print(f"  {name}: {ratio:.1f} times {best} a CPU-second; the aim of {AIM:.0f} is "
                  f"{'reached' if ratio >= AIM else 'NOT reached'}", flush=True)


def shares(ours: Ours, rows: list[str], connections: int) -> None:
    """Which of our processes the CPU goes to: what bounds a row."""
    print(f"\nwhere the CPU of {ours.name} goes, ms an operation")
    for row in rows:
        before = [cpu.seconds([pid]) for pid in ours.pids]
        one = measure(ours, row, connections, 3)
        used = [cpu.seconds([pid]) - was for pid, was in zip(ours.pids, before)]
        if one.done:
            parts = dict(zip(("xinyind", "PostgreSQL", "xinyin-signer"), (used[0], used[1], sum(used[2:]))))
            print(f"  {TITLES[row]:42}" + "   ".join(f"{name} {1e3 * s / one.done:.3f}" for name, s in parts.items()),
                  flush=True)


def signing_rate(binaries: Path) -> dict[int, float]:
    """What the token signs by itself, by number of threads (bench_signer)."""
    program = binaries / "bench_signer"
    if not program.exists():
        return {}
    said = subprocess.run([program], capture_output=True, text=True).stdout
    return {int(n): float(rate) for n, rate in re.findall(r"^raw C_Sign, (\d+) threads?\s+(\d+)", said, re.MULTILINE)}


def against_the_token(ours: Ours, binaries: Path) -> None:
    """Tokens a second, of what the token's bare signing rate allows: the aim is 0.80."""
    rates = signing_rate(binaries)
    if not rates:
        print("\nbench_signer was not built: no ratio to the token's bare signing rate")
        return
    best = max(rates.values())
    one = load.middle([measure(ours, "machine_tokens", 64, 4) for _ in range(3)])
    print(f"\nOpenID key inside the token (SoftHSM), one signature a token: {one.rate:.0f}/s of {best:.0f}/s bare with both "
          f"cores: {one.rate / best:.2f} (the aim is 0.80; server, signer and loader share the cores with it)")


def against_openssl(working: Ours) -> None:
    """Tokens by working keys a CPU-second, of OpenSSL's bare signatures a CPU-second: the aim is 0.50."""
    said = subprocess.run(["openssl", "speed", "-seconds", "2", "ecdsap256"], capture_output=True, text=True).stdout
    found = re.search(r"nistp256\)\s+\S+s\s+\S+s\s+([0-9.]+)", said)
    if not found:
        print("\nopenssl speed said nothing of P-256")
        return
    bare = float(found.group(1))
    one = load.middle([measure(working, "machine_tokens", 64, 4) for _ in range(3)])
    print(f"\nworking keys: {one.per_cpu_s:.0f} tokens a CPU-second of {bare:.0f} bare OpenSSL signatures: "
          f"{one.per_cpu_s / bare:.2f} (the aim is 0.50)")


def main(binaries: Path, state: Path, bench_binaries: Path, connections: int, seconds: float, rounds: int) -> int:
    peers.install()
    port = 21_500
    for hashing, rows in (("cheap", ROWS), ("argon2id", ["login"])):
        print(f"\n==== passwords: {'as cheap as each can' if hashing == 'cheap' else 'Argon2id 19 MiB, t=2 (glewlwyd: as shipped)'}"
              f"; {connections} connections, {rounds} rounds of {seconds:.0f} s in turn", flush=True)
        targets: list[Target] = []
        try:
            ours = Ours(binaries, state, CHEAP if hashing == "cheap" else {})
            targets.append(ours)
            if hashing == "cheap":
                targets.append(Ours(binaries, state.with_name(state.name + "-working"), {**CHEAP, **WORKING},
                                    "xinyin, working keys"))
            targets.append(peers.OidcProvider(port, "none" if hashing == "cheap" else "argon2id"))
            targets.append(peers.Glewlwyd(port + 1, "SQLite", hashing))
            targets.append(peers.Glewlwyd(port + 2, "PostgreSQL", hashing))
            port += 10
            run_rows(targets, rows, connections, seconds, rounds)
            if hashing == "cheap":
                shares(ours, rows, connections)
                shares(targets[1], rows, connections)
                against_the_token(ours, bench_binaries)
                against_openssl(targets[1])
        finally:
            for target in targets:
                target.stop()
    return 0
