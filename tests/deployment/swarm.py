"""Deploys compose/compose.swarm.yaml to a swarm of this machine, updates it, breaks an update, and removes it.

The swarm's load balancer needs IPVS in the kernel. Without IPVS, the names of services resolve to their replicas. nginx
resolves names only at its start, so in this case the test sends no requests during an update, and restarts nginx after
it.
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

from engine import DATA_VOLUMES, Site, check, docker, free_port, make_certificate, run, say, wait_until

STACK = "minitwit-test"
STACK_FILE = "compose/compose.swarm.yaml"
# Time-out of one update of two replicas, in seconds.
UPDATE_TIMEOUT = 240
# Debian has no Grafana. Shorter monitoring than in production saves time.
OVERRIDE = """
services:
  nginx: {{deploy: {{endpoint_mode: {mode}, update_config: {{monitor: 2s}}}}}}
  minitwit: {{deploy: {{endpoint_mode: {mode}, update_config: {{monitor: 5s, delay: 2s}}}}}}
  postgres: {{deploy: {{endpoint_mode: {mode}}}}}
  prometheus: {{deploy: {{endpoint_mode: {mode}}}}}
  grafana: {{deploy: {{endpoint_mode: {mode}, replicas: 0}}}}
"""
# The first version whose stacks support jobs.
MIN_CLIENT_VERSION = 23


def docker_client():
    """The first `docker` in PATH that is new enough, or None. Debian's is too old."""
    for directory in os.get_exec_path():
        program = Path(directory) / "docker"
        if program.exists():
            version = run(str(program), "version", "--format", "{{.Client.Version}}")
            if int(version.split(".")[0]) >= MIN_CLIENT_VERSION:
                return str(program)
    return None


@functools.cache
def has_balancer():
    """Whether the kernel has IPVS. Cached, because the engine may load the module later, but the mode of a service must
    not change. If IPVS is built into the kernel, modprobe may fail."""
    subprocess.run("modprobe ip_vs || true", shell=True, capture_output=True)
    return Path("/proc/net/ip_vs").exists()


def deploy(**settings):
    override = Path(os.environ["WORK"]) / "override.yaml"
    override.write_text("version: '3.9'\n" + OVERRIDE.format(mode="vip" if has_balancer() else "dnsrr"))
    command = [
        docker_client(),
        "stack",
        "deploy",
        "--resolve-image",
        "never",
        "-c",
        STACK_FILE,
        "-c",
        str(override),
        STACK,
    ]
    os.environ |= settings
    run(*command)


def service(name):
    return json.loads(docker("service", "inspect", f"{STACK}_{name}"))[0]


def update_state(name):
    return (service(name).get("UpdateStatus") or {}).get("State")


def tasks(name):
    """Ids of the running tasks."""
    listed = docker(
        "service", "ps", "--filter", "desired-state=running", "--format", "{{.ID}} {{.CurrentState}}", f"{STACK}_{name}"
    )
    return {line.split()[0] for line in listed.splitlines() if "Running" in line}


def replicas():
    listed = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}")
    return {
        name.removeprefix(f"{STACK}_"): count for name, count in (line.split(" ", 1) for line in listed.splitlines())
    }


def is_healthy():
    counts = replicas()
    return [len(tasks(name)) for name in ("minitwit", "nginx", "postgres", "prometheus")] == [
        2,
        1,
        1,
        1,
    ] and "(1/1 completed)" in counts["migrate"]


def wait_until_healthy(site):
    wait_until("the swarm is healthy", is_healthy, UPDATE_TIMEOUT)
    wait_until("/readyz succeeds", lambda: site.is_ok("/readyz"))


def build_image(base, name, line):
    """Builds an image from a base image and one more line of a Dockerfile. Returns its name."""
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, "-"],
        input=f"FROM {base}\n{line}\n",
        text=True,
        check=True,
        capture_output=True,
    )
    return name


