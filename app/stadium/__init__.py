"""A place to try the real adapters: the providers' own wire shapes, played from recordings.

One process is every provider at once: API-Football, TheSportsDB and The Odds API over HTTP,
Betfair over HTTP and as a stream over TLS. They all tell of the same matches, each in its own
words: other ids, other names, a little later, with its own bookmakers and within its own quota.
And they fail when they are told to.

Words: the *programme* is what is played when, *truth* what really is so at a moment, a *voice*
the manner of one provider, what it *said* the truth in its words, a *fault* something wrong for
a while, a *scenario* a named set of faults, lags and quotas.

Read `programme` (truth), `naming` and `voices` (what a provider says), `faults` and `scenarios`,
`quotas`, `calls` (a request and its answer), `asked` (what was asked), then one file a provider:
`api_football` with `api_football_odds`, `thesportsdb`, `odds_api`, `betfair` with `exchange` and
`ladder`, and `stream` with `books`. `web` joins the HTTP side, `ground` the whole.

Invariants: what is said at a moment is a pure function of recordings, speed, lanes, seed,
scenario and clock; only quotas, sessions and faults set by hand are state. It knows none of the
adapters' code and none of our database, so that it can't agree with them by accident. It listens
on loopback only.
"""
