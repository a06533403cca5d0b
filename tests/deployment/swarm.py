"""Brings compose/compose.swarm.yaml to a swarm of this one machine, updates it, breaks it, and takes it down.

A kernel without IPVS has no balancer for the swarm: then names lead to the replicas themselves, which nginx
looks up when it starts, so that it has to start again after an update, and nothing is asked during one.
"""

import functools
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from engine import Site, check, docker, free_port, make_certificate, run, say, until

STACK = "minitwit-test"
FILE = "compose/compose.swarm.yaml"
# Of one update, in seconds: two replicas, one after the other.
UPDATE = 240
# Debian has no Grafana. What is watched after an update is watched for less long than in earnest.
OVERRIDE = """
services:
  nginx: {{deploy: {{endpoint_mode: {mode}, update_config: {{monitor: 2s}}}}}}
  minitwit: {{deploy: {{endpoint_mode: {mode}, update_config: {{monitor: 5s, delay: 2s}}}}}}
  postgres: {{deploy: {{endpoint_mode: {mode}}}}}
  prometheus: {{deploy: {{endpoint_mode: {mode}}}}}
  grafana: {{deploy: {{endpoint_mode: {mode}, replicas: 0}}}}
"""


# The first client whose stacks know jobs.
CLIENT = 23


def client():
    """The first `docker` that is new enough, if there is one: the engine's own, which Debian has, is not."""
    for directory in os.get_exec_path():
        program = Path(directory) / "docker"
        if program.exists():
            version = run(str(program), "version", "--format", "{{.Client.Version}}")
            if int(version.split(".")[0]) >= CLIENT:
                return str(program)
    return None


@functools.cache
def balances():
    """Whether the kernel does. Decided once: the engine may load the module later, and the mode of a stack's services
    must not change under way. Where there is no module or no modprobe, the kernel may have it built in."""
    subprocess.run("modprobe ip_vs || true", shell=True, capture_output=True)
    return Path("/proc/net/ip_vs").exists()


def deploy(**settings):
    override = Path(os.environ["WORK"]) / "override.yaml"
    override.write_text("version: '3.9'\n" + OVERRIDE.format(mode="vip" if balances() else "dnsrr"))
    command = [client(), "stack", "deploy", "--resolve-image", "never", "-c", FILE, "-c", str(override), STACK]
    os.environ |= settings
    run(*command)


def service(name):
    return json.loads(docker("service", "inspect", f"{STACK}_{name}"))[0]


def update_state(name):
    return (service(name).get("UpdateStatus") or {}).get("State")


def tasks(name):
    """Those that are running."""
    listed = docker(
        "service", "ps", "--filter", "desired-state=running", "--format", "{{.ID}} {{.CurrentState}}", f"{STACK}_{name}"
    )
    return {line.split()[0] for line in listed.splitlines() if "Running" in line}


def replicas():
    listed = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
    return {
        name.removeprefix(f"{STACK}_"): count for name, count in (line.split(" ", 1) for line in listed.splitlines())
    }


def is_well():
    counts = replicas()
    return [len(tasks(name)) for name in ("minitwit", "nginx", "postgres", "prometheus")] == [
        2,
        1,
        1,
        1,
    ] and "(1/1 completed)" in counts["migrate"]


def wait_until_well(site):
    until("the swarm is well", is_well, UPDATE)
    until("the site answers", lambda: site.answers("/readyz"))


def image_of(base, name, line):
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "-"],
        input=f"FROM {base}\n{line}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    return name


