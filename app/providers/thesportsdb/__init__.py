"""TheSportsDB: a free, crowd-made database of matches; with a paid key, live scores.

Read `payloads` (what it sends), `normalize` (what that means), then `client` (how it is asked).
Everything it sends is text or null, its times are UTC without saying so, and its tennis matches
often have no sides.
"""
