"""Answers that are kept for as long as they are known to be right, in two layers.

`memory` is the first: a bounded part of this process, in which a look-up costs less than a
microsecond. `redis_answers` is the second: Redis, which all processes read and write. `reads` joins
them: one `Cache` a process, told of every change by the listener (`forget`), before anybody may
read what changed. `lifetimes` says how long what no change announces may be kept; `tags` name what
answers are about; `heard` knows when each was last told to have changed. Read `tags`, `lifetimes`,
`heard`, `memory`, `redis_answers`, `reads`.

Invariants:
- A read that begins after this process was nudged never gets an answer older than that nudge: what
  the nudge was about leaves memory within it, what began to be computed before it is not kept, and
  until Redis has the new tokens what was forgotten is read from Postgres.
- While changes are not heard of at once (`is_current`), every read goes to Postgres and nothing is
  kept. Without Redis the first layer goes on alone; when Redis comes back, all that it holds is
  forgotten first.
- The time to live of a kind is only the fallback for what no change announces. An answer that is
  read while most of that time is gone is computed anew behind the reader's back.
- Memory never holds more than its bytes; what was read longest ago makes room.

Nothing in here knows what an answer says.
"""
