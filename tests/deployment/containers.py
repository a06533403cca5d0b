"""Brings the system of compose.yaml up on a Docker engine, uses it through nginx, replaces and kills what
runs, takes everything down, and looks whether it is as it is meant to be. scripts/containers-test runs it,
and makes the images. Everything is asked for at 127.0.0.1.
"""

import argparse
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path

import hazards
import swarm
from engine import (
    ROOT,
    Simulation,
    Site,
    begin,
    begin_on_an_empty_database,
    check,
    compose,
    container,
    docker,
    free_port,
    inspect,
    make_certificate,
    run,
    say,
    until,
)

# What the image may add to its base, in bytes.
LARGEST_IMAGE = 60 << 20
RUNNING = ["nginx", "minitwit-1", "minitwit-2", "postgres", "prometheus"]
CONTENT = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM messages), (SELECT count(*) FROM follows)"


def listening():
    """The sockets of this machine that others could reach."""
    lines = run("ss", "-ltnH").splitlines()
    addresses = {line.split()[3] for line in lines}
    return {address for address in addresses if not re.match(r"127\.|\[::1\]|\[::ffff:127\.", address)}


def image_is_small(image):
    base = inspect("minitwit-stand-in/debian")["Size"]
    added = inspect(image)["Size"] - base
    say(f"the image adds {added / (1 << 20):.1f} MiB to its base of {base / (1 << 20):.0f} MiB")
    check(0 < added < LARGEST_IMAGE, "the image is too large")
    config = inspect(image)["Config"]
    check(config["User"] == "10001:10001" and config["StopSignal"] == "SIGTERM", "user or signal")
    check("org.opencontainers.image.revision" in config["Labels"], "labels")


def production_wants_secrets(image):
    refused = subprocess.run(
        ["docker", "run", "--rm", "--read-only", "--network", "none", image, "serve", "--production"],
        capture_output=True,
        text=True,
    )
    check(refused.returncode == 1 and "--production" in refused.stderr, f"--production: {refused}")
    say("--production without secrets is refused")


def a_database_elsewhere_is_spoken_to_by_tls():
    """The one that is here has none, so that it will do for one that is elsewhere."""
    refused = subprocess.run(
        ["docker", "compose", "run", "--rm", "--no-deps", "-T", "migrate"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_HOST": "postgres"},
        capture_output=True,
        text=True,
    )
    check(refused.returncode != 0 and "TLS" in refused.stderr, f"a database elsewhere, without TLS: {refused}")
    say("a database that is named is not spoken to without TLS")


def containers_are_bounded():
    for service in [*RUNNING, "migrate"]:
        found = inspect(container(service))
        host, state = found["HostConfig"], found["State"]
        check(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], f"{service} can change what it should not")
        check(found["Config"]["User"].split(":")[0] not in ("", "0", "root"), f"{service} is root")
        check(host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0, f"{service} has no limits")
        check(host["LogConfig"]["Config"].get("max-size") == "10m", f"{service} has a log without end")
        check(host["RestartPolicy"]["Name"] in ("unless-stopped", "on-failure"), f"{service} is not restarted")
        published = [port for port, ports in found["NetworkSettings"]["Ports"].items() if ports]
        check(published == (["8080/tcp"] if service == "nginx" else []), f"{service} publishes {published}")
        if service == "migrate":
            check(state["Status"] == "exited" and state["ExitCode"] == 0, "the migration failed")
        else:
            check(state["Health"]["Status"] == "healthy", f"{service} is {state['Health']['Status']}")
    say(f"{len(RUNNING)} containers are healthy, bounded, read-only and nobody's; the migration is done")


def nothing_else_listens(before, port):
    new = listening() - before
    check(new <= {f"0.0.0.0:{port}", f"[::]:{port}", f"*:{port}"} and new, f"this listens: {new}")
    say(f"what listens, besides on loopback: {new}")


def clients():
    """Who has looked at /public, as the replicas know them."""
    logs = [docker("logs", container(service)) for service in ["minitwit-1", "minitwit-2"]]
    return {json.loads(line)["client"] for log in logs for line in log.splitlines() if '"/public"' in line}


