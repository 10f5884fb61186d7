"""The long jobs, outside the web process: Arq runs them, Postgres decides which.

Read `main` (the process), `dispatch` (claims what is due, hands it to Arq), `queues` (Arq, a queue
a sport), `poll` (one poll), `tending` (what follows from time alone), `housekeeping` (partitions
and what has expired).
"""
