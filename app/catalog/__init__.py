"""Reading: sports, leagues, matches, markets. `ingest` writes; nothing here does.

What one match or market looks like as JSON is said here once, and REST and the sockets' snapshots
both send it: `score_of`, `match_of`, `markets_of`, `odds_of`. Postgres builds the JSON, so numbers
stay exact and a read is one round trip. Read `pages`, `leagues`, `matches`, `markets`, `prices`.
"""
