"""`tools/dev bench`: the benches of tools/bench/, against a stack of their own."""

import os
import sys
from pathlib import Path

import building
import layout
from show import Failure


def bench(rest: list[str]) -> int:
    entry: Path = layout.CHECKOUT / "tools" / "bench" / "bench.py"
    if not entry.exists():
        raise Failure("tools/bench/bench.py is missing.")
    building.build("release", [], "Building the release", ["-DXINYIN_BENCH=ON"])
    command = ["/usr/bin/python3", "-B", str(entry), *rest]
    sys.stdout.flush()
    os.execvpe(command[0], command, building.environment())
