# `make` lists what can be made. Everything is installed into .venv, as locked in uv.lock.
# Another Python:   make run PYTHON=python3.12        Some tests:   make test T="-k cron -x"

PYTHON ?= python3
T ?=

.DEFAULT_GOAL := help
.PHONY: help install run test torture check lint types format bench lock clean FORCE

LOCKED := pyproject.toml uv.lock requirements.txt requirements-dev.txt tools/environment.py
# A Python named by the caller may not be the one in .venv: look, even if nothing else changed.
ifneq ($(origin PYTHON),file)
LOCKED += FORCE
export PYTHON_IS_GIVEN := 1
endif

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

install: .venv/installed-runtime ## install what is locked into .venv

run: .venv/installed-runtime ## install and serve http://127.0.0.1:8080
	@exec .venv/bin/python wsgi.py

test: .venv/installed-dev ## install and run the tests (some of them: T="-k cron -x")
	@.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(T)

torture: .venv/installed-dev ## thousands of simulated schedules of faults, hundreds of kills of the real server, outages
	CARILLON_TEST_SCHEDULES=4000 .venv/bin/python -m pytest -n 2 tests/simulation
	.venv/bin/python -m tests.torture --database sqlite
	.venv/bin/python -m tests.torture --database postgresql
	CARILLON_TEST_OUTAGES=long .venv/bin/python -m pytest -s tests/outages

check: lint types test ## all that a change has to pass: format, lint, types, imports, tests

lint: .venv/installed-dev ## format, style and the layers of imports, without changing a file
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports --no-logo

types: .venv/installed-dev ## types
	.venv/bin/mypy

format: .venv/installed-dev ## format the code and mend what can be mended
	.venv/bin/ruff check --fix-only .
	.venv/bin/ruff format .

bench: .venv/installed-dev ## run every benchmark in turn
	@failed=; for file in benchmarks/*.py; do \
	  printf '\n== %s\n' "$$file"; .venv/bin/python "$$file" || failed="$$failed $$file"; \
	done; [ -z "$$failed" ] || { echo "failed:$$failed" >&2; exit 1; }

lock: ## lock again and export requirements*.txt
	@"$(PYTHON)" tools/environment.py lock

clean: ## remove what was installed and built; the data stays
	rm -rf .venv .uv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/installed-runtime: $(LOCKED)
	@"$(PYTHON)" tools/environment.py runtime

.venv/installed-dev: $(LOCKED)
	@"$(PYTHON)" tools/environment.py dev

FORCE:
