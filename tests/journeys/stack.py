"""The one stack that all journeys share: `stack.py start|stop --state DIR`, a CTest fixture.

It is started exactly as a newcomer starts it, on free ports and its own data.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
DEV = ["/usr/bin/python3", "-B", str(CHECKOUT / "tools/devlib/main.py")]


def free_port() -> int:
    """A port P with P, P+1 and P+10 to P+13 free, below the ephemeral range."""
    for port in range(18_080 + os.getpid() % 97 * 20, 32_000, 20):
        taken = False
        for each in (port, port + 1, port + 10, port + 11, port + 12, port + 13):
            with socket.socket() as probe:
                taken |= probe.connect_ex(("127.0.0.1", each)) == 0
        if not taken:
            return port
    sys.exit("no free ports between 18080 and 32000")


def forget(var: Path) -> None:
    """Removes what an earlier run left."""
    home = Path(os.path.realpath(var))
    if var.is_symlink():
        if home.parent == Path("/var/lib/xinyin-demo"):
            shutil.rmtree(home, ignore_errors=True)
        var.unlink()
    elif home.exists():
        for path in [home, *home.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(home)


def start(state: Path, binaries: Path) -> int:
    state.mkdir(parents=True, exist_ok=True)
    var = state / "var"
    subprocess.run([*DEV, "stop", "--var", str(var)], check=True)
    forget(var)
    port = free_port()
    done = subprocess.run([*DEV, "run", "--detach", "--port", str(port), "--var", str(var), "--bin", str(binaries)])
    if done.returncode != 0:
        return done.returncode
    (state / "stack.json").write_text(json.dumps({"var": os.path.realpath(var), "port": port}))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["start", "stop"])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--bin", type=Path)
    options = parser.parse_args()
    if options.what == "start":
        return start(options.state, options.bin)
    return subprocess.run([*DEV, "stop", "--var", str(options.state / "var")]).returncode


if __name__ == "__main__":
    sys.exit(main())
