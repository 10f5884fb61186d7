"""The Odds API v4: what many bookmakers offer, and scores, paid in credits a month.

Read `payloads` (what it sends), `normalize` (what that means), then `client` (how it is asked).
Its leagues are sport keys (`soccer_epl`); teams and players have names and no ids.
"""
