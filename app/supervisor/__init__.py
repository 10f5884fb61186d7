"""`app up`: servers, API and worker under one process that restarts what dies.

Order to read: `run.py` (the whole story), `parts.py` (one thing that runs, and its restarts),
`signals.py` (how we are told to stop), `stack_file.py` and `demo.py` (what is kept in `.run/`).

Only the standard library, msgspec and `app.devstack`: the supervisor stays small and quick, and
what it starts are processes of their own, told everything by environment.

Invariants:
- Every wait is a `Signals.pause`, so that SIGINT and SIGTERM are heeded at once.
- On Linux no child outlives us, however we die (`app.devstack.launch`).
- The API's port is bound by us and handed down: it is ours while the API restarts, and callers
  wait instead of being refused.
"""
