"""Tests the system of compose.yaml on a Docker engine: starts it, sends requests through nginx, replaces and kills
containers, and removes everything. scripts/containers-test builds the images and runs this script. All requests go to
127.0.0.1.
"""

import argparse
import collections
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import backups
import hazards
import monitoring
import rejected
import swarm
from engine import (
    DATA_VOLUMES,
    ROOT,
    Simulation,
    Site,
    check,
    compose,
    container,
    docker,
    free_port,
    inspect,
    make_certificate,
    psql,
    run,
    say,
    start,
    start_with_empty_database,
    wait_until,
)

# Maximum size that the image adds to its base, in bytes.
MAX_ADDED_SIZE = 60 << 20
RUNNING = ["nginx", "minitwit-1", "minitwit-2", "postgres", "prometheus"]
ROW_COUNTS = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM messages), (SELECT count(*) FROM follows)"


def listening():
    """TCP addresses of this machine that other machines can reach."""
    lines = run("ss", "-ltnH").splitlines()
    addresses = {line.split()[3] for line in lines}
    return {address for address in addresses if not re.match(r"127\.|\[::1\]|\[::ffff:127\.", address)}


def image_is_small(image):
    base = inspect("minitwit-stand-in/debian")["Size"]
    added = inspect(image)["Size"] - base
    say(f"the image adds {added / (1 << 20):.1f} MiB to its base of {base / (1 << 20):.0f} MiB")
    database, base = inspect(os.environ["POSTGRES_IMAGE"])["Size"], inspect("minitwit-stand-in/postgres")["Size"]
    say(f"the database image adds {(database - base) / (1 << 20):.1f} MiB to its base of {base / (1 << 20):.0f} MiB")
    check(0 < added < MAX_ADDED_SIZE, "the image is too large")
    config = inspect(image)["Config"]
    check(
        config["User"] == "10001:10001" and config["StopSignal"] == "SIGTERM",
        f"user or stop signal of the image: {config}",
    )
    check("org.opencontainers.image.revision" in config["Labels"], f"no revision in the labels: {config['Labels']}")


def image_has_no_load_generator(image):
    commands = run("docker", "run", "--rm", "--network", "none", image, "--help")
    check(re.search(r"^ +serve\b", commands, re.M), f"--help lists no commands:\n{commands}")
    found = re.findall(r"^ +(seed|simulate)\b", commands, re.M)
    check(not found, f"the image contains the commands {found}")
    say("the image contains neither seed nor simulate")


def production_rejects_default_secrets(image):
    result = subprocess.run(
        ["docker", "run", "--rm", "--read-only", "--network", "none", image, "serve", "--production"],
        capture_output=True,
        text=True,
    )
    check(result.returncode == 1 and "--production" in result.stderr, f"--production: {result}")
    say("--production without secrets is rejected")


