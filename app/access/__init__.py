"""Who may ask, and how much: users, tokens, keys, tiers, limits.

A *principal* is who is asking, with a role, a tier and the *scopes* its credentials were made for;
a *tier* says how much that may be; a *family* is what one log-in grew into by rotation of its
refresh token; a user's *generation* grows with everything that ends what was given before; a *kid*
names a signing key.

Read `users`, `key_ring`, `tokens`, `refresh_tokens`, `log_ins`, `accounts`, then `revocations` with
`access_news`, `api_keys` with `known_keys`, `principal`, `tiers`, `gate`; then what holds guessing
back (`lockout`, `buckets` with `rate_limits`, `socket_leases`), what is counted (`usage`, `quotas`,
`usage_read`) and what is kept (`audit`).

Invariants: a password, a refresh token, an API key and a mailed code are never kept, only their
hashes; a refresh token works once, and a second use ends its family; an answer never tells whether
an address is registered, `register` apart where addresses are not confirmed; no request asks
Postgres who the caller is, but for an API key that was not seen for a minute; what is revoked is
known to every process within a second, and `Gate` is the one door at which that is asked.
"""
