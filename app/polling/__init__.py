"""When to ask whom. Postgres decides, Arq executes.

A `poll_tasks` row is one recurring question. Whoever claims it gets a **generation**, one higher
than before, and a **lease**: until it ends nobody else may ask. The answer is written in a
transaction that first checks the generation, so a worker that comes back from the dead after its
lease writes nothing. The next time is on the grid of the interval; missed ticks are skipped, never
made up for in a burst.
"""
