#!/bin/sh
# Starts nginx in front of the replicas, configured by the environment:
#   REPLICAS      addresses of the replicas, separated by spaces
#   LISTEN        address or port to listen on (8080)
#   LISTEN_TLS    the same for TLS (8443), used if CERTIFICATES contains fullchain.pem and privkey.pem. If it is set,
#                 nginx starts only with these files
#   CERTIFICATES  the directory of these files (/certificates)
#   PORT_TLS      public port of LISTEN_TLS, for redirects (443)
#   GRAFANA       address of Grafana, to serve it at /grafana/ (none)
#   RESOLVER      name server that resolves Grafana's address
#   TRUSTED_PROXIES  networks of proxies before nginx whose X-Forwarded-For and X-Forwarded-Proto are trusted,
#                 separated by commas or spaces (none)
#   PROBE         "yes" checks the health of each replica every second (the default); it needs wget and timeout.
#                 "no" if one address stands for several replicas
#   RUN           a directory that only nginx writes to (/run/nginx)
#
# `touch $RUN/out-1` stops requests to the first replica, and `rm $RUN/out-1` resumes them: nginx looks for the file at
# each request. A reload would close connections that clients keep alive, and lose requests just sent on them. The
# health check creates unhealthy-1 for a replica that does not respond in time or is not ready. Without it, a hung
# replica would get requests for ever, because its system still accepts connections.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
RUN=${RUN:-/run/nginx}
LISTEN=${LISTEN:-8080}
tls_required=${LISTEN_TLS:+yes}
LISTEN_TLS=${LISTEN_TLS:-8443}
CERTIFICATES=${CERTIFICATES:-/certificates}
PROBE=${PROBE:-yes}

# upstream NAME NUMBER: defines an upstream of all replicas, with replica NUMBER (0: none) as backup for the others.
# nginx closes idle connections before the replica does, so that no request arrives on a connection that is closing.
# nginx avoids a replica for 2 s after 3 failures, unless only one replica is not a backup.
upstream() {
  echo "upstream $1 {"
  echo "  zone $1 64k;"
  index=0
  for replica in $REPLICAS; do
    index=$((index + 1))
    options="max_fails=3 fail_timeout=2s"
    [ "$2" = 0 ] || options="max_fails=0"
    [ "$index" != "$2" ] || options="$options backup"
    echo "  server $replica $options;"
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
# With one replica, nginx has no other to send requests to.
[ "$count" -gt 1 ] && numbers=$(seq "$count") || numbers=
{
  upstream all 0
  for number in $numbers; do
    upstream "without_$number" "$number"
  done
} > "$RUN/replicas.conf"

# If one replica is out, the others get its requests. If several are out, all replicas get requests. With two replicas
# (as in the Compose files), neither is a better choice.
{
  echo "set \$replicas all;"
  out=
  for number in $numbers; do
    echo "set \$out_$number \"\";"
    echo "if (-f $RUN/out-$number) { set \$out_$number -$number; }"
    echo "if (-f $RUN/unhealthy-$number) { set \$out_$number -$number; }"
    out="$out\$out_$number"
  done
  echo "set \$out \"$out\";"
  for number in $numbers; do
    echo "if (\$out = -$number) { set \$replicas without_$number; }"
  done
} > "$RUN/choice.conf"

# The defaults are those of `minitwit serve`; set these variables for nginx and for the replicas.
{
  echo "client_max_body_size ${MINITWIT_BODY_LIMIT:-65536};"
  echo "client_header_timeout ${MINITWIT_HEADER_TIMEOUT:-10}s;"
  echo "client_body_timeout ${MINITWIT_BODY_TIMEOUT:-10}s;"
  echo "send_timeout ${MINITWIT_WRITE_TIMEOUT:-30}s;"
  echo "keepalive_timeout ${MINITWIT_IDLE_TIMEOUT:-75}s;"
} > "$RUN/limits.conf"
{
  echo "limit_conn connections ${MINITWIT_CONNECTIONS_PER_ADDRESS:-1024};"
  echo "limit_conn streams ${MINITWIT_CONNECTIONS_PER_ADDRESS:-1024};"
} > "$RUN/connection-limits.conf"

# error_location FORM TYPE STATUS BODY: defines the response to an error in one form.
error_location() {
  retry=
  case $3 in 429 | 502 | 503 | 504) retry="add_header Retry-After 1 always;" ;; esac
  cors=
  # Like the server's own responses, scripts on any site may read these.
  case $1 in problem)
    cors='add_header Access-Control-Allow-Origin "*" always;
  add_header Access-Control-Expose-Headers "Retry-After" always;'
    ;;
  esac
  cat << CONFIGURATION
