"""Tries scripts/deploy on a real swarm of one machine, with a registry of its own: what becomes well stays, and
whatever does not is taken back. scripts/deploy-test runs it, as root, and makes what it needs.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
STACK = "deploy_test"
PATIENCE = 60
NOWHERE = "http://127.0.0.1:9/"


def check(holds, what):
    if not holds:
        sys.exit(f"deploy: {what}")


def run(*command, **more):
    done = subprocess.run(command, text=True, capture_output=True, **more)
    check(done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def docker(*arguments):
    return run("docker", *arguments)


def until(what, probe):
    deadline = time.monotonic() + PATIENCE
    while not probe():
        check(time.monotonic() < deadline, f"not within {PATIENCE} s: {what}")
        time.sleep(0.2)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def page(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return answer.read().decode().strip()
    except OSError:
        return None


def specs():
    """What the swarm has, without jobs: those run anew, and are not taken back."""
    names = docker("service", "ls", "--quiet", "--filter", f"label=com.docker.stack.namespace={STACK}").split()
    found = json.loads(docker("service", "inspect", *names)) if names else []
    return {it["Spec"]["Name"]: it["Spec"] for it in found if "ReplicatedJob" not in it["Spec"]["Mode"]}


def configs():
    listed = docker("config", "ls", "--filter", f"label=com.docker.stack.namespace={STACK}", "--format", "{{.Name}}")
    return set(listed.split())


class Site:
    """A repository with the stack file and what it names, and the images that it can be deployed with."""

    def __init__(self, directory, registry, busybox):
        self.directory, self.registry, self.busybox = directory, registry, busybox
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        (directory / "nginx").mkdir(parents=True)
        shutil.copy(HERE / "deploy.yaml", directory / "stack.yaml")
        run("git", "init", "--quiet", cwd=directory)
        self.write("first")
        self.beside = self.image("beside", "1")

    def write(self, text):
        (self.directory / "nginx/index.html").write_text(f"{text}\n")
        run("git", "add", ".", cwd=self.directory)

    def image(self, name, version, programs=("sh", "httpd", "sleep", "true", "false")):
        """An image of this version, by its digest; without its programs it cannot begin."""
        root = self.directory.parent / f"root-{name}-{version}"
        (root / "bin").mkdir(parents=True)
        shutil.copy(self.busybox, root / "bin/busybox")
        (root / "version").write_text(version)
        for program in programs:
            (root / "bin" / program).symlink_to("busybox")
        tag = f"{self.registry}/{name}:{version}"
        archive = root.with_suffix(".tar")
        run("tar", "-C", root, "-cf", archive, ".")
        docker("import", archive, tag)
        docker("push", "--quiet", tag)
        digest = json.loads(docker("image", "inspect", tag))[0]["RepoDigests"][0].split("@")[1]
        # The swarm fetches it, as it would from elsewhere.
        docker("image", "rm", tag)
        return f"{tag}@{digest}"

    def command(self, url, timeout, **settings):
        environment = {**os.environ, "PORT": str(self.port), "BESIDE_IMAGE": self.beside, **settings}
        file = str(self.directory / "stack.yaml")
        limits = ["--pause", "1", "--timeout", str(timeout), "--take-back-timeout", "120"]
        command = [str(ROOT / "scripts/deploy"), file, STACK, self.url if url is None else url, *limits]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def deploy(self, url=None, timeout=40, **settings):
        process = self.command(url, timeout, **settings)
        said = process.communicate()[0]
        return process.returncode, said

    def is_taken_back(self, what, why, before=None, **settings):
        """Whether this deployment fails, says why, and leaves all as it was."""
        before = specs() if before is None else before
        code, said = self.deploy(**{"RELEASE": what, **settings})
        check(
            code == 1 and why in said and "taken back: every service is what it was" in said, f"{what}: {code}\n{said}"
        )
        check(specs() == before, f"{what}: the services are not what they were\n{said}")
        print(f"taken back: {what}", flush=True)


def a_healthy_deployment_succeeds(site, images):
    code, said = site.deploy(MINITWIT_IMAGE=images[0])
    check(code == 0 and page(site.port) == "first", f"the first deployment: {code}\n{said}")
    check(f"{STACK}_migrate: 0 of 1 completed, 1 running" in said, f"the job's run is not told\n{said}")
    print("the first deployment became well, and its job completed", flush=True)


def unused_configs_and_images_are_removed(site, images):
    names = [configs()]
    for number, text in [(1, "second"), (2, "third")]:
        site.write(text)
        code, said = site.deploy(MINITWIT_IMAGE=images[number], RELEASE=str(number))
        check(code == 0 and page(site.port) == text, f"{text}: {code}\n{said}")
        names.append(configs())
        check(len(names[-1]) == 2 and names[-2] & names[-1], f"the {text} leaves configs {names}")
    check(not names[0] & names[2], f"the first one's config is still there: {names}")
    kept = docker("image", "ls", "--digests", "--format", "{{.Digest}}", images[0].split("@")[0].rsplit(":", 1)[0])
    digests = [image.split("@")[1] for image in images]
    # The container that the update has ended is there still.
    check(set(kept.split()) >= set(digests[1:]), f"images are gone that are needed: {kept}")
    ended = docker("ps", "--all", "--quiet", "--filter", "status=exited").split()
    docker("rm", *ended)
    code, said = site.deploy(MINITWIT_IMAGE=images[2], RELEASE="3")
    kept = docker("image", "ls", "--digests", "--format", "{{.Digest}}", images[0].split("@")[0].rsplit(":", 1)[0])
    check(
        code == 0 and digests[0] not in kept and digests[2] in kept, f"the first image is still there: {kept}\n{said}"
    )
    print("configs and images that nothing needs are gone; those of the version before are kept", flush=True)


def failures_are_rolled_back(site, good, broken):
    # One that the swarm itself takes back, and its neighbour along with it.
    site.is_taken_back("the swarm's own rollback", "it has failed", MINITWIT_IMAGE=broken)
    check(page(site.port) == "third", "the page is not what it was")
    good = {"MINITWIT_IMAGE": good}
    site.is_taken_back("a task without a place", "not well within", timeout=8, WHERE="node.labels.gone == true", **good)
    site.is_taken_back("a URL that never answers", f"{NOWHERE}: no answer", url=NOWHERE, timeout=8, **good)
    site.is_taken_back("a job that fails", f"{STACK}_migrate: failed", MIGRATE="false", **good)
    # The swarm changes no service's mode: what the stack file says before that is done already.
    site.is_taken_back("a failure before the first look", "docker stack deploy", WEB_MODE="global", **good)


def a_new_service_is_removed(site, good):
    file = site.directory / "stack.yaml"
    text = file.read_text()
    file.write_text(
        text.replace(
            "\nnetworks:\n",
            "\n  new:\n    networks: [host]\n    image: ${BESIDE_IMAGE}\n    command: [/bin/false]\n\nnetworks:\n",
        )
    )
    site.is_taken_back("a new service", f"{STACK}_new", timeout=8, MINITWIT_IMAGE=good)
    file.write_text(text)


def signals_cause_a_rollback(site, good):
    for sign in (signal.SIGINT, signal.SIGTERM):
        before = specs()
        process = site.command(NOWHERE, 60, MINITWIT_IMAGE=good, RELEASE=sign.name)
        until("the deployment has begun", lambda before=before: specs() != before)
        process.send_signal(sign)
        said = process.communicate(timeout=PATIENCE)[0]
        check(process.returncode == 1 and f"{sign.name} came" in said, f"{sign.name}: {process.returncode}\n{said}")
        check(specs() == before, f"{sign.name}: the services are not what they were\n{said}")
        print(f"taken back: {sign.name}", flush=True)


def lost_docker_commands_are_retried(site, good):
    """The first look after the stack was told is lost, and the first order back."""
    docker = site.directory.parent / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(f"""#!/bin/sh
