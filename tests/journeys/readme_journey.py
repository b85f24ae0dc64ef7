"""The README's sessions are run as they stand, against the running stack.

A fenced block marked ```sh session``` is run line by line; `$ ` is not written. Its var/, build/release/
and port 8080 are those of the journeys' stack.
"""

import re
import tempfile
from pathlib import Path

from journey import BIN, CHECKOUT, ISSUER, STACK, Journey, main, run


class ReadmeJourney(Journey):
    def test_sessions_run(self):
        readme = (CHECKOUT / "README.md").read_text()
        sessions = re.findall(r"^```sh session\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
        self.assertTrue(sessions, "README.md has no ```sh session``` block")
        with tempfile.TemporaryDirectory() as name:
            here = Path(name)
            (here / "var").symlink_to(STACK["var"])
            (here / "build" / "release").mkdir(parents=True)
            (here / "build" / "release" / "bin").symlink_to(BIN)
            for session in sessions:
                text = session.replace("http://127.0.0.1:8080", ISSUER).replace(
                    "http://127.0.0.1:8090", f"http://127.0.0.1:{STACK['port'] + 10}")
                done = run("bash", "-euo", "pipefail", "-c", text, cwd=here, check=False)
                self.assertEqual(done.returncode, 0, f"{text}\n{done.stdout}\n{done.stderr}")


if __name__ == "__main__":
    main()
