"""What happened, in order, to whom it may concern.

A **change** is one entry of a match's log: `seq` 1, 2, 3 ... without a hole, in commit order,
written by the triggers alone. A **place** is where a reader is in it: a seq and the entry's `at`.
The two together are its identity: a database restored from a backup, or one that lost its tail in
a crash, has other entries under the same numbers, and a reader who is not sure gets a fresh
snapshot instead of a guess. A **resume token** is a place, for clients.

Read `change` (the values), `log` (reading Postgres), `hub` (one reader of the log for the whole
process), `conflation` (many changes as few, and still the truth). Then, for processes that hear of
changes from a relay: `run` (changes with the place before them), `relay_messages` (what is said),
`relay_nodes` (a cluster's nodes and slots), `relay` and `relay_publisher` (who says it),
`relay_listener` (who hears it).
Users have logs of the same kind: `user_log` (writing and reading), `user_hub` (who is told).
`rounds` is the loop of whoever reads the newest state when nudged.

Invariants, each with a test:
- The reader of a match is told every change after the place it began at once, in order, or that
  it lost track and has to begin anew. Never a hole, never a double.
- Nothing depends on a notification: it only says *when* to read. A reconnect and a slow timer
  say so too.
- What a relay says is taken only where it goes on from our own place, by number and time. It says
  the same twice, too late or not at all, and nothing is wrong but the hour.
- The hub never waits for a reader; there is one a match.
- State first, without a race: the place is read with the state, in one transaction, and what is
  told begins there.
- A burst of conflated changes leaves the state that all of them would have left, wherever in it
  its reader is cut off.
"""
