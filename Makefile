# Every task that people and CI do, one command each. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Install what is missing, build, and serve (ARGS="--listen 127.0.0.1:9000" adds settings)
	@scripts/install-postgresql
	@cargo build --release --locked
	@exec target/release/minitwit serve $(ARGS)

.PHONY: test
test: ## Install what is missing, and run every test (ARGS="--test it browser::" for fewer)
	@scripts/install-postgresql
	@scripts/install-test-tools
	cargo test --locked $(ARGS)

.PHONY: coverage
coverage: ## Run every test, and say which lines they reach; fewer than MINIMUM=90 percent are a failure
	@scripts/install-postgresql
	@scripts/install-test-tools
	scripts/coverage

.PHONY: lint
lint: lint-code lint-files deny ## Check everything that can be checked without running it

.PHONY: lint-code
lint-code: ## Check format, clippy, documentation and checked queries
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items
	@scripts/install-postgresql
	scripts/check-queries

# Also what is not committed yet.
files = git ls-files -z --cached --others --exclude-standard
# What begins with a line that names a shell.
scripts = git grep --untracked -lIE '^\#!(/usr/bin/env |/bin/)(ba)?sh$$'
# What is called so or begins so, and is there: of a file that was removed git still lists the name.
python = { $(files) '*.py'; git grep --untracked -zlIE '^\#!/usr/bin/env python3$$'; } | sort -zu \
  | xargs -0r sh -c 'for file; do [ ! -f "$$file" ] || printf "%s\0" "$$file"; done' sh
linters = target/linters/bin
# Of the detectors of secrets, those that know what they look for: the others take every hash for one.
guessing = HexHighEntropyString Base64HighEntropyString KeywordDetector BasicAuthDetector

.PHONY: lint-files
lint-files: ## Check YAML, workflows, Dockerfiles, scripts, migrations and Python, and look for secrets
	@scripts/install-python-tools .ci/linters/requirements.txt target/linters
	$(files) '*.yml' '*.yaml' | xargs -0 $(linters)/yamllint --strict
	$(linters)/actionlint -shellcheck $(linters)/shellcheck
	$(linters)/zizmor --pedantic --no-online-audits --quiet .github
	$(files) '*Dockerfile' | xargs -0 --no-run-if-empty $(linters)/hadolint
	$(scripts) | xargs $(linters)/shellcheck
	scripts/lint-migrations $(linters)/squawk
	$(python) | xargs -0r $(linters)/ruff check --quiet --config .ci/linters/ruff.toml
	$(python) | xargs -0r $(linters)/ruff format --quiet --diff --config .ci/linters/ruff.toml
	$(files) | xargs -0 $(linters)/detect-secrets-hook $(addprefix --disable-plugin ,$(guessing))

.PHONY: deny
deny: ## Check the dependencies' licenses and sources (CHECKS="advisories" asks what is known against them)
	@scripts/install-cargo-tool cargo-deny 0.20.2
	target/tools/bin/cargo-deny --locked check $(or $(CHECKS),bans licenses sources)

.PHONY: scenario
scenario: ## Play SCENARIO=FILE as the simulator does against a server of its own, and compare what it leaves
	@test -n "$(SCENARIO)" || { echo "which one? make scenario SCENARIO=FILE"; exit 2; }
	@scripts/install-postgresql
	@cargo build --release --locked
	@scripts/scenario "$(abspath $(SCENARIO))"

.PHONY: bench
bench: ## Measure how far the server is from the limits of this machine (ARGS="--quick tweets" for less)
	@scripts/install-postgresql
	@scripts/install-bench-tools
	cargo bench --locked --bench speed -- $(ARGS)

.PHONY: bench-migration
bench-migration: ## Measure the longest pause of posts while an index of MESSAGES=2000000 is built
	@scripts/install-postgresql
	cargo bench --locked --bench migration -- --messages $(or $(MESSAGES),2000000)

.PHONY: no-downtime
no-downtime: ## Replace servers behind nginx while they are used; no request may fail (PREVIOUS=auto begins with the program of the schema before)
	@cargo build --release --locked
	@previous=$(if $(filter auto,$(PREVIOUS)),$$(scripts/previous-program),$(PREVIOUS)); \
	  scripts/no-downtime target/release/minitwit $${previous:+--previous "$$previous"}

.PHONY: env
env: ## Make .env and the secrets of compose.yaml that are missing
	@scripts/make-env

# As Compose takes it: from the environment, or from .env, which is no shell's, and may hold what one would run.
.PHONY: volume
volume: ## Make the volume that the database of compose.yaml is in; what is there stays
	@file=$$(if [ -f .env ]; then sed -n "s/^DATABASE_VOLUME=[\"']\{0,1\}\([^\"' ]*\).*/\1/p" .env; fi); \
	  name=$${DATABASE_VOLUME:-$$file}; docker volume create "$${name:-minitwit-database}"

.PHONY: image
image: ## Build the container image minitwit:local
	docker build --tag minitwit:local \
	  --build-arg VERSION="$$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)" \
	  --build-arg REVISION="$$(git rev-parse HEAD)" \
	  --build-arg CREATED="$$(git log -1 --format=%cI)" .

.PHONY: deploy-swarm
deploy-swarm: ## Bring MINITWIT_IMAGE to the swarm of DOCKER_HOST, and back if it, or URL ("-": none), does not become well
	@scripts/deploy compose/compose.swarm.yaml minitwit "$(URL)"

.PHONY: deploy-test
deploy-test: ## Test deploy-swarm on a swarm of its own, as root: what becomes well, and what is taken back
	@scripts/deploy-test

.PHONY: up
up: env volume ## Bring up the whole system in containers (docs/deploy.md)
	docker compose up --detach --wait

.PHONY: roll
roll: ## Replace the replicas of compose.yaml one after the other, so that no request fails
	@scripts/roll

.PHONY: containers
containers: ## Test the containers on a Docker engine of their own, as root (IMAGE=NAME builds none)
	@scripts/containers-test

.PHONY: openapi
openapi: ## Write the OpenAPI documents that the code makes to openapi/
	for api in api simulator; do \
	  cargo run --quiet --locked -- openapi $$api > openapi/$$api.json.new; \
	  mv openapi/$$api.json.new openapi/$$api.json; \
	done

.PHONY: api-check
api-check: ## Check both APIs by linters, Schemathesis (EXAMPLES=500 an operation) and a generated client
	@scripts/install-postgresql
	@scripts/api-check

.PHONY: pages-check
pages-check: ## Check the pages by Lighthouse (100 each, on its mobile profile) and by axe, light and dark
	@scripts/install-postgresql
	@scripts/install-test-tools
	@scripts/pages-check

.PHONY: queries
queries: ## Renew .sqlx, which queries are checked against, after a change of SQL or schema
	@scripts/install-postgresql
	scripts/check-queries --renew

.PHONY: screenshots
screenshots: ## Take the pictures in docs/screenshots/
	@scripts/install-postgresql
	@scripts/install-test-tools
	scripts/screenshots

.PHONY: format
format: ## Format the code
	cargo fmt