def nginx_keeps_the_rules(site):
    for path in ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics"]:
        check(site.ask("GET", path)[0] == 404, f"{path} is public")
    check(site.ask("GET", "/readyz")[0] == 200, "/readyz")
    spoofed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.test"}
    site.ask("GET", "/public?who=am-i", headers=spoofed)
    gateway = f"{os.environ['PROXY_NETWORK']}.1"
    check(clients() == {gateway}, f"clients in the log: {clients()}, and not {gateway}")
    statuses = [site.form("/login", username="nobody", password="wrong") for _ in range(40)]
    check(429 in statuses[20:] and statuses[0] != 429, f"sign-ins are not limited: {statuses}")
    say(f"nginx: no metrics for the public, clients are seen as they are, {statuses.count(429)} of 40 sign-ins refused")


def streams_at_once(site):
    """A message is in the stream before the stream has ended."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=20)
    connection.request("GET", "/api/v1/stream", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    check(answer.status == 200, f"the stream: {answer.status}")
    site.form("/register", username="streamer", email="s@example.org", password="secret", password2="secret")
    token = site.ask(
        "POST",
        "/api/v1/tokens",
        json.dumps({"username": "streamer", "password": "secret", "name": "test"}),
        {"Content-Type": "application/json"},
    )
    check(token[0] == 201, f"a token: {token}")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {json.loads(token[1])['token']}"}
    begun = time.monotonic()
    posted = site.ask("POST", "/api/v1/messages", json.dumps({"text": "as it comes"}), headers)
    check(posted[0] == 201, f"a message: {posted}")
    while "as it comes" not in (line := answer.readline().decode()):
        check(line, "the stream ended")
    say(f"a message was in the stream {1000 * (time.monotonic() - begun):.0f} ms after it was posted")
    connection.close()


def panels_have_data(site):
    networks = inspect(container("prometheus"))["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]

    def ask(query):
        query = query.replace("$__rate_interval", "1m").replace("$__range", "10m")
        url = f"http://{address}:9090/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]["result"]

    until(
        "Prometheus has asked both replicas", lambda: [it["value"][1] for it in ask('sum(up{job="minitwit"})')] == ["2"]
    )
    dashboard = json.loads((ROOT / "compose/grafana/dashboards/overview.json").read_text())

    def found_for(query):
        # Rates want two looks at a counter, and something between them: here it is a password to hash.
        site.form("/login", username="streamer", password="wrong")
        return [it for it in ask(query) if it["value"][1] != "NaN"]

    asked = 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            until(f"{panel['title']}: {target['expr']}", partial(found_for, target["expr"]))
            asked += 1
    posted = float(ask("sum(minitwit_messages_total)")[0]["value"][1])
    check(posted > 0, "no messages are counted")
    say(f"{asked} queries of {len(dashboard['panels'])} panels and rows have data in Prometheus")


def rolls_under_load(site, image):
    simulation = Simulation(site, image, 150_000, 500, "roll")
    simulation.wait_until_it_has_begun()
    begun = time.monotonic()
    before = [container("minitwit-1"), container("minitwit-2")]
    run("scripts/roll")
    took = time.monotonic() - begun
    check(not set(before) & {container("minitwit-1"), container("minitwit-2")}, "nothing was replaced")
    text = simulation.end()
    total = re.search(r"^all +(\d+) +(\d+)", text, re.M)
    check(total and total[2] == "0" and "\n0 differences, 0 unverifiable" in text, f"requests failed:\n{text}")
    say(f"both replicas were replaced in {took:.0f} s under load: 0 of {total[1]} commands failed, 0 differences")


def what_dies_comes_back():
    name = container("minitwit-2")
    os.kill(inspect(name)["State"]["Pid"], signal.SIGKILL)
    until(
        "the killed replica runs again",
        lambda: inspect(name)["RestartCount"] == 1 and inspect(name)["State"]["Running"],
    )
    until("it is healthy", lambda: inspect(name)["State"]["Health"]["Status"] == "healthy")
    say("a replica that was killed was restarted, and is healthy")


def content():
    return compose(
        "exec", "-T", "postgres", "psql", "-h", "/var/run/postgresql", "-U", "minitwit", "-At", "-c", CONTENT
    )


def loses_nothing():
    before = content()
    compose("down", "--volumes", "--timeout", "60")
    check(docker("ps", "--all", "--quiet") == "", "something still runs")
    begin()
    check(content() == before, f"{before} became {content()}")
    say(f"taken down with its volumes, and up again: {before} users, messages and follows, as before")


def tls_is_there_with_a_certificate(site):
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
    begin()
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.request("GET", "/public?page=2")
    answer = connection.getresponse()
    led = (answer.status, answer.getheader("Location"))
    check(led == (308, f"https://127.0.0.1:{port}/public?page=2"), f"plain HTTP leads to {led}")
    trust = ssl.create_default_context(cafile=certificate)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=trust)
    connection.request("GET", "/public")
    answer = connection.getresponse()
    check(answer.status == 200 and "max-age" in answer.getheader("Strict-Transport-Security", ""), "no TLS")
    say(f"with a certificate there is {connection.sock.version()}, and plain HTTP leads to it")
    compose("down", "--timeout", "60")
    os.environ["COMPOSE_FILE"] = "compose.yaml"


def works_on_the_hosts_network(site, image, before):
    """Where containers can have no network of their own. The volume is the one from before."""
    os.environ |= {"COMPOSE_FILE": "compose.yaml:compose/host-network.yaml", "TRUSTED_PROXIES": "127.0.0.1"}
    begin()
    new = listening() - before
    check(new == {f"0.0.0.0:{site.port}"}, f"on the host's network this listens: {new}")
    check(site.ask("GET", "/metrics")[0] == 404, "on the host's network")
    told = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Proto": "https"}
    check(site.ask("GET", "/public", headers=told)[0] == 200, "on the host's network")
    check(clients() == {"198.51.100.7"}, f"clients in the log: {clients()}, and not the one that a trusted proxy tells")
    say("whom a proxy that is trusted names last is the client")
    say(f"on the host's network it serves, and nothing but {new} listens besides on loopback")
    compose("down", "--timeout", "60")
    os.environ |= {"COMPOSE_FILE": "compose.yaml", "TRUSTED_PROXIES": ""}


def the_system_works(image, site):
    before = listening()
    docker("volume", "create", os.environ["DATABASE_VOLUME"])
    image_is_small(image)
    production_wants_secrets(image)
    begun = time.monotonic()
    begin()
    say(f"up after {time.monotonic() - begun:.0f} s")
    containers_are_bounded()
    nothing_else_listens(before, site.port)
    scenario = Simulation(site, image, 2_000, 50, "scenario")
    check(scenario.process.wait(600) == 0, f"the scenario:\n{scenario.report.read_text()}")
    say(scenario.report.read_text())
    streams_at_once(site)
    nginx_keeps_the_rules(site)
    panels_have_data(site)
    a_database_elsewhere_is_spoken_to_by_tls()
    loses_nothing()
    what_dies_comes_back()
    tls_is_there_with_a_certificate(site)
    works_on_the_hosts_network(site, image, before)


def settings(image, work, port):
    files = {}
    for name in ["database", "simulator", "grafana"]:
        file = work / f"{name}-password"
        file.write_text(os.urandom(16).hex())
        file.chmod(0o444)
        files[f"{name.upper()}_PASSWORD_FILE"] = str(file)
    stand_ins = {f"{name.upper()}_IMAGE": f"minitwit-stand-in/{name}" for name in ["nginx", "postgres", "prometheus"]}
    return {
        **files,
        **stand_ins,
        "WORK": str(work),
        "MINITWIT_IMAGE": image,
        "COMPOSE_PROJECT_NAME": "minitwit-test",
        "COMPOSE_FILE": "compose.yaml",
        "COMPOSE_PROFILES": "postgres",
        "DATABASE_VOLUME": "minitwit-test-database",
        "PUBLIC_PORT": str(port),
        "PUBLIC_ADDRESS": "0.0.0.0",
        "PROXY_NETWORK": "172.31.213",
        "COMPOSE_DISABLE_ENV_FILE": "true",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", help="the image of MiniTwit")
    options = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="minitwit-containers-") as work:
        os.environ |= settings(options.image, Path(work), port)
        site = Site(port)
        try:
            the_system_works(options.image, site)
            begin_on_an_empty_database()
            rolls_under_load(site, options.image)
            hazards.play(site, options.image)
            compose("down", "--timeout", "60")
            swarm.play(options.image)
        except BaseException:
            print(
                subprocess.run(
                    ["docker", "compose", "logs", "--tail", "5"], cwd=ROOT, capture_output=True, text=True
                ).stdout
            )
            raise
        finally:
            subprocess.run(["docker", "compose", "down", "--volumes", "--timeout", "20"], cwd=ROOT, capture_output=True)
            subprocess.run(["docker", "volume", "rm", os.environ["DATABASE_VOLUME"]], capture_output=True)


if __name__ == "__main__":
    main()
