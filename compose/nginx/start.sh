#!/bin/sh
# Starts nginx in front of the replicas, as the environment says:
#   REPLICAS      their addresses, with spaces between
#   LISTEN        where to listen (8080)
#   LISTEN_TLS    where to listen with TLS (8443), if CERTIFICATES holds fullchain.pem and privkey.pem
#   CERTIFICATES  that directory (/certificates)
#   PORT_TLS      the port by which the public comes to LISTEN_TLS (443)
#   GRAFANA       Grafana's address, if it is to be seen at /grafana/
#   RESOLVER      who knows that address by its name
#   TRUSTED_PROXIES  networks of proxies before nginx whose X-Forwarded-For and -Proto are believed, with
#                 commas or spaces between (none)
#   PROBE         whether each replica is asked every second how it is: yes (the default), or no where
#                 one address stands for many. It takes wget and timeout
#   RUN           a directory that only nginx writes to (/run/nginx)
#
# A replica is taken out by a file, `touch $RUN/out-1`, and put back by `rm $RUN/out-1`: nginx looks
# for it at each request. A reload would do, too, but closes connections that clients keep, and whoever
# has just sent a request on one loses it. One that does not answer in time, or says that it is not ready, is
# taken out in the same way, by unwell-1: one that hangs takes connections, and would be sent requests for ever.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
RUN=${RUN:-/run/nginx}
LISTEN=${LISTEN:-8080}
tls_is_wanted=${LISTEN_TLS:+yes}
LISTEN_TLS=${LISTEN_TLS:-8443}
CERTIFICATES=${CERTIFICATES:-/certificates}
PROBE=${PROBE:-yes}

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
# Every other number, for a file each.
[ "$count" -gt 1 ] && numbers=$(seq "$count") || numbers=
{
  upstream all 0
  for number in $numbers; do
    upstream "without_$number" "$number"
  done
} > "$RUN/replicas.conf"

# Where more than one is out, all are asked. Of two, which is what the Compose files have, there is nobody better
# to turn to; of three or more the one that is well gets no more than its share.
{
  echo "set \$replicas all;"
  out=
  for number in $numbers; do
    echo "set \$out_$number \"\";"
    echo "if (-f $RUN/out-$number) { set \$out_$number -$number; }"
    echo "if (-f $RUN/unwell-$number) { set \$out_$number -$number; }"
    out="$out\$out_$number"
  done
  echo "set \$out \"$out\";"
  for number in $numbers; do
    echo "if (\$out = -$number) { set \$replicas without_$number; }"
  done
} > "$RUN/choice.conf"

# Who is believed about where a request comes from, and by which protocol: by default nobody.
trusted=$(echo "${TRUSTED_PROXIES:-}" | tr ',' ' ')
{
  echo "geo \$realip_remote_addr \$through_proxy {"
  echo "  default no;"
  for network in $trusted; do
    echo "  $network yes;"
  done
  echo "}"
  for network in $trusted; do
    echo "set_real_ip_from $network;"
  done
  echo "real_ip_header X-Forwarded-For;"
  echo "real_ip_recursive on;"
} > "$RUN/proxies.conf"

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

# state NUMBER ADDRESS: how this replica is: 0 well, 1 not, 2 slow. It is gone or hung if it does not say within a
# second that it lives, which takes nothing but its runtime; and not ready if it says so. That it is slow to say so
# is no sign: it has asked its database, for which the other replica waits as well.
state() {
  timeout 1 wget -q -O /dev/null "http://$2/healthz" 2> /dev/null || return 1
  # Into a file, and not a pipe: Alpine's timeout keeps that open for its whole second.
  if timeout 1 wget -O /dev/null "http://$2/readyz" > "$RUN/said-$1" 2>&1; then
    return 0
  fi
  # Each wget tells the status line, in words of its own.
  ! grep -q " 503 " "$RUN/said-$1" || return 1
  return 2
}

# probe NUMBER ADDRESS: asks this replica how it is, for as long as nginx runs, which takes over this
# process's number. Twice in a row is no accident; slow leaves it as it was.
probe() {
  missed=0
  while kill -0 $$ 2> /dev/null; do
    how=0
    state "$1" "$2" || how=$?
    case $how in
      0)
        missed=0
        rm -f "$RUN/unwell-$1"
        ;;
      1)
        missed=$((missed + 1))
        [ "$missed" -lt 2 ] || touch "$RUN/unwell-$1"
        ;;
    esac
    [ "$missed" = 1 ] || sleep 1
  done
}

# keep_probing NUMBER ADDRESS: a probe that dies is begun anew, and what it said last is not left to stand.
keep_probing() {
  while kill -0 $$ 2> /dev/null; do
    rm -f "$RUN/unwell-$1"
    (probe "$1" "$2") || true
    sleep 1
  done
}

cp "$here/nginx.conf" "$here/site.conf" "$RUN"
rm -f "$RUN"/out-* "$RUN"/unwell-*
if [ "$PROBE" = yes ] && [ -n "$numbers" ]; then
  for program in wget timeout; do
    # Without it every replica would be taken for hung.
    command -v "$program" > /dev/null || { echo "PROBE=yes takes $program, which is not here" >&2; exit 1; }
  done
  number=0
  for replica in $REPLICAS; do
    number=$((number + 1))
    keep_probing "$number" "$replica" &
  done
fi
exec nginx -e stderr -p "$RUN" -c "$RUN/nginx.conf"
