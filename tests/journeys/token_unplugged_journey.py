"""The token goes away and comes back: issuing refuses meanwhile, verification does not notice."""

from journey import TRY, VAR, Journey, ask, eventually, issue, log_in, main, ready, start_issuing


class TokenUnpluggedJourney(Journey):
    def setUp(self):
        self.store = VAR / "token" / "store"
        self.away = VAR / "token" / "store.away"
        self.token = log_in()
        issue(self.token)

    def tearDown(self):
        if self.away.exists():
            self.away.rename(self.store)
        eventually(ready, 30, "ready after the token is back")

    def test_issuing_answers_503_verification_goes_on_and_nothing_needs_a_restart(self):
        self.store.rename(self.away)
        answer = eventually(lambda: (lambda a: a if a[0] == 503 else None)(start_issuing(self.token)), 30,
                            "issuing answers 503")
        self.assertEqual(answer[1].get_content_type(), "application/problem+json")
        self.assertIn("Retry-After", answer[1])
        for _ in range(20):
            self.assertEqual(start_issuing(self.token)[0], 503)
            self.assertEqual(ask("GET", TRY["sample_verify_address"])[0], 200)
            self.assertEqual(ask("GET", TRY["sample_verify_address"].replace("/v/", "/v1/verify/"))[0], 200)
        self.away.rename(self.store)
        eventually(lambda: start_issuing(self.token)[0] in (200, 201), 30, "issuing works again")


if __name__ == "__main__":
    main()
