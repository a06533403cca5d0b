#!/bin/sh
# Starts nginx in front of the replicas, as the environment says:
#   REPLICAS      their addresses, with spaces between
#   LISTEN        where to listen (8080)
#   LISTEN_TLS    where to listen with TLS (8443), if CERTIFICATES holds fullchain.pem and privkey.pem
#   CERTIFICATES  that directory (/certificates)
#   PORT_TLS      the port by which the public comes to LISTEN_TLS (443)
#   GRAFANA       Grafana's address, if it is to be seen at /grafana/
#   RESOLVER      who knows that address by its name
#   RUN           a directory that only nginx writes to (/run/nginx)
#
# A replica is taken out by a file, `touch $RUN/out-1`, and put back by `rm $RUN/out-1`: nginx looks
# for it at each request. A reload would do, too, but closes connections that clients keep, and whoever
# has just sent a request on one loses it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
RUN=${RUN:-/run/nginx}
LISTEN=${LISTEN:-8080}
tls_is_wanted=${LISTEN_TLS:+yes}
LISTEN_TLS=${LISTEN_TLS:-8443}
CERTIFICATES=${CERTIFICATES:-/certificates}

# upstream NAME NUMBER: all replicas but the one of this number, which is asked only when the others fail.
# The proxy closes a connection that is not used before the replica does, so that no request comes on
# one that is being closed. One that fails again and again is left alone for a while; the last one never.
upstream() {
  echo "upstream $1 {"
  echo "  zone $1 64k;"
  nth=0
  for replica in $REPLICAS; do
    nth=$((nth + 1))
    how="max_fails=3 fail_timeout=2s"
    [ "$2" = 0 ] || how="max_fails=0"
    [ "$nth" != "$2" ] || how="$how backup"
    echo "  server $replica $how;"
  done
  echo "  keepalive 64;"
  echo "  keepalive_timeout 5s;"
  echo "  keepalive_requests 10000;"
  echo "}"
}

count=0
for replica in $REPLICAS; do
  count=$((count + 1))
done
{
  upstream all 0
  number=1
  while [ "$count" -gt 1 ] && [ "$number" -le "$count" ]; do
    upstream "without_$number" "$number"
    number=$((number + 1))
  done
} > "$RUN/replicas.conf"

{
  echo "set \$replicas all;"
  number=1
  while [ "$count" -gt 1 ] && [ "$number" -le "$count" ]; do
    echo "if (-f $RUN/out-$number) { set \$replicas without_$number; }"
    number=$((number + 1))
  done
} > "$RUN/choice.conf"

: > "$RUN/grafana.conf"
if [ -n "${GRAFANA:-}" ]; then
  # By a variable the name is looked up when it is asked for, and not when nginx starts.
  cat > "$RUN/grafana.conf" << CONFIGURATION
${RESOLVER:+resolver $RESOLVER valid=10s;}
set \$grafana $GRAFANA;
location /grafana/ {
  proxy_pass http://\$grafana;
}
CONFIGURATION
fi

if [ -r "$CERTIFICATES/fullchain.pem" ] && [ -r "$CERTIFICATES/privkey.pem" ]; then
  port=:${PORT_TLS:-443}
  [ "$port" != :443 ] || port=
  cat > "$RUN/servers.conf" << CONFIGURATION
server {
  listen $LISTEN;
  location = /nginx-health { access_log off; return 200 "ok\n"; }
  location / { return 308 https://\$host$port\$request_uri; }
}
server {
  listen $LISTEN_TLS ssl http2;
  ssl_certificate $CERTIFICATES/fullchain.pem;
  ssl_certificate_key $CERTIFICATES/privkey.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:4m;
  ssl_session_tickets off;
  add_header Strict-Transport-Security "max-age=31536000" always;
  include site.conf;
}
CONFIGURATION
elif [ -n "$tls_is_wanted" ]; then
  # Nobody's password is to travel in clear because a renewed key has lost its reader.
  echo "TLS is asked for, but $CERTIFICATES has no fullchain.pem and privkey.pem that $(id -un) can read" >&2
  exit 1
else
  cat > "$RUN/servers.conf" << CONFIGURATION
server {
  listen $LISTEN;
  include site.conf;
}
CONFIGURATION
fi

cp "$here/nginx.conf" "$here/site.conf" "$RUN"
rm -f "$RUN"/out-*
exec nginx -e stderr -p "$RUN" -c "$RUN/nginx.conf"