case "$1 $2" in
  "stack deploy") touch "$0.told" ;;
  "service ls" | "service rollback")
    if [ -e "$0.told" ] && [ ! -e "$0.$2" ]; then
      touch "$0.$2"
      echo "lost" >&2
      exit 1
    fi ;;
esac
exec {shutil.which("docker")} "$@"
""")
    docker.chmod(0o755)
    path = f"{docker.parent}:{os.environ['PATH']}"
    # Told as what is not well yet, and not as what ends the deployment.
    told = f"{STACK}: docker service ls: lost\n"
    site.is_taken_back("two lost answers", told, url=NOWHERE, timeout=8, PATH=path, MINITWIT_IMAGE=good)
    check(docker.with_name("docker.rollback").exists(), "no order was lost")


def missing_urls_and_tasks_are_rejected(site, good):
    before = specs()
    code, said = site.deploy(url="", MINITWIT_IMAGE=good, RELEASE="no URL")
    check(code == 2 and "no URL is given" in said and specs() == before, f"no URL: {code}\n{said}")
    code, said = site.deploy(url="-", MINITWIT_IMAGE=good, RELEASE="-")
    check(code == 0 and "no URL was given" in said, f"the URL -: {code}\n{said}")
    code, said = site.deploy(MINITWIT_IMAGE=good, POSTGRES_REPLICAS="0")
    check(code == 0, f"a database elsewhere: {code}\n{said}")
    # A service that is on no machine has all the tasks that it wants: none.
    docker("stack", "rm", STACK)
    until("nothing is there", lambda: not specs() and page(site.port) is None)
    (site.directory / "stack.yaml").write_text(
        (site.directory / "stack.yaml")
        .read_text()
        .replace(
            'deploy: {<<: *update, mode: "${WEB_MODE:-replicated}"}',
            "deploy: {<<: *update, mode: global, placement: {constraints: [node.labels.gone == true]}}",
        )
    )
    site.is_taken_back("no machine has the label", "not one task is wanted", url="-", timeout=6, MINITWIT_IMAGE=good)
    print("an empty URL is refused, and no task is not all tasks", flush=True)


def main():
    directory, registry, busybox = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    site = Site(directory / "site", registry, busybox)
    images = [site.image("app", str(version)) for version in (1, 2, 3)]
    broken = site.image("app", "broken", programs=())
    a_healthy_deployment_succeeds(site, images)
    unused_configs_and_images_are_removed(site, images)
    failures_are_rolled_back(site, images[2], broken)
    a_new_service_is_removed(site, images[2])
    signals_cause_a_rollback(site, images[2])
    lost_docker_commands_are_retried(site, images[2])
    missing_urls_and_tasks_are_rejected(site, images[2])


if __name__ == "__main__":
    main()
