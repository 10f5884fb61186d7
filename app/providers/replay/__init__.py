"""Feeds we make ourselves: recorded matches, played again at any speed as a provider.

Words: a *recording* is one match as somebody told it, a *moment* one line of it, a *play* one
showing of a recording at a wall-clock time, a *lane* an endless row of plays. `at` is always
seconds of real time since the recorded kick-off; wall-clock times are whole milliseconds.

Read `recording` (the file format), `clocks` and `track` (what a recording says at a moment),
`chances` and `prices` (the made-up bookmakers), `player` (which recording is on when),
`provider`, then `record` (the way back: from any provider to a file). `conversion` made the
recordings that come along from the source files.

Invariants: what is answered is a pure function of the recordings, the speed, the lanes, the
seed and the clock, so that any number of workers agree and a restart changes nothing. Prices
look only at what has already happened.
"""
