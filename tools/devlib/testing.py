"""`tools/dev test`: everything CI runs. CTest's closing line is its last word."""

import subprocess
import sys

import building
from layout import CHECKOUT
from show import Stage, run_logged, say

JOURNEYS = CHECKOUT / "tests" / "journeys"


def install_npm_packages() -> None:
    """What the journeys need from npm, as package-lock.json pins it; again only when that changed."""
    lock = JOURNEYS / "package-lock.json"
    if not lock.exists():
        return
    mark = JOURNEYS / "node_modules" / ".installed-from"
    if mark.exists() and mark.read_text() == lock.read_text():
        return
    env = building.environment()
    env["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1"
    # Node.js knows its own list of authorities only; a site may have added one to the system.
    env.setdefault("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca-certificates.crt")
    with Stage("npm packages of the journeys") as stage:
        run_logged(stage, ["/usr/bin/npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
                   str(building.log_directory() / "npm.log"), cwd=str(JOURNEYS), env=env,
                   hint="The journeys need the npm registry once; after that node_modules is kept.")
    mark.write_text(lock.read_text())


def test(ctest_options: list[str]) -> int:
    with building.alone("test"):
        return run_all(ctest_options)


def run_all(ctest_options: list[str]) -> int:
    install_npm_packages()
    directory = building.build("release", [], "Building the release and its tests")
    say()
    sys.stdout.flush()
    command = ["ctest", "--test-dir", str(directory), "--output-on-failure", "--no-tests=error",
               "--parallel", "2", *ctest_options]
    return subprocess.run(command, env=building.environment(), stdin=subprocess.DEVNULL).returncode


