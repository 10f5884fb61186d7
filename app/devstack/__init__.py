"""Postgres and Valkey from wheels, for development, demos and tests; never for production data.

Read `stack.py` first: a *stack* is one Postgres and one Valkey under one folder with one owner.
`postgres.py` and `valkey.py` start and stop the two; `programs.py` finds what the wheels carry and
decides who runs it; `launch.py` starts a process that cannot outlive us (`tied.py` is the program
that makes it so); `ports.py` picks ports; `leftovers.py` ends what a crash left behind.

Invariants:
- One folder has one owner: an `flock` that the kernel gives back when its holder dies.
- Nothing a SIGKILL leaves behind blocks the next start.
- A server that is started again has the same port, password and (Postgres) data.
- Passwords stand in files of mode 0600, never in an argument list that `ps` shows.
- Servers listen on 127.0.0.1 by TCP only, so no path can be too long for a socket.
"""
