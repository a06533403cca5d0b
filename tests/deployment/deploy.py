"""Tests scripts/deploy on a swarm of one machine with its own registry: healthy deployments stay, and failed ones are
rolled back. scripts/deploy-test starts the swarm and runs this script as root.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from engine import ROOT, check, docker, free_port, run, wait_until

HERE = Path(__file__).resolve().parent
STACK = "deploy_test"
TIMEOUT = 60
UNREACHABLE_URL = "http://127.0.0.1:9/"


def page(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            return response.read().decode().strip()
    except OSError:
        return None


def specs():
    """The specs of all services except jobs, which are not rolled back."""
    names = docker("service", "ls", "--quiet", "--filter", f"label=com.docker.stack.namespace={STACK}").split()
    found = json.loads(docker("service", "inspect", *names)) if names else []
    return {it["Spec"]["Name"]: it["Spec"] for it in found if "ReplicatedJob" not in it["Spec"]["Mode"]}


def configs():
    listed = docker("config", "ls", "--filter", f"label=com.docker.stack.namespace={STACK}", "--format", "{{.Name}}")
    return set(listed.split())


class Project:
    """A git repository with a stack file and a config, and images to deploy."""

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
        """Pushes an image and returns its name with the digest. Containers without programs cannot start."""
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
        # Removed here, so that the swarm pulls it from the registry.
        docker("image", "rm", tag)
        return f"{tag}@{digest}"

    def command(self, url, timeout, **settings):
        environment = {**os.environ, "PORT": str(self.port), "BESIDE_IMAGE": self.beside, **settings}
        file = str(self.directory / "stack.yaml")
        limits = ["--pause", "1", "--timeout", str(timeout), "--rollback-timeout", "120"]
        command = [str(ROOT / "scripts/deploy"), file, STACK, self.url if url is None else url, *limits]
        return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def deploy(self, url=None, timeout=40, **settings):
        process = self.command(url, timeout, **settings)
        output = process.communicate()[0]
        return process.returncode, output

    def expect_rollback(self, case, reason, **settings):
        """Checks that a deployment fails, prints the reason, and restores all services."""
        before = specs()
        code, output = self.deploy(**{"RELEASE": case, **settings})
        check(
            code == 1 and reason in output and "rolled back: all services are restored" in output,
            f"{case}: {code}\n{output}",
        )
        check(specs() == before, f"{case}: the services are not restored\n{output}")
        print(f"rolled back: {case}", flush=True)


def a_healthy_deployment_succeeds(project, images):
    code, output = project.deploy(MINITWIT_IMAGE=images[0])
    check(code == 0 and page(project.port) == "first", f"the first deployment: {code}\n{output}")
    check(
        f"{STACK}_migrate: 0 of 1 completed, 1 running" in output, f"the progress of the job is not printed\n{output}"
    )
    print("the first deployment became healthy, and its job completed", flush=True)


def unused_configs_and_images_are_removed(project, images):
    names = [configs()]
    for number, text in [(1, "second"), (2, "third")]:
        project.write(text)
        code, output = project.deploy(MINITWIT_IMAGE=images[number], RELEASE=str(number))
        check(code == 0 and page(project.port) == text, f"{text}: {code}\n{output}")
        names.append(configs())
        check(len(names[-1]) == 2 and names[-2] & names[-1], f"configs after the {text} deployment: {names}")
    check(not names[0] & names[2], f"the config of the first deployment is still there: {names}")
    kept = docker("image", "ls", "--digests", "--format", "{{.Digest}}", images[0].split("@")[0].rsplit(":", 1)[0])
    digests = [image.split("@")[1] for image in images]
    # A stopped container still uses the first image.
    check(set(kept.split()) >= set(digests[1:]), f"needed images were removed: {kept}")
    stopped = docker("ps", "--all", "--quiet", "--filter", "status=exited").split()
    docker("rm", *stopped)
    code, output = project.deploy(MINITWIT_IMAGE=images[2], RELEASE="3")
    kept = docker("image", "ls", "--digests", "--format", "{{.Digest}}", images[0].split("@")[0].rsplit(":", 1)[0])
    check(
        code == 0 and digests[0] not in kept and digests[2] in kept, f"the first image is still there: {kept}\n{output}"
    )
    print("unused configs and images are removed; those of the previous version are kept", flush=True)


def failures_are_rolled_back(project, good, broken):
    # The swarm rolls back this service, and the script rolls back the other one.
    project.expect_rollback("the swarm's own rollback", "an update or a job has failed", MINITWIT_IMAGE=broken)
    check(page(project.port) == "third", "the page is not restored")
    good = {"MINITWIT_IMAGE": good}
    project.expect_rollback(
        "a task without a machine", "not healthy within", timeout=8, WHERE="node.labels.gone == true", **good
    )
    project.expect_rollback(
        "a URL that does not respond", f"{UNREACHABLE_URL}: no response", url=UNREACHABLE_URL, timeout=8, **good
    )
    project.expect_rollback("a job that fails", f"{STACK}_migrate: failed", MIGRATE="false", **good)
    # A swarm cannot change the mode of a service; the command fails after it has changed other services.
    project.expect_rollback("a failure before the first poll", "docker stack deploy", WEB_MODE="global", **good)


def a_new_service_is_removed(project, good):
    file = project.directory / "stack.yaml"
    text = file.read_text()
    file.write_text(
        text.replace(
            "\nnetworks:\n",
            "\n  new:\n    networks: [host]\n    image: ${BESIDE_IMAGE}\n    command: [/bin/false]\n\nnetworks:\n",
        )
    )
    project.expect_rollback("a new service", f"{STACK}_new", timeout=8, MINITWIT_IMAGE=good)
    file.write_text(text)


def signals_cause_a_rollback(project, good):
    for sig in (signal.SIGINT, signal.SIGTERM):
        before = specs()
        process = project.command(UNREACHABLE_URL, 60, MINITWIT_IMAGE=good, RELEASE=sig.name)
        wait_until("the deployment has started", lambda before=before: specs() != before, TIMEOUT)
        process.send_signal(sig)
        output = process.communicate(timeout=TIMEOUT)[0]
        check(
            process.returncode == 1 and f"{sig.name} received" in output,
            f"{sig.name}: {process.returncode}\n{output}",
        )
        check(specs() == before, f"{sig.name}: the services are not restored\n{output}")
        print(f"rolled back: {sig.name}", flush=True)


def lost_docker_commands_are_retried(project, good):
    """The first poll after `docker stack deploy` fails, and so does the first `docker service rollback`."""
    wrapper = project.directory.parent / "bin/docker"
    wrapper.parent.mkdir()
    wrapper.write_text(f"""#!/bin/sh
