"""Loads a server and tells rate, CPU and failures. One request an operation: wrk. Whole flows: processes of ours."""

import json
import multiprocessing
import os
import subprocess
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import cpu
from wire import Broken

HERE = Path(__file__).resolve().parent


@dataclass
class Measured:
    done: int = 0
    failed: int = 0
    seconds: float = 0
    cpu_s: float = 0
    p50_ms: float = 0
    p99_ms: float = 0
    reasons: dict = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.done / self.seconds if self.seconds else 0

    @property
    def per_cpu_s(self) -> float:
        return self.done / self.cpu_s if self.cpu_s else 0


def middle(all_of_them: list[Measured]) -> Measured:
    """The round with the median of operations a CPU-second, with everybody's failures."""
    out = sorted(all_of_them, key=lambda one: one.per_cpu_s)[len(all_of_them) // 2]
    reasons: dict = {}
    for one in all_of_them:
        for reason, times in one.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + times
    return Measured(out.done, sum(one.failed for one in all_of_them), out.seconds, out.cpu_s, out.p50_ms, out.p99_ms,
                    reasons)


def wrk(port: int, requests: list[bytes], pids: list[int], connections: int, seconds: float) -> Measured:
    """Sends `requests` (raw HTTP) in turn for so long; an answer that is not 2xx is a failure."""
    with tempfile.NamedTemporaryFile("wb", suffix=".requests") as file:
        for raw in requests:
            file.write(f"{len(raw)}\n".encode() + raw + b"\n")
        file.flush()
        before = cpu.seconds(pids)
        done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", HERE / "replay.lua",
                               f"http://127.0.0.1:{port}/", "--", file.name], capture_output=True, text=True, check=True)
        used = cpu.seconds(pids) - before
    told = next((json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")), None)
    if told is None:  # it ends without a word when nothing was answered in time
        return Measured(failed=1, seconds=seconds, cpu_s=used, reasons={f"wrk: {done.stdout[-60:]}": 1})
    failed = told["status"] + told["broken"]
    reasons = {"not 2xx": told["status"]} if told["status"] else {}
    if told["broken"]:
        reasons["broken"] = told["broken"]
    return Measured(told["requests"] - told["status"], failed, told["us"] / 1e6, used, told["p50"] / 1e3,
                    told["p99"] / 1e3, reasons)


def raw(origin: str, method: str, path: str, headers: list[str] = (), body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {origin.split('//')[1]}", *headers]
    if body:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def _worker(number: int, make: Callable, flow: Callable, until: float, pipe) -> None:
    times, reasons = [], {}
    try:
        state = make(number)
        while time.monotonic() < until:
            begun = time.perf_counter()
            try:
                flow(state)
            except (Broken, OSError, KeyError, ValueError) as failure:
                reason = str(failure) or type(failure).__name__
                reasons[reason[:80]] = reasons.get(reason[:80], 0) + 1
                continue
            times.append(time.perf_counter() - begun)
        pipe.send((times, reasons))
    except Broken as failure:  # before it could begin
        pipe.send((times, {f"not begun: {failure}": 1}))
    except BaseException:
        pipe.send((times, {traceback.format_exc(limit=-2)[-300:]: 1}))
    finally:
        pipe.close()
        os._exit(0)


def flows(make: Callable, flow: Callable, pids: list[int], connections: int, seconds: float) -> Measured:
    """Runs `flow(state)` again and again in so many processes; `make(number)` gives each its state."""
    context = multiprocessing.get_context("fork")
    pipes = []
    before, begun = cpu.seconds(pids), time.monotonic()
    for number in range(connections):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_worker, args=(number, make, flow, begun + seconds, theirs), daemon=True)
        process.start()
        theirs.close()
        pipes.append((mine, process))
    times, reasons = [], {}
    for pipe, process in pipes:
        got, why = pipe.recv()
        times += got
        for reason, count in why.items():
            reasons[reason] = reasons.get(reason, 0) + count
        process.join()
    took, used = time.monotonic() - begun, cpu.seconds(pids) - before
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))] * 1e3 if times else 0
    return Measured(len(times), sum(reasons.values()), took, used, at(0.5), at(0.99), reasons)