location = /.error/$1/$3 {
  internal;
  $retry
  $cors
  add_header X-Content-Type-Options nosniff always;
  default_type $2;
  return $3 '$4';
}
CONFIGURATION
}

# error STATUS TITLE CODE DETAIL: defines the responses to an error that nginx finds itself. Errors of a replica pass
# unchanged.
error() {
  echo "error_page $1 /.error/\$error_form/$1;"
  error_location text text/plain "$1" "$4."
  error_location problem application/problem+json "$1" \
    "{\"type\":\"/docs/errors#$3\",\"title\":\"$2\",\"status\":$1,\"detail\":\"$4\",\"code\":\"$3\"}"
  error_location simulator application/json "$1" "{\"status\":$1,\"error_msg\":\"$4\"}"
}
{
  error 408 "Request Timeout" body-timeout "The request did not arrive in time"
  error 413 "Payload Too Large" body-too-large "The body is too large"
  error 429 "Too Many Requests" rate-limited "Too many requests or connections from this address"
  error 502 "Bad Gateway" unavailable "The service is temporarily unavailable"
  error 503 "Service Unavailable" unavailable "The service is temporarily unavailable"
  error 504 "Gateway Timeout" unavailable "The service is temporarily unavailable"
} > "$RUN/errors.conf"

# Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted.
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
  # The variable makes nginx resolve the name at each request, not at its start.
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
elif [ -n "$tls_required" ]; then
  # Falling back to plain HTTP would send passwords unencrypted, for example after a renewed key became unreadable.
  echo "LISTEN_TLS is set, but $(id -un) cannot read fullchain.pem and privkey.pem in $CERTIFICATES" >&2
  exit 1
else
  cat > "$RUN/servers.conf" << CONFIGURATION
server {
  listen $LISTEN;
  include site.conf;
}
CONFIGURATION
fi

# check_replica NUMBER ADDRESS: returns 0 if the replica is healthy, 1 if not, 2 if /readyz gives no response in time.
# /healthz needs nothing but the server's runtime: if it fails for a second, the replica is gone or hangs. /readyz
# queries the database. Its time-out says nothing about this replica, because the others wait for the database too.
check_replica() {
  timeout 1 wget -q -O /dev/null "http://$2/healthz" 2> /dev/null || return 1
  # A file, not a pipe: Alpine's timeout keeps a pipe open for the whole second.
  if timeout 1 wget -O /dev/null "http://$2/readyz" > "$RUN/readyz-$1" 2>&1; then
    return 0
  fi
  # All variants of wget print the status line, in different forms.
  ! grep -q " 503 " "$RUN/readyz-$1" || return 1
  return 2
}

# probe NUMBER ADDRESS: checks this replica while nginx runs (exec keeps the process id $$). Two failures in a row mark
# it as unhealthy; result 2 changes nothing.
probe() {
  failures=0
  while kill -0 $$ 2> /dev/null; do
    result=0
    check_replica "$1" "$2" || result=$?
    case $result in
      0)
        failures=0
        rm -f "$RUN/unhealthy-$1"
        ;;
      1)
        failures=$((failures + 1))
        [ "$failures" -lt 2 ] || touch "$RUN/unhealthy-$1"
        ;;
    esac
    [ "$failures" = 1 ] || sleep 1
  done
}

# keep_probing NUMBER ADDRESS: restarts a probe that has exited, and discards its last result.
keep_probing() {
  while kill -0 $$ 2> /dev/null; do
    rm -f "$RUN/unhealthy-$1"
    (probe "$1" "$2") || true
    sleep 1
  done
}

cp "$here/nginx.conf" "$here/site.conf" "$RUN"
rm -f "$RUN"/out-* "$RUN"/unhealthy-*
if [ "$PROBE" = yes ] && [ -n "$numbers" ]; then
  for program in wget timeout; do
    # Without these programs, every check would fail.
    command -v "$program" > /dev/null || { echo "PROBE=yes needs $program; install it or set PROBE=no" >&2; exit 1; }
  done
  number=0
  for replica in $REPLICAS; do
    number=$((number + 1))
    keep_probing "$number" "$replica" &
  done
fi
exec nginx -e stderr -p "$RUN" -c "$RUN/nginx.conf"
