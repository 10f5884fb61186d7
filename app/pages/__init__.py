"""What people see: the scoreboard, one match with its price chart, the API's documentation.

Plain HTML, CSS and modules, served as they stand here; there is no build step and nothing is
loaded from another host. The pages are clients like any other: they read REST and follow what
somebody can see over one `/ws`, and know nothing a stranger's client could not know.

Words: a *release* is the hash over every static file; it stands in their addresses, so that they
can be kept for ever, and a page that was loaded before a new release keeps one set of files.

Read `files`, `routes`, then `static/state.js` (what a frame does to what we know),
`static/touchline_client.mjs` (the socket; docs/clients shows the same file), `static/follows.js`
(what is followed), `static/board.js` and `static/match.js`.
"""
