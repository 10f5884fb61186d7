"""What will be: chances of a match before and while it is played, and the proof of them.

Words: *parameters* are what a model learnt from results, by a day; a *forecast* is the chances of
one match; its *process* is how the score comes about, from which every other chance follows; a
*state* is where a match stands; *confidence* is how far the parameters let a chance be known.

Read `forecast` and `states` (values, without numpy: the API loads these), `results` (what a model
may see), `regression`, then the models: `goals` (clubs and hockey), `nations`, `points`
(basketball), `sets` (tennis); `scores` makes one distribution of final scores of any process, and
everything asked of it; `blend` joins a forecast with the market; `models` is the one door to all
of them; `scoring` judges forecasts, `walk` and `evaluation` prove them.

Serving: `standing` (values), `told` and `occasions` (pure), `making` (from where a match stands to
its forecast), `following` (which are due, where they stand, writing with the place in the log),
`records` (what came true), `keeping` and `fitting` (versions of parameters), `read`, `asking`,
`accuracy` and `shapes` (for the doors).

Invariants: a forecast, its place in the log and its entry there are one transaction; a match that
is over has one record a version; a model sees results of days before `as_of` and nothing else;
chances are within [0, 1] and add up to 1 within 1e-9, as told exactly; the same results make the
same parameters, bit for bit on one machine; numpy is never imported by what a process of the API
imports.
"""