class Requests(threading.Thread):
    """Requests a page continuously, and counts failures."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.site, self.sent, self.failed = site, 0, 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(0.05):
            self.sent += 1
            self.failed += not self.site.is_ok("/public")

    def stop(self):
        self.stopping.set()
        self.join()
        return f"{self.failed} of {self.sent} requests failed"


def set_up():
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    node = docker("node", "ls", "--quiet")
    docker("node", "update", "--label-add", "minitwit.public=true", "--label-add", "minitwit.database=true", node)
    for name in ["database_password", "simulator_password", "grafana_password", "backup_passphrase"]:
        docker("secret", "create", f"minitwit_{name}", os.environ[f"{name.upper()}_FILE"])
    for volume in DATA_VOLUMES:
        docker("volume", "create", os.environ[volume])


def take_down():
    for command in [["stack", "rm", STACK], ["swarm", "leave", "--force"]]:
        subprocess.run(["docker", *command], capture_output=True)
    names = [os.environ[volume] for volume in [*DATA_VOLUMES, "CERTIFICATES_VOLUME"]]
    deadline = time.monotonic() + 60
    while subprocess.run(["docker", "volume", "rm", "--force", *names], capture_output=True).returncode != 0:
        check(time.monotonic() < deadline, "the volumes cannot be removed; containers of the swarm still use them")
        time.sleep(0.5)


def the_stack_starts(site, image):
    begun = time.monotonic()
    deploy(MINITWIT_IMAGE=image)
    wait_until_healthy(site)
    say(f"the swarm became healthy in {time.monotonic() - begun:.0f} s: {replicas()}")


def unchanged_services_are_not_replaced(site, image):
    names = ["minitwit", "nginx", "postgres", "prometheus"]
    before = {name: tasks(name) for name in names}
    deploy(MINITWIT_IMAGE=image)
    time.sleep(5)
    check({name: tasks(name) for name in names} == before, "a deployment without changes replaced a task")
    deploy(NGINX_CONFIG_VERSION="2")
    wait_until("nginx is replaced", lambda: tasks("nginx") and not tasks("nginx") & before["nginx"], UPDATE_TIMEOUT)
    wait_until("nginx is updated", lambda: update_state("nginx") == "completed", UPDATE_TIMEOUT)
    others = [name for name in names if name != "nginx"]
    check(all(tasks(name) == before[name] for name in others), "a new config of nginx replaced tasks of other services")
    wait_until_healthy(site)
    say("a deployment without changes replaced nothing; a new config of nginx replaced only nginx")


def install_certificate():
    """Creates a certificate for this machine in the volume of nginx. Returns its path."""
    directory = Path(os.environ["WORK"]) / "swarm-certificates"
    path = make_certificate(directory)
    copy = "cp /from/* /certificates && chmod 444 /certificates/*"
    volumes = ["-v", f"{directory}:/from:ro", "-v", f"{os.environ['CERTIFICATES_VOLUME']}:/certificates"]
    docker("run", "--rm", "--network", "none", *volumes, "minitwit-stand-in/debian", "sh", "-c", copy)
    return path


def a_certificate_enables_tls():
    context = ssl.create_default_context(cafile=install_certificate())
    deploy(LISTEN_TLS="8443")
    url = f"https://127.0.0.1:{os.environ['PUBLIC_PORT_TLS']}/public"

    def serves_tls():
        try:
            return urllib.request.urlopen(url, timeout=10, context=context).status == 200
        except OSError:
            return False

    wait_until("TLS is served", serves_tls)
    say("with a certificate in its volume, nginx serves TLS")


def a_lost_volume_is_restored(site):
    """As docs/how-to/recover.md says: with the repository and the passphrase alone."""

    def database(*arguments):
        name = docker("ps", "--quiet", "--filter", f"name={STACK}_postgres")
        return subprocess.run(["docker", "exec", name, *arguments], capture_output=True, text=True).stdout.strip()

    def scale(count, condition):
        docker("service", "scale", "--detach", f"{STACK}_postgres={count}")
        wait_until(f"PostgreSQL is scaled to {count}", condition)

    begun = time.monotonic()
    wait_until("the first backup is made", lambda: "full" in database("minitwit", "backup", "--list"))
    count = "SELECT count(*) FROM users"
    site.form("/register", username="keeper", email="k@example.org", password="secret", password2="secret")
    check(database("psql", "-At", "-c", count) == "1", "registering failed")
    # A stop archives the last WAL.
    scale(0, lambda: not docker("ps", "--quiet", "--filter", f"name={STACK}_postgres"))
    data, backups = os.environ["DATABASE_VOLUME"], os.environ["BACKUP_VOLUME"]
    docker("container", "prune", "--force")
    docker("volume", "rm", data)
    docker("volume", "create", data)
    mounts = ["-v", f"{data}:/var/lib/postgresql/data", "-v", f"{backups}:/var/lib/minitwit-backups"]
    mounts += ["-v", f"{os.environ['BACKUP_PASSPHRASE_FILE']}:/run/secrets/backup_passphrase:ro"]
    repository = ["--backup-repository", "/var/lib/minitwit-backups"]
    repository += ["--backup-passphrase-file", "/run/secrets/backup_passphrase"]
    image = os.environ["POSTGRES_IMAGE"]
    docker("run", "--rm", "--user", "999:999", *mounts, image, "restore", "--latest", *repository)
    scale(1, lambda: database("psql", "-At", "-c", count) == "1")
    wait_until_healthy(site)
    say(f"a lost volume of the swarm was restored, and the stack was healthy after {time.monotonic() - begun:.0f} s")


def an_update_replaces_all_replicas(image):
    before, job = tasks("minitwit"), service("migrate")["JobStatus"]["JobIteration"]["Index"]
    requests = Requests(Site(int(os.environ["PUBLIC_PORT"])))
    if has_balancer():
        requests.start()
    begun = time.monotonic()
    deploy(MINITWIT_IMAGE=image)
    wait_until(
        "the update is done",
        lambda: update_state("minitwit") == "completed" and not tasks("minitwit") & before,
        UPDATE_TIMEOUT,
    )
    wait_until("the swarm is healthy", is_healthy)
    check(service("migrate")["JobStatus"]["JobIteration"]["Index"] == job + 1, "the new image's migration did not run")
    result = f": {requests.stop()}" if has_balancer() else ""
    check(requests.failed == 0, f"during the update{result}")
    say(f"both replicas were replaced in {time.monotonic() - begun:.0f} s, after the new image's migration{result}")
    if not has_balancer():
        deploy(NGINX_CONFIG_VERSION="3")
        wait_until("nginx is updated", lambda: update_state("nginx") == "completed", UPDATE_TIMEOUT)


def a_broken_update_is_rolled_back(site, image):
    before = tasks("minitwit")
    wait_until("/readyz succeeds", lambda: site.is_ok("/readyz"))
    requests = Requests(site)
    requests.start()
    begun = time.monotonic()
    deploy(MINITWIT_IMAGE=image)
    wait_until("the swarm has rolled back", lambda: update_state("minitwit") == "rollback_completed", UPDATE_TIMEOUT)
    wait_until("the swarm is healthy", is_healthy)
    result = requests.stop()
    check(requests.failed == 0 and requests.sent > 50, f"during the rollback of a broken update: {result}")
    check(tasks("minitwit") == before, "a broken update replaced replicas")
    say(
        f"an update whose replicas cannot start was rolled back in {time.monotonic() - begun:.0f} s, "
        f"and no replica was replaced: {result}"
    )


def run_all(image):
    if docker_client() is None:
        say(f"skipped the swarm: it needs a Docker client {MIN_CLIENT_VERSION} or newer")
        return
    os.environ |= {
        "CERTIFICATES_VOLUME": "minitwit-test-certificates",
        "PUBLIC_PORT_TLS": str(free_port()),
        "TRUSTED_PROXIES": "",
    }
    site = Site(int(os.environ["PUBLIC_PORT"]))
    docker("volume", "rm", "--force", *(os.environ[volume] for volume in DATA_VOLUMES))
    try:
        set_up()
        the_stack_starts(site, image)
        a_lost_volume_is_restored(site)
        unchanged_services_are_not_replaced(site, image)
        an_update_replaces_all_replicas(build_image(image, "minitwit:test-update", "LABEL update=1"))
        # Its migration succeeds, but its replicas reject their settings.
        a_broken_update_is_rolled_back(
            site, build_image(image, "minitwit:test-broken", "ENV MINITWIT_DATABASE_CONNECTIONS=1")
        )
        a_certificate_enables_tls()
    except BaseException:
        print(subprocess.run(["docker", "stack", "ps", "--no-trunc", STACK], capture_output=True, text=True).stdout)
        raise
    finally:
        take_down()
