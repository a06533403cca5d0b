"""Helpers of the deployment tests: commands, polling with a deadline, requests and load."""

import atexit
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Seconds until a condition must hold.
TIMEOUT = 120
# Settings that name the volumes of the database and of its backups.
DATA_VOLUMES = ["DATABASE_VOLUME", "BACKUP_VOLUME"]
# Commands that a simulator has in flight at once.
CONCURRENCY = 4


def say(text):
    print(text, flush=True)


def check(condition, message):
    if not condition:
        sys.exit(f"{Path(sys.argv[0]).stem}: {message}")


def wait_until(condition, probe, timeout=TIMEOUT, pause=0.2):
    """Polls `probe` until its result is true, and returns the result. The error message names the `condition`."""
    deadline = time.monotonic() + timeout
    while True:
        result = probe()
        if result:
            return result
        check(time.monotonic() < deadline, f"not within {timeout} s: {condition}")
        time.sleep(pause)


def run(*command, cwd=ROOT):
    result = subprocess.run(command, cwd=cwd, text=True, capture_output=True)
    output = f"{result.stdout[-2000:]}{result.stderr[-2000:]}"
    check(result.returncode == 0, f"{' '.join(map(str, command))}: {result.returncode}\n{output}")
    return result.stdout.strip()


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
    """Creates fullchain.pem and privkey.pem for 127.0.0.1 in a new directory. Returns the path of fullchain.pem."""
    directory.mkdir()
    certificate = str(directory / "fullchain.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    run(*command, "-keyout", str(directory / "privkey.pem"), "-out", certificate)
    return certificate


def psql(statement):
    """The output of a statement in the container "postgres"."""
    return compose("exec", "-T", "postgres", "psql", "-At", "-c", statement)


def start():
    compose("up", "--detach", "--wait", "--wait-timeout", str(TIMEOUT), "nginx", "prometheus")


def start_with_empty_database():
    """Restarts all containers with an empty database, because all scenarios generate the same users."""
    compose("down", "--timeout", "60")
    for volume in DATA_VOLUMES:
        docker("volume", "rm", os.environ[volume])
        docker("volume", "create", os.environ[volume])
    start()


class Site:
    """The public port of the system, and requests to it."""

    def __init__(self, port):
        self.port = port

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            self.content_type = response.headers["Content-Type"]
            return response.status, response.read().decode()
        finally:
            connection.close()

    def allowed_origins(self, path):
        """The status of an empty POST, and every Access-Control-Allow-Origin of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", path)
            response = connection.getresponse()
            return response.status, response.headers.get_all("Access-Control-Allow-Origin", [])
        finally:
            connection.close()

    def form(self, path, **fields):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, urllib.parse.urlencode(fields), headers)[0]

    def is_ok(self, path):
        """Whether the status is 200. False while nothing listens."""
        try:
            return self.request("GET", path)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Simulation:
    """A running `minitwit simulate` of target/release, because the image contains no simulator."""

    def __init__(self, site, commands, users, name, *options):
        self.report = Path(os.environ["WORK"]) / f"{name}.txt"
        command = [str(ROOT / "target/release/minitwit"), "simulate", f"http://127.0.0.1:{site.port}/sim"]
        command += ["--simulator-password-file", os.environ["SIMULATOR_PASSWORD_FILE"]]
        command += ["--commands", str(commands), "--users", str(users), "--concurrency", str(CONCURRENCY)]
        command += ["--keep-alive", "--timeout", "5000", "--verify", *options]
        self.process = subprocess.Popen(command, stdout=self.report.open("w"), stderr=subprocess.STDOUT)
        atexit.register(self.process.kill)
        self.site = site

    def wait_until_started(self):
        def latest():
            return json.loads(self.site.request("GET", "/sim/latest")[1])["latest"]

        wait_until("the simulator has started", lambda: self.process.poll() is not None or latest() > 100)
        check(self.process.poll() is None, self.report.read_text())

    def end(self):
        """Stops the simulator before its last command. Returns its report."""
        check(self.process.poll() is None, f"the simulator ended too early:\n{self.report.read_text()}")
        self.process.send_signal(signal.SIGINT)
        self.process.wait(TIMEOUT)
        return self.report.read_text()