case "$1 $2" in
  "stack deploy") touch "$0.deployed" ;;
  "service ls" | "service rollback")
    if [ -e "$0.deployed" ] && [ ! -e "$0.$2" ]; then
      touch "$0.$2"
      echo "lost" >&2
      exit 1
    fi ;;
esac
exec {shutil.which("docker")} "$@"
""")
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}:{os.environ['PATH']}"
    # The deployment reports the failed command and continues.
    problem = f"{STACK}: docker service ls: lost\n"
    project.expect_rollback(
        "two failed commands", problem, url=UNREACHABLE_URL, timeout=8, PATH=path, MINITWIT_IMAGE=good
    )
    check(wrapper.with_name("docker.rollback").exists(), "no rollback failed")


def missing_urls_and_tasks_are_rejected(project, good):
    before = specs()
    code, output = project.deploy(url="", MINITWIT_IMAGE=good, RELEASE="no URL")
    check(code == 2 and "the URL is empty" in output and specs() == before, f"no URL: {code}\n{output}")
    code, output = project.deploy(url="-", MINITWIT_IMAGE=good, RELEASE="-")
    check(code == 0 and "no URL was given" in output, f"the URL -: {code}\n{output}")
    code, output = project.deploy(MINITWIT_IMAGE=good, POSTGRES_REPLICAS="0")
    check(code == 0, f"an external database: {code}\n{output}")
    # A global service without a matching machine runs 0 of 0 tasks, which is not healthy.
    docker("stack", "rm", STACK)
    wait_until("the stack is removed", lambda: not specs() and page(project.port) is None, TIMEOUT)
    (project.directory / "stack.yaml").write_text(
        (project.directory / "stack.yaml")
        .read_text()
        .replace(
            'deploy: {<<: *update, mode: "${WEB_MODE:-replicated}"}',
            "deploy: {<<: *update, mode: global, placement: {constraints: [node.labels.gone == true]}}",
        )
    )
    project.expect_rollback("no machine has the label", "no task is wanted", url="-", timeout=6, MINITWIT_IMAGE=good)
    print("an empty URL and a service without tasks are rejected", flush=True)


def main():
    directory, registry, busybox = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    project = Project(directory / "project", registry, busybox)
    images = [project.image("app", str(version)) for version in (1, 2, 3)]
    broken = project.image("app", "broken", programs=())
    a_healthy_deployment_succeeds(project, images)
    unused_configs_and_images_are_removed(project, images)
    failures_are_rolled_back(project, images[2], broken)
    a_new_service_is_removed(project, images[2])
    signals_cause_a_rollback(project, images[2])
    lost_docker_commands_are_retried(project, images[2])
    missing_urls_and_tasks_are_rejected(project, images[2])


if __name__ == "__main__":
    main()
