# The words a contributor needs. `make run` and `make test` set up what they need, on a machine with Python 3.11 or later
# (with `venv`), make, and nothing else. The environment is .venv; nothing is installed outside this folder.

.DEFAULT_GOAL := help
.SUFFIXES:
SHELL := /bin/sh

VENV := .venv
PYTHON := $(VENV)/bin/python
PIP := $(PYTHON) -m pip --disable-pip-version-check --quiet
SOURCES := bot handlers learning profiles web benchmarks tests
# Tests run beside one another, one process more than there are cores, at most four: many of them wait for another process.
# `make test ARGS="-n 0 …"` keeps them in one.
SPREAD := -n $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$cores -lt 3 ] && echo $$((cores + 1)) || echo 4) --dist worksteal
# Tests start some hundred bots: none of them shall compile the sources anew, whatever the machine is set to.
WITH_BYTECODE := PYTHONDONTWRITEBYTECODE=
COOLDOWN_DAYS := 7

# What is asked of an interpreter: 3.11 or later, with venv and pip's bundle.
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
FIND_PYTHON = for name in $(PYTHON3) python3 python3.14 python3.13 python3.12 python3.11 python; do \
		command -v "$$name" >/dev/null 2>&1 && "$$name" -c '$(SUITS)' >/dev/null 2>&1 && { command -v "$$name"; exit 0; }; \
	done; exit 0

help:  ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s%s\n", $$1, $$2}'

setup: $(VENV)/installed  ## make or renew the environment in .venv

run: setup  ## start the bot with its page on http://127.0.0.1:8080
	@$(PYTHON) -m bot run

chat: setup  ## talk in this terminal
	@$(PYTHON) -m bot chat

test: $(VENV)/installed-dev  ## run the tests
	$(WITH_BYTECODE) $(PYTHON) -m pytest $(SPREAD) $(ARGS)

style: $(VENV)/installed-dev  ## style and types
	$(VENV)/bin/ruff check --no-cache $(SOURCES)
	$(VENV)/bin/ruff format --no-cache --check $(SOURCES)
	$(VENV)/bin/mypy

check: style  ## style, types, import rules, languages, documents: what `make test` finds sooner or later, in two minutes
	$(WITH_BYTECODE) $(PYTHON) -m pytest -q -p no:cacheprovider tests/test_imports.py tests/test_locale.py tests/test_docs.py

bench: $(VENV)/installed-dev  ## measure: overhead against python-telegram-bot, offline answers, language models, profiles, memory, training files
	$(PYTHON) -m benchmarks.overhead --json
	$(PYTHON) -m benchmarks.offline --json
	$(PYTHON) -m benchmarks.models --json
	$(PYTHON) -m benchmarks.profile --json
	$(PYTHON) -m benchmarks.profile_recovery --json
	$(PYTHON) -m benchmarks.uplift --simulate 1500 --effect 15 --json
	$(PYTHON) -m benchmarks.memory --json
	$(PYTHON) -m benchmarks.bilingual --json
	$(PYTHON) -m benchmarks.memory_scale --json
	$(PYTHON) -m benchmarks.duplicates --json
	$(PYTHON) -m benchmarks.scrub --items 2000 --json
	$(PYTHON) -m benchmarks.export --rows 1000000 --json
	out=$$(mktemp -d) && $(PYTHON) -m benchmarks.two_weeks --out "$$out/town" --json; status=$$?; rm -rf "$$out"; exit $$status
	$(PYTHON) -m benchmarks.night --json
	$(PYTHON) -m benchmarks.rendering --texts 10000 --json
	$(PYTHON) -m benchmarks.stopping --json
	$(PYTHON) -m benchmarks.noisy --place telegram --json
	$(PYTHON) -m benchmarks.noisy --place discord --json
	$(PYTHON) -m benchmarks.flood --place telegram --json
	$(PYTHON) -m benchmarks.flood --place discord --json

outage: $(VENV)/installed-dev  ## let the language model die for five minutes under 200 people
	$(PYTHON) -m benchmarks.models --outage 300 --json

chaos: $(VENV)/installed-dev  ## the long campaigns: 500 kills, foreign words, attacks, a vandalised index, erasures, nights; the slow tests
	$(PYTHON) -m tests.chaos.kills --kills 500 $(ARGS)
	$(PYTHON) -m tests.chaos.village --queries 10000
	$(PYTHON) -m tests.chaos.siege --attacks 3000
	$(PYTHON) -m tests.chaos.vandals --turns 1000
	$(PYTHON) -m tests.chaos.erased --people 1000 --kills 100
	$(PYTHON) -m tests.chaos.nights --kills 100
	for place in telegram-edit telegram-draft telegram-webhook discord; do \
		$(PYTHON) -m tests.chaos.platform_kills --place $$place --kills 500 || exit 1; \
	done
	$(WITH_BYTECODE) $(PYTHON) -m pytest -m slow $(SPREAD)

fake-telegram: $(VENV)/installed-dev  ## a Telegram of one's own, without an account: chat with the bot in a browser tab
	$(PYTHON) -m tests.servers.telegram $(ARGS)

fake-discord: $(VENV)/installed-dev  ## a Discord of one's own, likewise
	$(PYTHON) -m tests.servers.discord --port 8095 $(ARGS)

docs: $(VENV)/installed-dev  ## write the generated pages of docs/ anew
	$(PYTHON) -m tests.documents

locale: $(VENV)/installed-dev  ## extract what people read, keep translations, compile both languages
	$(PYTHON) -m tests.catalogues $(ARGS)

lock: $(VENV)/installed-dev  ## renew the lock files; releases younger than a week are left out
	@command -v uv >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	before=$$($(PYTHON) -c 'from datetime import UTC, datetime, timedelta as t; print((datetime.now(UTC) - t($(COOLDOWN_DAYS))).strftime("%Y-%m-%d"))'); \
	for groups in "requirements.txt --group build" "requirements-dev.txt --group build --group dev"; do \
		set -- $$groups; file=$$1; shift; \
		uv pip compile --quiet pyproject.toml "$$@" --output-file "$$file" --upgrade --generate-hashes --universal \
			--python-version 3.11 --exclude-newer "$$before" --no-header --no-annotate || exit 1; \
	done

audit: $(VENV)/installed-dev  ## look the locked releases up in the list of known weaknesses (needs the network)
	$(VENV)/bin/pip-audit --require-hashes --disable-pip -r requirements-dev.txt

clean:  ## remove the environment and caches, never the data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "Martín needs Python 3.11 or later with venv, and found none." >&2; \
		echo "On Debian or Ubuntu: sudo apt-get install python3-venv. Elsewhere: https://www.python.org/downloads/" >&2; \
		echo "An interpreter under another name: make PYTHON3=/path/to/python3.12 …" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$python"; \
	rm -rf $(VENV); "$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# The stamps are made anew when a lock or the project's own description changes. Hashes are checked (R-68); pip compiles to
# bytecode while it installs, so that the first start is as quick as the next.
$(VENV)/installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing (the first time takes a minute or two) …"
	@$(PIP) install --require-hashes --no-deps --only-binary :all: -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@$(PYTHON) -m compileall -q bot handlers learning profiles web
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	@echo "Installing what tests need …"
	@$(PIP) install --require-hashes --no-deps --only-binary :all: -r requirements-dev.txt
	@touch $@

.PHONY: help setup run chat test check bench outage chaos fake-telegram fake-discord docs locale lock audit clean
