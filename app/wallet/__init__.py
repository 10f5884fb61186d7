"""Money: a double-entry ledger in minor units.

An **account** belongs to a holder: what a user has available, what is held of it for bets, what is
on its way out, a bonus, what a user owes; and, for everybody, the house, and the world outside as
deposits and withdrawals. A **transfer** moves an amount from one account to another and is written
as two **entries** that sum to zero, each with the balance it left behind. Transfers and entries are
never updated or deleted; a mistake is put right by another transfer.

Read `money` (amounts, pure), `ledger` (the only code that writes transfers), `read` (balances and
statements), `limits` (what users allow themselves), `check` (proves the books), `errors`.

Invariants, each held by Postgres and each with a test:
- Every transfer has two entries that sum to zero (deferred constraint), so all balances do.
- What a user has, in whatever account, is never below zero, what is owed never above
  (constraint).
- A key is posted once: the same transfer again changes nothing, another one of that key is refused.
- An account's entries are numbered 1, 2, 3 ... without a hole, and each continues the balance of
  the one before it.
"""
