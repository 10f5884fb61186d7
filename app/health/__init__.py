"""How the providers are: what is noted of each, what follows from it, and who is told.

Read `state` (the rules; pure), `noting` (one poll, one row), `watch` (states change by time, and
what that does to matches), `read` (for operators).

- A row of `provider_health` is one provider of one sport; everything about it is in Postgres, so
  that any worker may note and any API process may tell.
- What a provider said of before `quarantined_before` counts for nothing. That is `infinity` while
  it is down, and the moment it went down afterwards: its first whole answer is the snapshot.
- A circuit is open while a provider fails time after time: nothing is asked, until one probe is.
"""
