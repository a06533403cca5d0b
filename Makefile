# One command for each task of developers and CI. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Install missing packages, build, and serve (ARGS="--listen 127.0.0.1:9000" adds settings)
	@scripts/install-postgresql
	@cargo build --release --locked
	@exec target/release/minitwit serve $(ARGS)

.PHONY: test
test: ## Install missing packages and run all tests (ARGS="--test it browser::" selects some)
	@scripts/install-postgresql
	@scripts/install-test-tools
	cargo test --locked $(ARGS)

.PHONY: fuzz
fuzz: ## Mutate the inputs in tests/corpus for the parsers of what strangers send (CASES=1000000 for each)
	PROPTEST_CASES=$(or $(CASES),1000000) cargo test --locked --test it -- parsers:: --nocapture
	PROPTEST_CASES=$(or $(CASES),20000) cargo test --locked --package legacy-data --test it -- never_panic --nocapture

.PHONY: models
models: ## Check the larger models of batches, `latest` and the watermark (a minute, 4 GB of memory)
	cargo test --locked --package models -- --include-ignored --nocapture

.PHONY: coverage
coverage: ## Run all tests and report line coverage; fail below MINIMUM=90 percent
	@scripts/install-postgresql
	@scripts/install-test-tools
	scripts/coverage

.PHONY: lint
lint: lint-code lint-files deny ## Run all static checks

.PHONY: lint-code
lint-code: ## Check format, clippy, documentation and query metadata
	cargo fmt --all --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	@scripts/install-postgresql
	scripts/check-queries

# Includes files that are not committed yet.
files = git ls-files -z --cached --others --exclude-standard
# Files whose first line names a shell.
scripts = git grep --untracked -lIE '^\#!(/usr/bin/env |/bin/)(ba)?sh$$'
# Files named *.py or with a Python first line. git still lists removed files, hence the test.
python = { $(files) '*.py'; git grep --untracked -zlIE '^\#!/usr/bin/env python3$$'; } | sort -zu \
  | xargs -0r sh -c 'for file; do [ ! -f "$$file" ] || printf "%s\0" "$$file"; done' sh
linters = target/linters/bin
# Detectors of secrets that are disabled, because they report every hash.
noisy_detectors = HexHighEntropyString Base64HighEntropyString KeywordDetector BasicAuthDetector

.PHONY: lint-files
lint-files: ## Check YAML, workflows, Dockerfiles, scripts, Python and migrations; search for secrets
	@scripts/install-python-tools .ci/linters/requirements.txt target/linters
	$(files) '*.yml' '*.yaml' | xargs -0 $(linters)/yamllint --strict
	$(linters)/actionlint -shellcheck $(linters)/shellcheck
	$(linters)/zizmor --pedantic --no-online-audits --quiet .github
	$(files) '*Dockerfile' | xargs -0 --no-run-if-empty $(linters)/hadolint
	$(scripts) | xargs $(linters)/shellcheck
	scripts/lint-migrations $(linters)/squawk
	$(python) | xargs -0r $(linters)/ruff check --quiet --config .ci/linters/ruff.toml
	$(python) | xargs -0r $(linters)/ruff format --quiet --diff --config .ci/linters/ruff.toml
	$(files) | xargs -0 $(linters)/detect-secrets-hook $(addprefix --disable-plugin ,$(noisy_detectors))

.PHONY: deny
deny: ## Check licenses and sources of dependencies (CHECKS="advisories" checks known vulnerabilities)
	@scripts/install-cargo-tool cargo-deny 0.20.2
	target/tools/bin/cargo-deny --locked check $(or $(CHECKS),bans licenses sources)

.PHONY: alerts-check
alerts-check: ## Check the rules of Prometheus, run their tests, and compare them with panels, runbook and metrics
	@command -v promtool > /dev/null || scripts/apt-install prometheus
	@python3 -c 'import yaml' 2> /dev/null || scripts/apt-install python3-yaml
	scripts/check-alerts

.PHONY: scenario
scenario: ## Play SCENARIO=FILE against a temporary server and verify the result
	@test -n "$(SCENARIO)" || { echo "usage: make scenario SCENARIO=FILE"; exit 2; }
	@scripts/install-postgresql
	@cargo build --release --locked
	@scripts/scenario "$(abspath $(SCENARIO))"

.PHONY: bench
bench: ## Compare the server with pgbench and nginx (ARGS="--quick tweets" measures less)
	@scripts/install-postgresql
	@scripts/install-bench-tools
	cargo bench --locked --bench speed -- $(ARGS)

