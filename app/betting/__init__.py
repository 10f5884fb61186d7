"""Bets: asked for on a slip, struck or refused, settled, put right when a result is.

A **slip** is what a user asks for, a **bet** what was struck, a **leg** one selection of it. A bet
is *pending* while a match is in play and its delay runs, then *accepted* or *refused*; what was
accepted is settled (`won lost void half_won half_lost`) or `cashed_out`. A **refusal** is one
reason, stable and catalogued; it is kept with the request and given again for ever.

Read `bet` (values and legal moves, pure), `slip` (what is asked for, pure), `rules` (may it be
struck, what does it pay, pure), `offers` (what the books say now), `exposure`, `wish` (what becomes
of one request), `placement` (`place_bets`, one transaction), `desk` (who comes at once is struck
together), `pending` (bets in play whose time has come), `read`, `told` (what the user's log is
told), `errors`.

Invariants, each with a test:
- A request is answered once: the same key and body get the same bet or the same refusal.
- A bet is struck with its stake held, or not at all; both are one transaction.
- Of bets struck together each is decided as if it were alone, after those before it.
- A bet that lowers the worst case of its market is never refused for exposure.
- A bet is settled exactly once a settlement; a correction reverses the one before to the cent.
"""
