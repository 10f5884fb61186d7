"""Who may ask, and how much: users, tokens, tiers, limits.

A *principal* is who is asking, with a role and a tier; a *tier* says how much that may be; a
*family* is what one log-in grew into by rotation of its refresh token. Read `users`, `tokens`,
`refresh_tokens`, `log_ins`, `principal`, `tiers`, `gate`, then `rate_limits`.

Invariants: a password and a refresh token are never kept, only their hashes; a refresh token works
once, and a second use ends its family; an answer never tells whether an address is registered,
`register` apart; nothing here asks Postgres who the caller is: the signed token says it.
"""
