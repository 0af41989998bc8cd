# PaYa. `make` alone lists what there is to run.
#
# Everything runs in .venv, which is made from hash-pinned locks on first use.
# A variable given on the command line (make run PORT=9000) reaches the program.

.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help run test check bench clean

environment = python="$$(sh scripts/python.sh)" && "$$python" -m scripts.environment

help: ## Say what each target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile
	@printf '\n  PORT=8700       the port of the app (run)\n'
	@printf '  PAYA_HOME=.paya where the database and the keys are kept (run)\n'
	@printf '  PYTHON=python3  the Python to make the environment with (3.11, 3.12 or 3.13)\n'
	@printf '  ARGS="-k feed"  arguments for pytest (test), or names of tools (check)\n'

run: ## Start PaYa here: database, app, worker, scheduler
	@$(environment) run && exec .venv/bin/paya run

test: ## Run every test, against a real Postgres and a real browser
	@$(environment) dev && exec .venv/bin/python -m scripts.test $(ARGS)

check: ## Lint, types, import directions, SQL, locks, the Supabase advisor
	@$(environment) dev && exec .venv/bin/python -m scripts.check $(ARGS)

bench: ## Measure click-to-feed and print the figures
	@$(environment) dev && exec .venv/bin/paya bench live

clean: ## Remove what can be made again (the database in .paya stays)
	rm -rf .venv .web build dist test-results artifacts tools/*/node_modules
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
