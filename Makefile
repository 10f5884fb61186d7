# Touchline's two commands are `make run` and `make test`; `make help` lists the rest.
# All that is needed is GNU make, bash and a Python from 3.11 on (make PYTHON=... names one).
SHELL := bash
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.PHONY: help run test check audit migrate migration lock format clean install install-dev browser \
	bench bench-latency bench-fanout bench-reads bench-read-growth bench-growth bench-ingest \
	bench-providers bench-arrival bench-memory bench-workers bench-day bench-bets evaluate story
python := .venv/bin/python

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: install ## servers, migrations, API and worker; PORT=, DATABASE_URL=, REDIS_URL=, Ctrl-C stops
	@# Tied to make: whoever kills make, even with SIGKILL, stops everything.
	@exec $(python) -I -S app/devstack/tied.py $$PPID 15 -1 -1 $(abspath $(python)) -m app up

test: install-dev browser ## every test; args="-k goal" passes options to pytest
	@# Every worker has servers of its own, so their number is bounded.
	@$(python) -m pytest -n auto --dist loadgroup $(args)

story: install-dev ## 1,000 users, 20,000 bets, 64 matches: balances against an independent account
	@USERS=1000 BETS=20000 MATCHES=64 $(python) -m pytest -q tests/stories/test_a_world_cup_of_bets.py

check: install-dev ## linter, formatter, types, import contracts, house rules
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/pyright --warnings
	@.venv/bin/lint-imports
	@$(python) -m pytest -q tests/test_house_rules.py

audit: install-dev ## whether a locked package has a known hole; says so when it cannot know
	@requirements/audit

migrate: install ## brings the database up to date (DATABASE_URL=, the running one, or .run/'s)
	@$(python) -m app migrate

migration: install ## writes a migration from the models: make migration m="add something"
	@$(python) -m app migration --message "$(m)"

bench: bench-latency bench-fanout bench-reads bench-read-growth bench-growth bench-ingest bench-providers bench-arrival bench-memory bench-workers bench-bets ## every measurement, one after the other

bench-latency: install-dev ## from commit to socket: milliseconds
	@$(python) -m bench.latency

bench-fanout: install-dev ## messages a second to 500 sockets, beside Bun, Fastify and ws (npm, node)
	@$(python) -m bench.fanout

bench-reads: install-dev ## reads a second, beside Bun with Fastify, JWT and Redis (npm, node, wrk)
	@$(python) -m bench.reads

bench-read-growth: install-dev ## reads a second as processes, callers and matches grow; the plot (wrk)
	@$(python) -m bench.read_growth

bench-growth: install-dev ## from commit to socket as sockets, matches and processes grow; the plot
	@$(python) -m bench.growth

bench-ingest: install-dev ## quotes a second, beside the bare upsert
	@$(python) -m bench.ingest

bench-providers: install-dev ## quotes and scores a second of three providers at once
	@$(python) -m bench.providers

bench-arrival: install-dev ## from a provider's change to the socket, pushed and polled: milliseconds
	@$(python) -m bench.arrival

bench-memory: install-dev ## megabytes idle, kilobytes a socket
	@$(python) -m bench.memory

bench-workers: install-dev ## megabytes of a worker with 5,000 matches in play
	@$(python) -m bench.workers

bench-day: install-dev ## a day of 5,000 matches in simulation: quotas used, age of data
	@$(python) -m bench.day

bench-bets: install-dev ## bets accepted a second beside the same statements raw; a match settled
	@$(python) -m bench.bets

evaluate: install ## proves the models, walking forward; args="FOLDER --seasons 2019-20..2022-23"
	@$(python) -m app evaluate $(args)

lock: install-dev ## makes requirements/*.lock anew; args="--upgrade" takes newer versions
	@requirements/compile $(args)

format: install-dev ## formats the code and mends what the linter can
	@.venv/bin/ruff check --fix --quiet . || true
	@.venv/bin/ruff format .

clean: ## removes .venv, .run (the embedded servers' data!) and caches
	rm -rf .venv .run .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

install:
	@requirements/install run

install-dev:
	@requirements/install dev

browser:
	@command -v chromium >/dev/null || deploy/debian-packages chromium || echo "browser tests are skipped"