.PHONY: bench-migration
bench-migration: ## Measure the longest pause of posts during an index build (MESSAGES=2000000)
	@scripts/install-postgresql
	cargo bench --locked --bench migration -- --messages $(or $(MESSAGES),2000000)

.PHONY: no-downtime
no-downtime: ## Replace servers behind nginx under load; no request may fail (PREVIOUS=auto replaces the previous program)
	@cargo build --release --locked
	@previous=$(if $(filter auto,$(PREVIOUS)),$$(scripts/previous-program),$(PREVIOUS)); \
	  scripts/no-downtime target/release/minitwit $${previous:+--previous "$$previous"}

.PHONY: disaster
disaster: ## Destroy the database of a loaded server and restore it, RUNS=10 times with MESSAGES=20000
	@scripts/install-postgresql
	@command -v pgbackrest > /dev/null || scripts/apt-install pgbackrest
	@cargo build --release --locked
	@python3 tests/deployment/disaster.py target/release/minitwit \
	  --runs $(or $(RUNS),10) --messages $(or $(MESSAGES),20000) $(ARGS)

.PHONY: upgrade-test
upgrade-test: ## Upgrade the embedded PostgreSQL from 15 to 17 and kill the upgrade at many points, as root (ARGS="--kills 100")
	@scripts/upgrade-test $(ARGS)

.PHONY: env
env: ## Create .env and missing secrets of compose.yaml
	@scripts/make-env

# Reads the names as Compose does: from the environment, else from .env, which must not run as shell code.
.PHONY: volume
volume: ## Create the volumes of the database and of its backups for compose.yaml, unless they exist
	@for variable in DATABASE_VOLUME=minitwit-database BACKUP_VOLUME=minitwit-backups; do \
	  key=$${variable%%=*}; \
	  file=$$(if [ -f .env ]; then sed -n "s/^$$key=[\"']\{0,1\}\([^\"' ]*\).*/\1/p" .env; fi); \
	  name=$${!key:-$$file}; docker volume create "$${name:-$${variable#*=}}"; \
	done

.PHONY: image
image: ## Build the container images minitwit:local and, with its PostgreSQL, minitwit-postgres:local
	docker build --target database --tag minitwit-postgres:local .
	docker build --tag minitwit:local \
	  --build-arg VERSION="$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" \
	  --build-arg CREATED="$$(git log -1 --format=%cI)" .

.PHONY: deploy-swarm
deploy-swarm: ## Deploy MINITWIT_IMAGE to the swarm of DOCKER_HOST; roll back unless it is healthy and URL responds ("-": no URL)
	@scripts/deploy compose/compose.swarm.yaml minitwit "$(URL)"

.PHONY: deploy-test
deploy-test: ## Test deployments and rollbacks on a temporary swarm, as root
	@scripts/deploy-test

.PHONY: up
up: env volume ## Start the whole system in containers (docs/how-to/deploy-with-compose.md)
	docker compose up --detach --wait

.PHONY: roll
roll: ## Replace the replicas of compose.yaml one by one without a failed request
	@scripts/roll

.PHONY: containers
containers: ## Test the containers on a separate Docker engine, as root (IMAGE=NAME skips the build)
	@scripts/containers-test

.PHONY: schema
schema: ## Renew migrations/schema.txt, the list of the objects that the migrations create
	@scripts/install-postgresql
	MINITWIT_RENEW_SCHEMA=1 cargo test --locked --test it environment::damage::the_committed_list

.PHONY: openapi
openapi: ## Generate the OpenAPI documents in openapi/
	for api in api simulator; do \
	  cargo run --quiet --locked -- openapi $$api > openapi/$$api.json.new; \
	  mv openapi/$$api.json.new openapi/$$api.json; \
	done

.PHONY: api-check
api-check: ## Check both APIs with linters, Schemathesis (EXAMPLES=500 an operation), generated clients, and the tutorial
	@scripts/install-postgresql
	@scripts/api-check

.PHONY: pages-check
pages-check: ## Check the pages with Lighthouse (mobile profile, 100 each) and axe, light and dark
	@scripts/install-postgresql
	@scripts/install-test-tools
	@scripts/pages-check

.PHONY: queries
queries: ## Renew .sqlx after a change of SQL or schema
	@scripts/install-postgresql
	scripts/check-queries --renew

.PHONY: screenshots
screenshots: ## Renew docs/screenshots/
	@scripts/install-postgresql
	@scripts/install-test-tools
	scripts/screenshots

.PHONY: format
format: ## Format the code
	cargo fmt --all
