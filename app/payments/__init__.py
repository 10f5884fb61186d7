"""Money that comes in from outside and goes out again.

A **payment** is asked for by a user, once an Idempotency-Key, and stays `pending` until it is
decided: a deposit by the payment hook (or at once, with play money), a withdrawal by an operator or
the hook. What is decided stays decided. Read `payments` (the rows), `deposits`, `withdrawals`,
`hook` (what a payment provider tells us, signed).
"""
