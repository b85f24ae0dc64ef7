"""Ten thousand bad logins at once, while one person logs in and another's session and tokens are used.

The flood comes from many networks, with names that exist and names that do not; hashing as configured. What good
users see is told with and without it.
"""

import asyncio
import multiprocessing
import os
import random
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import cpu
from ours import PEOPLE, Ours
from target import expect, network_of
from wire import Broken

BAD = 10_000  # connections of the flood, each with one login at a time
SPELL_S = 20.0


async def _bad_one(port: int, origin: str, cookie: str, csrf: str, number: int, until: float, seen: Counter) -> None:
    host = origin.split("//")[1]
    await asyncio.sleep(random.random() * 2)
    while time.monotonic() < until:
        name = f"bench.{number % PEOPLE:05}" if number % 2 else f"spray.{number:05}"
        body = urlencode({"csrf": csrf, "return_to": "/account", "login_name": name, "password": f"wrong-{number}-anvil"})
        raw = (f"POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nCookie: {cookie}\r\n{network_of(number)}\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\n"
               f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}").encode()
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(raw)
            head = await asyncio.wait_for(reader.read(4096), 40)
            seen[head[9:12].decode("latin-1") or "closed"] += 1
        except (OSError, TimeoutError, asyncio.TimeoutError) as failure:
            seen[type(failure).__name__] += 1
        finally:
            if writer:
                writer.close()


def _flood(port: int, origin: str, cookie: str, csrf: str, first: int, count: int, seconds: float, pipe) -> None:
    seen: Counter = Counter()

    async def all_of_them() -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(_bad_one(port, origin, cookie, csrf, n, until, seen) for n in range(first, first + count)))

    asyncio.run(all_of_them())
    pipe.send(seen)
    os._exit(0)


def good_users(ours: Ours, seconds: float) -> dict[str, tuple[list[float], Counter]]:
    """One person's logins from where she logged in before, and the use of a session and of a token, in turn."""
    out = {name: ([], Counter()) for name in ("login", "page with a session", "userinfo", "client's token",
                                              "verification page")}
    who, at = ours.visitor(0), ours.connect(59_999)
    who["connection"].always[0] = at.always[0] = network_of(59_999)
    who["client"].always[0] = network_of(59_998)
    token = ours.sticky_login(who)["access_token"]
    at.cookies = dict(who["connection"].cookies)

    def once(name: str, what) -> None:
        begun = time.perf_counter()
        try:
            what()
            out[name][1]["good"] += 1
        except Broken as failure:
            out[name][1][str(failure)] += 1
        out[name][0].append(time.perf_counter() - begun)

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        once("login", lambda: ours.sticky_login(who))
        for _ in range(4):
            once("page with a session", lambda: expect(at.ask("GET", "/account"), 200, "account"))
            once("userinfo", lambda: expect(
                at.ask("GET", ours.userinfo_path, b"", [f"Authorization: Bearer {token}"]), 200, "userinfo"))
            once("client's token", lambda: expect(who["client"].form(
                ours.token_path, {"grant_type": "client_credentials", "scope": "read"}, [ours.basic()]), 200, "token"))
            once("verification page", lambda: expect(at.ask("GET", "/v"), 200, "page"))
        time.sleep(0.05)
    return out


def tell(title: str, seen: dict) -> None:
    print(f"\n{title}")
    for name, (times, ends) in seen.items():
        times.sort()
        at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1e3
        total = sum(ends.values())
        odd = {what: n for what, n in ends.items() if what != "good"}
        print(f"  {name:24}{total:6} tried, {100 * ends['good'] / total:5.1f} % good   p50 {at(0.5):8.1f} ms   p99 {at(0.99):8.1f} ms"
              + (f"   {odd}" if odd else ""), flush=True)


def main(binaries: Path, state: Path, _: float) -> int:
    ours = Ours(binaries, state, {})
    try:
        tell("without the flood", good_users(ours, SPELL_S))
        stranger = ours.connect()
        csrf = expect(stranger.ask("GET", "/login"), 200, "login page").field("csrf")
        cookie = "; ".join(f"{k.decode()}={v.decode()}" for k, v in stranger.cookies.items())
        context = multiprocessing.get_context("fork")
        pipes, halves = [], 2
        for half in range(halves):
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_flood, daemon=True, args=(
                ours.port, ours.origin, cookie, csrf, half * BAD // halves, BAD // halves, SPELL_S + 5, theirs))
            process.start()
            pipes.append((mine, process))
        time.sleep(3)
        hashes = ours.metric("xinyin_password_hashes_total")
        during = good_users(ours, SPELL_S)
        hashes = ours.metric("xinyin_password_hashes_total") - hashes
        seen: Counter = Counter()
        for mine, process in pipes:
            seen += mine.recv()
            process.join()
        tell(f"with {BAD} bad logins at once", during)
        print(f"  the flood got: {dict(seen.most_common())}" + (f"; {hashes:.0f} passwords were hashed" if hashes else ""))
        good = during["login"][1]["good"] / max(1, sum(during["login"][1].values()))
        kept = min(during[name][1]["good"] / sum(during[name][1].values()) for name in during if name != "login")
        print(f"  good logins {100 * good:.0f} %, everything else at least {100 * kept:.0f} %")
        print(f"  resident memory of xinyind after it: {cpu.resident_mib([ours.service]):.0f} MiB")
    finally:
        ours.stop()
    return 0
