"""The long jobs, outside the web process: Arq runs them, Postgres decides which.

Read `main` (the process), `dispatch` (claims what is due, hands it to Arq), `poll` (one poll),
`housekeeping` (partitions and what has expired).
"""
