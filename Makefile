# Two commands are enough: `make demo` shows the loop, `make test` proves it.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3.11
BIN := .venv/bin
OURS := $(sort $(dir $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)))

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults swaps prometheus incidents browser clients typescript asyncapi shots check bench bench-quick bench-setup evaluate format constraints docs wheels home-fixture clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: .venv/ready ## install everything, pinned, into .venv

.venv/ready: constraints.txt VERSION $(addsuffix pyproject.toml,$(OURS))
	@command -v $(PYTHON) >/dev/null || { echo "Penstock needs Python 3.11: '$(PYTHON)' was not found. Set PYTHON=/path/to/python3.11."; exit 2; }
	@echo "Installing $$(grep -c '^[a-z].*==' constraints.txt) packages into .venv, a minute or two the first time:"
	@$(PYTHON) -m venv .venv
	@awk '/^uv==/{on=1} on{print} on&&!/\\$$/{exit}' constraints.txt > .venv/bootstrap.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/bootstrap.txt
	@$(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --require-hashes -r constraints.txt 2>&1 | \
		grep --line-buffered -v '^ [-+~]'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-index --no-deps --no-build-isolation $(foreach dist,$(OURS),-e ./$(dist))
	@$(BIN)/uv pip check --quiet --python $(BIN)/python
	@touch $@

demo: setup ## the whole loop on a real broker, in the terminal
	@$(BIN)/penstock demo $(DEMO)

test: setup ## every test; TESTS=PATH runs only those
ifdef TESTS
	@$(BIN)/python -m pytest $(TESTS)
else
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/end_to_end tests/faults tests/loop tests/inputs tests/evaluation tests/deployment tests/architecture services libs  # the longest first
endif

faults: setup ## seeded faults in one process, SEEDS=2000, then faults of real processes, a broker and networks; writes docs/faults.md (an hour at a time)
	@$(BIN)/python -m tests.faults --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),0) --minutes $(or $(MINUTES),10)
ifndef FIRST
	@unshare --user --map-root-user --mount $(BIN)/python -m tests.faults.live --only "$(ONLY)" --minutes $(or $(LIVE_MINUTES),45)
endif

swaps: setup ## two models take turns under load, SWAPS=1000 times; writes docs/swaps.md (a quarter of an hour)
	@$(BIN)/python -m tests.swaps --swaps $(or $(SWAPS),1000)

prometheus: setup ## an incident for every alerting rule, before Debian's Prometheus and Alertmanager; writes docs/alerting-rules.md
	@$(BIN)/python -m tests.alerting $(ALERTS)

incidents: setup ## stage twelve incidents in a real deployment, ONLY=name for one; writes docs/incidents.md (a quarter of an hour)
	@unshare --user --map-root-user --mount $(BIN)/python -m tests.incidents --only "$(ONLY)"

browser: setup ## the console in Debian's chromium: each page in both themes, wide and narrow, by keyboard, judged by axe (ten minutes)
	@$(BIN)/python -m tests.browser --only "$(ONLY)"

clients: setup ## clients of others, from their own packages, before a real deployment: Kafka's, Triton's and KServe's (two minutes)
	@$(BIN)/python -m tests.clients

typescript: setup ## clients in TypeScript, generated from the OpenAPI documents, before a deployment (two minutes; wants Node.js)
	@$(BIN)/python -m tests.typescript

asyncapi: setup ## docs/asyncapi.json before AsyncAPI's own parser (half a minute; wants Node.js)
	@$(BIN)/python -m tests.asyncapi

shots: setup ## write the pictures of docs/console from a seeded deployment
	@$(BIN)/python -m tests.browser --shots

check: setup ## lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.architecture.types

bench: setup ## measure everything against the peers, and write docs/benchmarks.md (hours)
	@$(BIN)/python -m bench full $(BENCH)

bench-quick: setup ## measure the drain and HTTP against the peers (5 minutes)
	@$(BIN)/python -m bench quick $(BENCH)

bench-setup: setup ## once, before: install each peer of the benchmark into an environment of its own
	@$(BIN)/python -m bench setup

evaluate: setup ## replay what changed, a stream at a time, beside stored references: EVALUATE="--data FOLDER"; writes docs/evaluation.md (two hours)
	@$(BIN)/python -m bench.evaluation $(EVALUATE)

format: setup ## mend what a machine can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

constraints: ## pin every dependency anew, with hashes (by the uv that `make setup` installed)
	@$(BIN)/uv pip compile --quiet pyproject.toml --group dev --extra onnx --universal --generate-hashes --no-header --no-annotate \
		--python-version 3.11 $(foreach dist,$(OURS),--no-emit-package penstock-$(notdir $(patsubst %/,%,$(dist)))) -o constraints.txt

docs: setup ## write the generated documents and the picture of the house anew
	@$(BIN)/python -m penstock.contracts.documents.generate
	@$(BIN)/python -m tests.architecture.house
	@$(BIN)/python -m tests.architecture.command_line

wheels: setup ## build the wheel of every distribution into dist/
	@rm -rf dist
	@$(BIN)/uv build --quiet --all-packages --wheel --no-build-isolation --offline -o dist
	@ls dist

home-fixture: setup ## keep a home of this version, for later ones to prove that they upgrade it (a minute)
	@$(BIN)/python -m tests.end_to_end.home_fixture

clean: ## remove the environment and all local state
	@rm -rf .venv .penstock
