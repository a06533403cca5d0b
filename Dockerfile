# The image of MiniTwit: the program on a slim Debian, started directly. The target "database" is the image of its
# PostgreSQL: the official one with pgBackRest, which must run where PostgreSQL does, and the program, which runs both.
#
# Base images are arguments, so that builds can use another registry. Their defaults are stages, because
# Dependabot renews pins in FROM lines but not in arguments. Unused stages are not built.
ARG RUST_IMAGE=pinned-rust
ARG RUNTIME_IMAGE=pinned-runtime
ARG POSTGRES_IMAGE=pinned-postgres
FROM rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS pinned-rust
FROM debian:bookworm-20260824-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171 AS pinned-runtime
FROM postgres:17.11-bookworm@sha256:051f7b7b3abdd564d5d1bd1e8c4b9c1b6e77087d1dd22020ede611c096a272e0 AS pinned-postgres

# Builds the dependencies with empty sources. The layer changes only with Cargo.lock and the manifests.
# Without default features: the image contains neither the load generator nor seeded passwords.
FROM ${RUST_IMAGE} AS dependencies
WORKDIR /source
COPY Cargo.toml Cargo.lock rust-toolchain.toml ./
COPY crates/child-process/Cargo.toml crates/child-process/
COPY crates/embedded-postgres/Cargo.toml crates/embedded-postgres/
COPY crates/listener/Cargo.toml crates/listener/
COPY crates/legacy-data/Cargo.toml crates/legacy-data/
COPY crates/models/Cargo.toml crates/models/
COPY crates/pgbackrest/Cargo.toml crates/pgbackrest/
COPY crates/simulator/Cargo.toml crates/simulator/
# In the pipe below, the first command cannot fail.
# hadolint ignore=DL4006
RUN mkdir -p src tests/it benches/migration benches/speed \
      crates/child-process/src crates/embedded-postgres/src crates/legacy-data/src crates/listener/src crates/models/src crates/pgbackrest/src crates/simulator/src \
 && echo 'fn main() {}' | tee build.rs src/main.rs tests/it/main.rs benches/migration/main.rs benches/speed/main.rs > /dev/null \
 && touch src/lib.rs crates/child-process/src/lib.rs crates/embedded-postgres/src/lib.rs crates/legacy-data/src/lib.rs crates/listener/src/lib.rs crates/models/src/lib.rs crates/pgbackrest/src/lib.rs crates/simulator/src/lib.rs \
 && cargo build --release --locked --no-default-features --bin minitwit \
 && rm -rf src crates/*/src build.rs

FROM dependencies AS build
COPY .cargo .cargo
COPY .sqlx .sqlx
COPY migrations migrations
COPY static static
COPY templates templates
COPY build.rs ./
COPY crates crates
COPY src src
# The copied files may be older than the empty ones, and cargo compares times.
RUN touch build.rs src/lib.rs src/main.rs crates/*/src/lib.rs \
 && cargo build --release --locked --no-default-features --bin minitwit

FROM ${POSTGRES_IMAGE} AS database
# From the repository of the PostgreSQL project, which the official image uses: Debian's pgBackRest may be too old for
# this PostgreSQL. That repository keeps only the newest versions, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends pgbackrest ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 999 -g 999 -m 0700 /var/lib/minitwit-backups
COPY --from=build /source/target/release/minitwit /usr/local/bin/minitwit

# The user "postgres" of the official image, by number, because orchestrators compare numbers.
USER 999:999
# psql in the container connects without options: PGHOST is the directory of the socket.
ENV MINITWIT_DATA_DIR=/var/lib/postgresql/data \
    MINITWIT_POSTGRES_LISTEN=0.0.0.0 \
    MINITWIT_OPERATIONS_LISTEN=0.0.0.0:8080 \
    MINITWIT_LOG_FORMAT=json \
    PGHOST=/var/lib/postgresql/data/run \
    PGUSER=minitwit \
    PGDATABASE=minitwit
EXPOSE 5432 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=1h --retries=5 \
  CMD ["/usr/local/bin/minitwit", "healthcheck", "--ready"]
ENTRYPOINT ["/usr/local/bin/minitwit"]
CMD ["postgres"]
LABEL org.opencontainers.image.title="PostgreSQL of MiniTwit" \
      org.opencontainers.image.description="PostgreSQL with pgBackRest and scheduled backups" \
      org.opencontainers.image.licenses="MIT"

FROM ${RUNTIME_IMAGE} AS runtime
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /source/target/release/minitwit /usr/local/bin/minitwit
# A new volume gets the owner of this directory.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/minitwit

# An unprivileged user, in the container and on the host. The program writes only to the volume, so the root file system may be
# read-only.
USER 10001:10001
ENV MINITWIT_LISTEN=0.0.0.0:8080 \
    MINITWIT_LOG_FORMAT=json
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["/usr/local/bin/minitwit", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/minitwit"]
CMD ["serve"]

# Last, because they change with each build.
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="MiniTwit" \
      org.opencontainers.image.description="A Twitter-like microblog on PostgreSQL" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
