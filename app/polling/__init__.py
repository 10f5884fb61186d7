"""When to ask whom. Postgres decides, Arq executes.

A `poll_tasks` row is one recurring question, a **task**. The **plan** says how often each is asked:
`schedule` (phases, demand, intervals set by hand), `budget` (what is left of quotas) and `windows`
(one quota) are pure; `planner` asks the world (`covered`, `wanted`) and writes the plan down.
**Demand** is who wants what, under leases of the API processes; a **quota** is one account for all
processes, an **override** an interval set by hand.

Whoever claims a task (`plan`) gets a **generation**, one higher than before, and a **lease**: until
it ends nobody else may ask. The answer is written in a transaction that first checks the
generation, so a worker that comes back from the dead after its lease writes nothing, or at most of
matches that nobody else wrote since. The next time is on the grid of the interval; missed ticks are
skipped, never made up for in a burst.

Invariants: no task is asked faster than its provider's rule; prices nobody wants are not asked for;
nothing is asked that the quota does not allow.
"""
