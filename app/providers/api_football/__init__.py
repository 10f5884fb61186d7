"""API-Football v3: fixtures, events, odds before and during a match, standings; football only.

Its words: a *fixture* is our match, *goals* the score without a shoot-out, a *bet* a market, a
*value* a selection, *odd* its odds. Read `payloads` for what it sends, `errors` for how it says no
within HTTP 200, `normalize`, `incidents` and `odds` for what we make of it (pure), `client` for
what is asked when.
"""