def an_external_database_needs_tls():
    """Uses the container "postgres", which has no TLS, as the external database."""
    result = subprocess.run(
        ["docker", "compose", "run", "--rm", "--no-deps", "-T", "migrate"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_HOST": "postgres"},
        capture_output=True,
        text=True,
    )
    check(result.returncode != 0 and "TLS" in result.stderr, f"an external database without TLS is accepted: {result}")
    say("an external database without TLS is rejected")


def containers_are_confined():
    for service in [*RUNNING, "migrate"]:
        found = inspect(container(service))
        host, state = found["HostConfig"], found["State"]
        check(
            host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"],
            f"{service} can write files or has capabilities",
        )
        check(found["Config"]["User"].split(":")[0] not in ("", "0", "root"), f"{service} runs as root")
        check(host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0, f"{service} has no limits")
        check(host["LogConfig"]["Config"].get("max-size") == "10m", f"{service} has a log without a size limit")
        check(host["RestartPolicy"]["Name"] in ("unless-stopped", "on-failure"), f"{service} has no restart policy")
        published = [port for port, ports in found["NetworkSettings"]["Ports"].items() if ports]
        check(published == (["8080/tcp"] if service == "nginx" else []), f"{service} publishes {published}")
        if service == "migrate":
            check(state["Status"] == "exited" and state["ExitCode"] == 0, "the migration failed")
        else:
            check(state["Health"]["Status"] == "healthy", f"{service} is {state['Health']['Status']}")
    say(f"{len(RUNNING)} containers are healthy, limited, read-only and unprivileged; the migration has succeeded")


def only_nginx_listens(before, port):
    new = listening() - before
    check(new <= {f"0.0.0.0:{port}", f"[::]:{port}", f"*:{port}"} and new, f"listening addresses: {new}")
    say(f"listening addresses except loopback: {new}")


def logged_clients():
    """Client addresses of requests for /public, from the replicas' access logs."""
    logs = [docker("logs", container(service)) for service in ["minitwit-1", "minitwit-2"]]
    return {json.loads(line)["client"] for log in logs for line in log.splitlines() if '"/public"' in line}


def nginx_hides_metrics_and_limits_sign_ins(site):
    for path in ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics"]:
        check(site.request("GET", path)[0] == 404, f"{path} is public")
    check(site.request("GET", "/readyz")[0] == 200, "/readyz fails")
    spoofed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.test"}
    site.request("GET", "/public?forged", headers=spoofed)
    gateway = f"{os.environ['PROXY_NETWORK']}.1"
    check(logged_clients() == {gateway}, f"clients in the log: {logged_clients()}, expected {gateway}")
    # All at once: a busy machine answers one after the other more slowly than the limit permits.
    with ThreadPoolExecutor(40) as pool:
        sign_in = partial(site.form, "/login", username="nobody", password="wrong")
        statuses = list(pool.map(lambda _: sign_in(), range(40)))
    check(429 in statuses and set(statuses) != {429}, f"statuses of sign-ins: {statuses}")
    say(f"nginx hides metrics, ignores forged addresses, and rejected {statuses.count(429)} of 40 sign-ins")
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(site.allowed_origins, ["/api/v1/tokens"] * 40))
    check(429 in [status for status, _ in answers], f"statuses of the API: {answers}")
    check(all(origins == ["*"] for _, origins in answers), f"allowed origins: {answers}")
    check(site.allowed_origins("/login")[1] == [], "another site may read the pages")
    say("scripts on other sites can read the API's responses, also nginx's own")


