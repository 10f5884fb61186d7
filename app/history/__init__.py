"""What was played before: results of the past, read from files, kept in Postgres.

Words: a *result* is one match that was played to its end, as a file told it; a *side* is a key
that every spelling of one team's or player's name shares; *left out* is what a file held and was
not taken in, with the reason.

Read `result` (the value), then the readers, a file a format and pure: `football_data`
(CSV), `openfootball` (JSON), `recorded` (our recordings), `lines` (ours, a result a line); `files`
chooses between them; `keeping` writes into Postgres and reads from it; `shipped` is what comes
along, and `conversion` made it from its sources.

Invariants: importing is idempotent: a result is one match of two sides on one day, and the same
files taken in twice change nothing. Nothing is guessed: what cannot be read is left out and said.
"""
