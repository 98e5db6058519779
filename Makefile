# Everything goes through uv, which lives in the clone (.tools/) like all else that is installed (.venv/).
PYTHON ?= python3
UV := UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=$(CURDIR)/.venv .tools/bin/uv
BIN := .venv/bin
MEMBERS := core airflow_provider hera_steps snakemake_executor
CLUSTER := $(PYTHON) -m tests.realcluster
JAX := $(BIN)/python -m tests.examples.jax_environment
.DEFAULT_GOAL := help
.PHONY: help demo demo-engines test check lint setup bench fuzz docs lock cluster-up cluster-down cluster-status cluster-kubeconfig test-cluster record clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

demo: .venv/.core ## run examples/iris on the local cluster: one leader and three workers train a classifier
	@$(BIN)/dagset run examples/iris/node.yaml

demo-engines: setup ## the same node through Airflow and Snakemake, and as an Argo workflow held against Argo's schema
	@$(BIN)/python examples/demo_engines.py

test: setup .venv/.s3 ## set up and run all tests that this machine can run (DAGSET_REQUIRE_ALL=1: nothing may be left out)
	@[ "$$DAGSET_REQUIRE_ALL" != 1 ] || { $(CLUSTER) build && $(CLUSTER) build --argo && $(JAX); }
	@$(BIN)/python -m pytest -n 2 --dist loadscope

check: lint ## format, lint, types, import contracts, unit tests (no cluster)
	@$(BIN)/python -m pytest -q -m "not cluster and not realcluster"

lint: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

setup: .venv/.all ## install the locked versions of everything, hosts included, into .venv

cluster-up: ## build (once) and start the real control plane: Kubernetes and JobSet on one node, without uplink
	@$(CLUSTER) up
cluster-down: ## end it without a trace
	@$(CLUSTER) down
cluster-status: ## say what of it runs
	@$(CLUSTER) status
cluster-kubeconfig: ## print the path of its kubeconfig
	@$(CLUSTER) kubeconfig
test-cluster: setup ## run the tests that need the real control plane
	@$(BIN)/python -m pytest -m realcluster

bench: setup ## measure side by side with peers, print one table, write benchmarks/results.json
	@$(BIN)/python -m benchmarks

fuzz: setup ## look for files that break the readers, with atheris, 10 minutes each (SECONDS=n)
	@$(UV) pip install -q --require-hashes -r locks/fuzz.txt || echo "no atheris for this Python or machine" >&2
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

record: setup ## record anew what the real cluster that is up says in every story (STORIES="name ..." for some)
	@$(BIN)/python -m tests.recordings.record $(STORIES)

docs: .venv/.docs ## build the docs site into site/, with a broken link as an error
	@$(BIN)/python -m sphinx -q -E -W --keep-going -b html docs site
	@echo "site/index.html"

lock: .tools/.done ## resolve anew and write locks/
	@$(UV) lock --upgrade
	@$(UV) export -q --frozen --no-header --package dagset --no-default-groups --no-emit-workspace -o locks/core.txt >/dev/null
	@$(UV) export -q --frozen --no-header --only-group build -o locks/build.txt >/dev/null
	@$(UV) export -q --frozen --no-header --only-group docs -o locks/docs.txt >/dev/null
	@$(UV) export -q --frozen --no-header --only-group s3 -o locks/s3.txt >/dev/null
	@$(UV) export -q --frozen --no-header --all-packages --all-groups --no-group docs --no-group s3 --no-emit-workspace -o locks/all.txt >/dev/null
	@$(UV) pip compile -q --no-header --no-annotate --generate-hashes benchmarks/peers.in -o locks/peers.txt >/dev/null
	@$(UV) pip compile -q --no-header --no-annotate --generate-hashes --universal tests/examples/jax.in -o locks/jax.txt >/dev/null
	@$(UV) pip compile -q --no-header --no-annotate --generate-hashes benchmarks/snakemake_peers.in -o locks/snakemake_peers.txt >/dev/null
	@$(UV) pip compile -q --no-header --no-annotate --generate-hashes tests/fuzz/fuzz.in -o locks/fuzz.txt >/dev/null
	@printf 'uv==%s\n' "$$($(UV) --version | cut -d' ' -f2)" | $(UV) pip compile -q --no-header --no-annotate --generate-hashes - -o locks/uv.txt >/dev/null

clean: ## remove what set-up put into the clone
	@rm -rf .venv .tools site uv.lock .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

.tools/.done: locks/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "dagset needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .tools || { echo "no working venv module: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@.tools/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r locks/uv.txt
	@touch $@

.venv/.core: .tools/.done locks/core.txt locks/build.txt core/pyproject.toml
	@$(UV) venv -q --allow-existing --python $(PYTHON) .venv
	@$(UV) pip install -q --require-hashes -r locks/core.txt -r locks/build.txt
	@$(UV) pip install -q --no-deps --no-build-isolation -e core
	@touch $@

.venv/.all: .venv/.core locks/all.txt $(MEMBERS:%=%/pyproject.toml)
	@$(UV) pip install -q --require-hashes -r locks/all.txt
	@$(UV) pip install -q --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

.venv/.s3: .venv/.all locks/s3.txt
	@$(UV) pip install -q --require-hashes --target .venv/s3 -r locks/s3.txt
	@touch $@

.venv/.docs: .venv/.all locks/docs.txt
	@$(UV) pip install -q --require-hashes -r locks/docs.txt
	@touch $@
