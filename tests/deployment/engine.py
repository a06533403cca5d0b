"""What the tests on a Docker engine have in common: commands, and what must come true in time."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120


def say(text):
    print(text, flush=True)


def check(holds, what):
    if not holds:
        sys.exit(f"containers: {what}")


def until(what, probe, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while True:
        found = probe()
        if found:
            return found
        check(time.monotonic() < deadline, f"not within {patience} s: {what}")
        time.sleep(0.2)


def run(*command, **more):
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, **more)
    check(done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout.strip()


def docker(*arguments):
    return run("docker", *arguments)


def compose(*arguments):
    return docker("compose", *arguments)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def inspect(name):
    return json.loads(docker("inspect", name))[0]


def container(service):
    return compose("ps", "--all", "--quiet", service)


def make_certificate(directory):
    """One for this machine, in a new directory: fullchain.pem, whose path is returned, and privkey.pem."""
    directory.mkdir()
    certificate = str(directory / "fullchain.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    run(*command, "-keyout", str(directory / "privkey.pem"), "-out", certificate)
    return certificate


def begin():
    compose("up", "--detach", "--wait", "--wait-timeout", str(PATIENCE), "nginx", "prometheus")


def begin_on_an_empty_database():
    """Scenarios make up the same users: each begins so."""
    compose("down", "--timeout", "60")
    docker("volume", "rm", os.environ["DATABASE_VOLUME"])
    docker("volume", "create", os.environ["DATABASE_VOLUME"])
    begin()


class Site:
    """What the public sees."""

    def __init__(self, port):
        self.port = port

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def form(self, path, **fields):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urllib.parse.urlencode(fields), headers)[0]

    def answers(self, path):
        """Whether it answers this with 200: not while it is being started, or replaced."""
        try:
            return self.ask("GET", path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Simulation:
    """A run of the image's own simulator, by the host's network."""

    def __init__(self, site, image, commands, users, name):
        self.name = f"minitwit-test-{name}"
        self.report = Path(os.environ["WORK"]) / f"{name}.txt"
        command = ["docker", "run", "--rm", "--network", "host", "--name", self.name]
        command += ["--volume", f"{os.environ['SIMULATOR_PASSWORD_FILE']}:/password:ro", image]
        command += ["simulate", f"http://127.0.0.1:{site.port}/sim", "--simulator-password-file", "/password"]
        command += ["--commands", str(commands), "--users", str(users), "--concurrency", "4"]
        command += ["--keep-alive", "--timeout", "5000", "--verify"]
        self.process = subprocess.Popen(command, stdout=self.report.open("w"), stderr=subprocess.STDOUT)
        self.site = site

    def wait_until_it_has_begun(self):
        def latest():
            return json.loads(self.site.ask("GET", "/sim/latest")[1])["latest"]

        until("the simulator has begun", lambda: self.process.poll() is not None or latest() > 100)
        check(self.process.poll() is None, self.report.read_text())

    def end(self):
        """Ends it before its time. Returns its report."""
        check(self.process.poll() is None, f"the simulator has ended before its time:\n{self.report.read_text()}")
        docker("kill", "--signal", "INT", self.name)
        self.process.wait(PATIENCE)
        return self.report.read_text()
