"""Touchline: a real-time sports-data and betting backend.

One flow: a provider says something, `ingest` decides what to believe, Postgres holds it, and
`stream` tells the world in order. Rooms (sports, database, providers, catalog, ingest, polling,
stream, access) do the work and know no web framework; doors (api, sockets, pages, ops, serving)
turn a wire into a call. `main` joins them; `docs/architecture.md` draws the map.
"""
