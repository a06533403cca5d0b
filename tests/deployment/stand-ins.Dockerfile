# Images of Debian packages that replace those of compose.yaml, for machines without a registry.
# scripts/containers-test builds the base image with debootstrap, and imports the machine's Rust toolchain.
ARG BASE=minitwit-stand-in/debian
ARG RUST=minitwit-stand-in/rust-files

FROM ${BASE} AS packages
ENV DEBIAN_FRONTEND=noninteractive

FROM packages AS nginx
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light wget && rm -rf /var/lib/apt/lists/*

FROM packages AS prometheus
RUN apt-get update && apt-get install -y --no-install-recommends prometheus wget && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /prometheus && chown 65534:65534 /prometheus
VOLUME /prometheus
ENTRYPOINT ["/usr/bin/prometheus"]

FROM packages AS postgres
RUN groupadd -r -g 999 postgres && useradd -r -u 999 -g postgres -d /var/lib/postgresql postgres \
 && mkdir -p /etc/postgresql-common/createcluster.d \
 && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.d/none.conf \
 && apt-get update && apt-get install -y --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /var/lib/postgresql/data && chown 999:999 /var/lib/postgresql/data
VOLUME /var/lib/postgresql/data

FROM ${RUST} AS rust-files

FROM packages AS rust
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=rust-files / /usr/local/
# Includes the machine's own certificates, such as those of its proxy.
ENV CARGO_HOME=/usr/local/cargo CARGO_HTTP_CAINFO=/usr/local/rust/ca-certificates.crt \
    PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
