"""Writing: from what providers say to what we hold true.

Read `pipeline` (the story), `identity` (their ids to ours), `merge`, `decisions` and `confidence`
(whom to believe; pure), then the writers: `scores`, `occurrences` (incidents), `conflicts`,
`prices` with `consensus` and `margins` (pure) and `pricing`; and the short way of what is `held` in
memory: `remembered`, `ticks`, `news`. `reliability` is what is known of providers, `frozen` finds
matches that stand still.

- Whoever writes first locks the heads of the matches it will touch, in id order: two polls that
  touch the same matches wait for each other, never deadlock. All writes of one poll are one
  transaction, but for what goes the short way: a statement by itself.
- No change, no write: every upsert has a `WHERE ... IS DISTINCT FROM ...`, so the triggers stay
  silent and nobody is told anything twice. Taking the same observations in twice does nothing.
- An older observation never overwrites a newer one of the same provider.
- What we believe and what we hold of prices follows from the tables: `rebelieve`, `reprice` and
  `reshow_incidents` change nothing unless whom to believe has changed.
- What is remembered between polls (`Known`) is kept only after the transaction committed.
"""