def streams_are_not_buffered(site):
    """A message arrives while the stream is open."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", "/api/v1/stream", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    check(response.status == 200, f"the stream: {response.status}")
    site.form("/register", username="streamer", email="s@example.org", password="secret", password2="secret")
    token = site.request(
        "POST",
        "/api/v1/tokens",
        json.dumps({"username": "streamer", "password": "secret", "name": "test"}),
        {"Content-Type": "application/json"},
    )
    check(token[0] == 201, f"creating a token: {token}")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {json.loads(token[1])['token']}"}
    begun = time.monotonic()
    posted = site.request("POST", "/api/v1/messages", json.dumps({"text": "not buffered"}), headers)
    check(posted[0] == 201, f"posting a message: {posted}")
    while "not buffered" not in (line := response.readline().decode()):
        check(line, "the stream ended")
    say(f"a message arrived in the stream {1000 * (time.monotonic() - begun):.0f} ms after its post began")
    connection.close()


def many_streams_of_one_address_are_served(site):
    """300 readers behind one address keep a stream open, and pages are still served."""
    streams = []
    for _ in range(300):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
        connection.request("GET", "/api/v1/stream", headers={"Accept": "text/event-stream"})
        streams.append((connection, connection.getresponse()))
        # Below nginx's rate limit for all requests of an address.
        time.sleep(0.01)
    statuses = collections.Counter(response.status for _, response in streams)
    check(statuses == {200: 300}, f"statuses of 300 streams from one address: {statuses}")
    check(site.request("GET", "/public")[0] == 200, "/public beside 300 streams")
    for connection, _ in streams:
        connection.close()
    say("300 streams of one address are open at the same time, and pages are served beside them")


def errors_of_nginx_have_the_form_of_each_api(site):
    large = "x" * 100_000
    for path, form in [
        ("/api/v1/messages", "application/problem+json"),
        ("/sim/register", "application/json"),
        ("/register", "text/plain"),
    ]:
        status, body = site.request("POST", path, large)
        check(status == 413 and site.content_type == form, f"{path}: {status} {site.content_type}")
        if "json" in form:
            check(json.loads(body)["status"] == 413, f"{path}: {body}")
    say("a body over the limit gets nginx's 413 in the form of each API")


def replicas_are_replaced_without_failed_requests(site):
    rejected_text = rejected.send(site)
    simulation = Simulation(site, 150_000, 500, "roll")
    simulation.wait_until_started()
    begun = time.monotonic()
    before = [container("minitwit-1"), container("minitwit-2")]
    run("scripts/roll")
    took = time.monotonic() - begun
    check(not set(before) & {container("minitwit-1"), container("minitwit-2")}, "a replica was not replaced")
    text = simulation.end()
    total = re.search(r"^all +(\d+) +(\d+)", text, re.M)
    check(total and total[2] == "0" and "\n0 differences, 0 unverifiable" in text, f"requests failed:\n{text}")
    say(f"both replicas were replaced in {took:.0f} s under load: 0 of {total[1]} commands failed, 0 differences")
    rejected.rejected_commands_are_kept(rejected_text)


def a_killed_replica_restarts():
    name = container("minitwit-2")
    os.kill(inspect(name)["State"]["Pid"], signal.SIGKILL)
    wait_until(
        "the killed replica runs again",
        lambda: inspect(name)["RestartCount"] == 1 and inspect(name)["State"]["Running"],
    )
    wait_until("the killed replica is healthy", lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    say("a killed replica restarted and became healthy")


def row_counts():
    return psql(ROW_COUNTS)


def data_survives_removal_of_the_containers():
    before = row_counts()
    compose("down", "--volumes", "--timeout", "60")
    check(docker("ps", "--all", "--quiet") == "", "a container still exists")
    start()
    check(row_counts() == before, f"the row counts changed from {before} to {row_counts()}")
    say(f"after removal with --volumes and a new start, users, messages and follows are unchanged: {before}")


def a_certificate_enables_tls(site):
    directory = Path(os.environ["WORK"]) / "certificates"
    certificate = make_certificate(directory)
    (directory / "privkey.pem").chmod(0o444)
    Path(os.environ["WORK"]).chmod(0o755)
    port = free_port()
    os.environ |= {
        "COMPOSE_FILE": "compose.yaml:compose/tls.yaml",
        "CERTIFICATES": str(directory),
        "PUBLIC_PORT_TLS": str(port),
    }
    start()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("GET", "/public?page=2")
    response = connection.getresponse()
    redirect = (response.status, response.getheader("Location"))
    check(redirect == (308, f"https://127.0.0.1:{port}/public?page=2"), f"plain HTTP redirects to {redirect}")
    trust = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trust)
    connection.request("GET", "/public")
    response = connection.getresponse()
    check(
        response.status == 200 and "max-age" in response.getheader("Strict-Transport-Security", ""),
        f"TLS: {response.status}",
    )
    say(f"with a certificate nginx serves {connection.sock.version()}, and redirects plain HTTP to it")
    compose("down", "--timeout", "60")
    os.environ["COMPOSE_FILE"] = "compose.yaml"


def host_network_works(site, before):
    """Uses compose/host-network.yaml, and the database volume of the earlier tests."""
    os.environ |= {"COMPOSE_FILE": "compose.yaml:compose/host-network.yaml", "TRUSTED_PROXIES": "127.0.0.1"}
    start()
    new = listening() - before
    check(new == {f"0.0.0.0:{site.port}"}, f"listening addresses on the host's network: {new}")
    check(site.request("GET", "/metrics")[0] == 404, "/metrics is public on the host's network")
    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}
    check(site.request("GET", "/public", headers=forwarded)[0] == 200, "/public fails on the host's network")
    check(
        logged_clients() == {"198.51.100.7"},
        f"clients in the log: {logged_clients()}, expected the last forwarded one",
    )
    say("the last address that a trusted proxy forwards is the client")
    say(f"on the host's network, the only listening address except loopback is {new}")
    compose("down", "--timeout", "60")
    os.environ |= {"COMPOSE_FILE": "compose.yaml", "TRUSTED_PROXIES": ""}


def test_compose(image, site):
    before = listening()
    for volume in DATA_VOLUMES:
        docker("volume", "create", os.environ[volume])
    image_is_small(image)
    image_has_no_load_generator(image)
    production_rejects_default_secrets(image)
    begun = time.monotonic()
    start()
    say(f"started in {time.monotonic() - begun:.0f} s")
    containers_are_confined()
    only_nginx_listens(before, site.port)
    scenario = Simulation(site, 2_000, 50, "scenario")
    check(scenario.process.wait(600) == 0, f"the scenario:\n{scenario.report.read_text()}")
    say(scenario.report.read_text())
    streams_are_not_buffered(site)
    many_streams_of_one_address_are_served(site)
    errors_of_nginx_have_the_form_of_each_api(site)
    nginx_hides_metrics_and_limits_sign_ins(site)
    monitoring.panel_queries_have_data(site)
    backups.run_all(site)
    an_external_database_needs_tls()
    data_survives_removal_of_the_containers()
    a_killed_replica_restarts()
    a_certificate_enables_tls(site)
    host_network_works(site, before)


def settings(image, database_image, work, port):
    files = {}
    for name in ["database_password", "simulator_password", "grafana_password", "backup_passphrase"]:
        file = work / name
        file.write_text(os.urandom(16).hex())
        file.chmod(0o444)
        files[f"{name.upper()}_FILE"] = str(file)
    stand_ins = {f"{name.upper()}_IMAGE": f"minitwit-stand-in/{name}" for name in ["nginx", "prometheus"]}
    return {
        **files,
        **stand_ins,
        "WORK": str(work),
        "MINITWIT_IMAGE": image,
        "POSTGRES_IMAGE": database_image,
        "COMPOSE_PROJECT_NAME": "minitwit-test",
        "COMPOSE_FILE": "compose.yaml",
        "COMPOSE_PROFILES": "postgres",
        "DATABASE_VOLUME": "minitwit-test-database",
        "BACKUP_VOLUME": "minitwit-test-backups",
        "PUBLIC_PORT": str(port),
        "PUBLIC_ADDRESS": "0.0.0.0",
        "PROXY_NETWORK": "172.31.213",
        "COMPOSE_DISABLE_ENV_FILE": "true",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", help="the image of MiniTwit")
    parser.add_argument("database_image", help="the image of its PostgreSQL")
    options = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="minitwit-containers-") as work:
        os.environ |= settings(options.image, options.database_image, Path(work), port)
        site = Site(port)
        try:
            test_compose(options.image, site)
            start_with_empty_database()
            replicas_are_replaced_without_failed_requests(site)
            hazards.run_all(site)
            compose("down", "--timeout", "60")
            swarm.run_all(options.image)
        except BaseException:
            print(
                subprocess.run(
                    ["docker", "compose", "logs", "--tail", "5"], cwd=ROOT, capture_output=True, text=True
                ).stdout
            )
            raise
        finally:
            subprocess.run(["docker", "compose", "down", "--volumes", "--timeout", "20"], cwd=ROOT, capture_output=True)
            for volume in DATA_VOLUMES:
                subprocess.run(["docker", "volume", "rm", os.environ[volume]], capture_output=True)


if __name__ == "__main__":
    main()
