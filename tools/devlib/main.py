"""tools/dev: the one command. See `tools/dev help`."""

import argparse
import os
import signal
import sys

sys.dont_write_bytecode = True

from show import Failure, colour  # noqa: E402

HELP = """\
Xinyin (信印): identity, e-seals and documents that anyone can judge.

  tools/dev run [--detach] [--port P] [--var DIR]
        Builds the release, starts everything without any configuration, and says what to try.
        Ctrl-C stops it. --detach returns when it is ready; --port moves it from 8080 (the ports
        P, P+1 and P+10 to P+13 are used); --var keeps the data elsewhere than var/.
  tools/dev stop [--var DIR]
        Stops what runs on that data.
  tools/dev test [CTest options]
        Builds and runs everything that CI runs. `tools/dev test -R store` runs one part.
  tools/dev check [--all] [--only STEP]
        Format, lint, both compilers, sanitizers.
  tools/dev bench
        Measures the service against plain servers and the bare token.
  tools/dev help
        This text.

The first run installs the Debian packages of tools/packages.txt that are missing.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/dev", add_help=False)
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", prog="tools/dev run", add_help=False)
    run.add_argument("--detach", action="store_true")
    run.add_argument("--port", type=int)
    run.add_argument("--var")
    run.add_argument("--no-build", action="store_true", help=argparse.SUPPRESS)
    run.add_argument("--bin", help=argparse.SUPPRESS)
    stop = commands.add_parser("stop", prog="tools/dev stop", add_help=False)
    stop.add_argument("--var")
    commands.add_parser("test", prog="tools/dev test", add_help=False)
    check = commands.add_parser("check", prog="tools/dev check", add_help=False)
    check.add_argument("--all", action="store_true")
    check.add_argument("--only", action="append", default=[])
    commands.add_parser("bench", prog="tools/dev bench", add_help=False)
    commands.add_parser("help", add_help=False)
    words = sys.argv[1:]
    if not words or words[0] in ("help", "-h", "--help") or words[1:2] in (["--help"], ["-h"]):
        print(HELP, end="")
        return 0
    options, rest = parser.parse_known_args(words)
    if rest and options.command not in ("test", "bench"):
        parser.error(f"unknown: {' '.join(rest)}")
    if options.command == "run":
        import running
        return running.run(options)
    if options.command == "stop":
        import running
        return running.stop(options)
    if options.command == "test":
        import testing
        return testing.test(rest)
    if options.command == "check":
        import checking
        return checking.check(options)
    import benching
    return benching.bench(rest)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"\n{colour('31', 'tools/dev:')} {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os._exit(1)
