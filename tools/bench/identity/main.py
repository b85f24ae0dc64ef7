"""Benches of the provider: `main.py compare|rows|guess|flood`. tools/dev bench identity runs all of them."""

import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(CHECKOUT / "tools" / "devlib")]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", choices=["compare", "rows", "guess", "flood", []])
    parser.add_argument("--bin", type=Path, default=CHECKOUT / "build" / "release" / "bin")
    parser.add_argument("--state", type=Path, default=CHECKOUT / "build" / "bench-identity")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tries", type=int, default=2000, help="of each kind, for guess")
    parser.add_argument("--million", type=int, default=1_000_000, help="rows a table, for rows")
    o = parser.parse_args()
    failed = 0
    for what in o.what or ["compare", "rows", "guess", "flood"]:
        print(f"\n######## identity: {what}", flush=True)
        if what == "compare":
            import compare
            failed += compare.main(o.bin, o.state, CHECKOUT / "build" / "release" / "bin", o.connections, o.seconds, o.rounds)
        elif what == "rows":
            import rows
            failed += rows.main(o.bin, o.state, o.million, o.connections, o.seconds)
        elif what == "guess":
            import guess
            failed += guess.main(o.bin, o.state, o.tries)
        else:
            import flood
            failed += flood.main(o.bin, o.state, o.seconds)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