class Asking(threading.Thread):
    """Asks for a page again and again; tells what went wrong."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.asked, self.failed = site, 0, 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.05):
            self.asked += 1
            self.failed += not self.site.answers("/public")

    def end(self):
        self.stopping.set()
        self.join()
        return f"{self.failed} of {self.asked} requests failed"


def set_up():
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    node = docker("node", "ls", "--quiet")
    docker("node", "update", "--label-add", "minitwit.public=true", "--label-add", "minitwit.database=true", node)
    for name in ["database", "simulator", "grafana"]:
        docker("secret", "create", f"minitwit_{name}_password", os.environ[f"{name.upper()}_PASSWORD_FILE"])
    docker("volume", "create", os.environ["DATABASE_VOLUME"])


def take_down():
    for command in [["stack", "rm", STACK], ["swarm", "leave", "--force"]]:
        subprocess.run(["docker", *command], capture_output=True)
    names = [os.environ["DATABASE_VOLUME"], os.environ["CERTIFICATES_VOLUME"]]
    deadline = time.monotonic() + 60
    while subprocess.run(["docker", "volume", "rm", "--force", *names], capture_output=True).returncode != 0:
        check(time.monotonic() < deadline, "the swarm's containers did not go")
        time.sleep(0.5)


def comes_up(site, image):
    begun = time.monotonic()
    deploy(MINITWIT_IMAGE=image)
    wait_until_well(site)
    say(f"the swarm was up after {time.monotonic() - begun:.0f} s: {replicas()}")


def what_is_the_same_is_left_alone(site, image):
    names = ["minitwit", "nginx", "postgres", "prometheus"]
    before = {name: tasks(name) for name in names}
    deploy(MINITWIT_IMAGE=image)
    time.sleep(5)
    check({name: tasks(name) for name in names} == before, "a deployment of the same replaced something")
    deploy(NGINX_CONFIG_VERSION="2")
    until("nginx is replaced", lambda: tasks("nginx") and not tasks("nginx") & before["nginx"], UPDATE)
    until("nginx is updated", lambda: update_state("nginx") == "completed", UPDATE)
    others = [name for name in names if name != "nginx"]
    check(all(tasks(name) == before[name] for name in others), "what is new for nginx replaced another")
    wait_until_well(site)
    say("deployed again, nothing was replaced; what was new for nginx alone replaced nginx alone")


def certificate():
    """One for this machine, in the volume that nginx looks into."""
    directory = Path(os.environ["WORK"]) / "swarm-certificates"
    made = make_certificate(directory)
    copy = "cp /from/* /certificates && chmod 444 /certificates/*"
    volumes = ["-v", f"{directory}:/from:ro", "-v", f"{os.environ['CERTIFICATES_VOLUME']}:/certificates"]
    docker("run", "--rm", "--network", "none", *volumes, "minitwit-stand-in/debian", "sh", "-c", copy)
    return made


def serves_tls_with_a_certificate():
    context = ssl.create_default_context(cafile=certificate())
    deploy(LISTEN_TLS="8443")
    url = f"https://127.0.0.1:{os.environ['PUBLIC_PORT_TLS']}/public"

    def by_tls():
        try:
            return urllib.request.urlopen(url, timeout=10, context=context).status == 200
        except OSError:
            return False

    until("TLS is served", by_tls)
    say("with a certificate in its volume the swarm serves TLS")


def is_updated(image):
    before, job = tasks("minitwit"), service("migrate")["JobStatus"]["JobIteration"]["Index"]
    asking = Asking(Site(int(os.environ["PUBLIC_PORT"])))
    if balances():
        asking.start()
    begun = time.monotonic()
    deploy(MINITWIT_IMAGE=image)
    until(
        "the update is done", lambda: update_state("minitwit") == "completed" and not tasks("minitwit") & before, UPDATE
    )
    until("the swarm is well", is_well)
    check(service("migrate")["JobStatus"]["JobIteration"]["Index"] == job + 1, "the new image did not migrate")
    told = f": {asking.end()}" if balances() else ""
    check(asking.failed == 0, f"during the update {told}")
    say(f"both replicas were replaced in {time.monotonic() - begun:.0f} s, after the new image had migrated{told}")
    if not balances():
        deploy(NGINX_CONFIG_VERSION="3")
        until("nginx is updated", lambda: update_state("nginx") == "completed", UPDATE)


def what_is_broken_is_taken_back(site, image):
    before = tasks("minitwit")
    until("the site answers", lambda: site.answers("/readyz"))
    asking = Asking(site)
    asking.start()
    begun = time.monotonic()
    deploy(MINITWIT_IMAGE=image)
    until("the swarm has taken it back", lambda: update_state("minitwit") == "rollback_completed", UPDATE)
    until("the swarm is well", is_well)
    told = asking.end()
    check(asking.failed == 0 and asking.asked > 50, f"while a broken update was taken back {told}")
    check(tasks("minitwit") == before, "replicas were replaced by a broken update")
    say(
        f"an update that could not start was taken back after {time.monotonic() - begun:.0f} s, "
        f"and no replica replaced: {told}"
    )


def play(image):
    if client() is None:
        say(f"not tried on a swarm: that takes a client of Docker {CLIENT} or newer")
        return
    os.environ |= {
        "CERTIFICATES_VOLUME": "minitwit-test-certificates",
        "PUBLIC_PORT_TLS": str(free_port()),
        "TRUSTED_PROXIES": "",
    }
    site = Site(int(os.environ["PUBLIC_PORT"]))
    docker("volume", "rm", "--force", os.environ["DATABASE_VOLUME"])
    try:
        set_up()
        comes_up(site, image)
        what_is_the_same_is_left_alone(site, image)
        is_updated(image_of(image, "minitwit:test-update", "LABEL update=1"))
        # It migrates, and refuses to serve.
        what_is_broken_is_taken_back(
            site, image_of(image, "minitwit:test-broken", "ENV MINITWIT_DATABASE_CONNECTIONS=1")
        )
        serves_tls_with_a_certificate()
    except BaseException:
        print(subprocess.run(["docker", "stack", "ps", "--no-trunc", STACK], capture_output=True, text=True).stdout)
        raise
    finally:
        take_down()
