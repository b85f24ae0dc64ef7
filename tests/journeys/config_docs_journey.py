"""docs/config.md is what `xinyind --print-config` prints."""

from journey import BIN, CHECKOUT, Journey, main, run


class ConfigDocsJourney(Journey):
    def test_the_table_in_the_documentation_is_the_programs_own(self):
        printed = run(BIN / "xinyind", "--print-config").stdout.strip()
        kept = (CHECKOUT / "docs" / "config.md").read_text()
        between = kept.split("<!-- xinyind --print-config -->\n", 1)[1].split("\n<!-- end -->", 1)[0].strip()
        self.assertEqual(between, printed, "refresh docs/config.md from xinyind --print-config")


if __name__ == "__main__":
    main()
