"""What the world contains: matches, incidents, markets, and what a provider says of them.

Read `match`, `incidents`, `market`, then `observation`. Imports nothing of ours and does no I/O;
everything here is a frozen value or a pure function.
"""
