#!/bin/sh
# Replaces the entry point of the official PostgreSQL image for Debian's packages: at the first start, creates the
# cluster with the user, password and database from the environment.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Word splitting is intended: these are arguments.
  # shellcheck disable=SC2086
  initdb -D "$PGDATA" -U "$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \
    --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=" -w start
  createdb -h /var/run/postgresql -U "$POSTGRES_USER" "$POSTGRES_DB"
  pg_ctl -D "$PGDATA" -m fast -w stop
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  # The official image listens on all addresses of its container.
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
fi
exec "$@"
