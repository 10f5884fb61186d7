"""Feeds that call us: one body in, observations out. Pure; who may call is asked elsewhere.

Words: a *body* is what one call brought, an *item* one observation in it, which is accepted or
refused on its own; a *message* is a body in the manner of Sportradar's Unified Odds Feed (UOF).

Read `pushed` (our own schema and what it becomes), `json_feed` and `xml_feed` (the same in two
notations), `safe_xml` (XML from strangers), then `uof` with `uof_markets` and `uof_score`
(their tables), and `feed`, which tells them apart.

Invariants: whatever is sent, the outcome is an Answer or a ProviderUnreadable, nothing else. A UOF
message names neither sport nor markets to stop, so it is read against what we hold (`Held`).
"""
