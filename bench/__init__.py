"""What Touchline's speed and memory are, beside a raw baseline in the same run.

`python -m bench.latency`, `.ingest`, `.memory`: each starts what it needs on loopback, runs under
three minutes, stops by itself, prints a table and writes `bench/results/<name>.json`.
"""
