"""Replaces servers while they are used: two of them on one PostgreSQL, behind nginx as compose/nginx sets
it up, under `minitwit simulate` and people who look at pages.

1. Each is replaced in turn: taken out of nginx, told to drain and stop, started anew, put back.
2. Each is replaced without a word to nginx, by SIGTERM alone.
3. One is killed by SIGKILL, and started anew.

What is looked for is requests that fail, and not how long they take, which is told besides: the simulator
itself gives 300 ms, but a machine that is busy with something else is later than that.

Not one request may fail in the first two, and in the third no more than are under way. With --previous
the first servers are of that program, on its own schema; the new program migrates it under way, and
replaces them. scripts/no-downtime runs it.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote

from viewer import PAGES, all_look, begin_to_look, end_looking

ROOT = Path(__file__).resolve().parents[2]
# How long a stopping server drains, in seconds: longer than nginx keeps a connection that is not used.
DRAIN = 7
# Requests of the simulator under way at once.
SIMULATED = 4
# How long a step may take, in seconds.
PATIENCE = 60


def until(what, probe):
    deadline = time.monotonic() + PATIENCE
    while not probe():
        if time.monotonic() > deadline:
            sys.exit(f"no-downtime: not within {PATIENCE} s: {what}")
        time.sleep(0.05)


def free_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def ask(address, path):
    """The status and the body of the answer; (None, None) when there is none."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return None, None
    finally:
        connection.close()


def begun(site):
    status, body = ask(site, "/sim/latest")
    return status == 200 and json.loads(body)["latest"] > 0


class Stand:
    """The servers, nginx and the load."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.addresses = {1: free_address(), 2: free_address()}
        self.site = free_address()
        self.servers = {}
        self.processes = []
        self.database = None

    def spawn(self, name, command, **more):
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **more)
        self.processes.append(process)
        return process

    def start_nginx(self):
        run = self.directory / "nginx"
        run.mkdir()
        # nginx works as another user where it is started as root.
        self.directory.chmod(0o755)
        settings = {"RUN": str(run), "LISTEN": self.site, "REPLICAS": " ".join(self.addresses.values())}
        path = os.environ["PATH"] + ":/usr/sbin"
        self.spawn("nginx", [ROOT / "compose/nginx/start.sh"], env={**os.environ, **settings, "PATH": path})
        until("nginx serves", lambda: ask(self.site, "/nginx-health")[0] == 200)

    def use_database(self, name):
        subprocess.run(["createdb", name], check=True)
        self.database = f"postgres:///{name}?host={quote(os.environ['PGHOST'])}&user={os.environ['PGUSER']}"

    def start(self, number, program):
        """A server, until it is ready."""
        command = [program, "serve", "--listen", self.addresses[number], "--database-url", self.database]
        command += ["--trusted-proxies", "127.0.0.1"]
        if drains(program):
            command += ["--drain", str(DRAIN)]
        self.servers[number] = self.spawn(f"server-{number}", command)
        until(f"server {number} is ready", lambda: ask(self.addresses[number], "/readyz")[0] == 200)

    def stop(self, number, how):
        self.servers[number].send_signal(how)
        code = self.servers[number].wait(PATIENCE)
        if how != signal.SIGKILL and code != 0:
            sys.exit(f"no-downtime: server {number} ended with {code}")

    def replace(self, number, of_old_program=False):
        out = self.directory / f"nginx/out-{number}"
        out.touch()
        if of_old_program:
            # It does not drain: nginx's connections to it are not used any more, and end.
            time.sleep(DRAIN)
        self.stop(number, signal.SIGTERM)
        self.start(number, self.program)
        out.unlink()

    def replace_quietly(self, number):
        self.stop(number, signal.SIGTERM)
        self.start(number, self.program)

    def kill(self, number):
        self.stop(number, signal.SIGKILL)
        # For a while there is one.
        time.sleep(2)
        self.start(number, self.program)

    def end(self):
        # nginx takes its workers along only where it is asked to end.
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def drains(program):
    settings = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=True)
    return "--drain" in settings.stdout


class Load:
    """What is sent while a step takes its course, and what came of it."""

    def __init__(self, stand, name, timeout):
        self.stand, self.report = stand, stand.directory / f"{name}.json"
        command = [stand.program, "simulate", f"http://{stand.site}/sim", "--keep-alive", "--verify"]
        command += ["--concurrency", str(SIMULATED), "--users", "1000", "--commands", "300000"]
        command += ["--timeout", str(timeout), "--json", self.report]
        self.simulator = stand.spawn(f"simulator-{name}", command)
        self.viewers = begin_to_look(stand.site)
        until("the simulator has begun", lambda: begun(stand.site))
        until("pages are looked at", lambda: all_look(self.viewers))

    def end(self, may_fail):
        """Ends it, and tells what came of it. Returns how many requests failed."""
        if self.simulator.poll() is not None:
            sys.exit("no-downtime: the simulator has ended before its time")
        self.simulator.send_signal(signal.SIGINT)
        views = end_looking(self.viewers)
        self.simulator.wait(PATIENCE)
        simulated = json.loads(self.report.read_text())
        everything = simulated["commands"]["all"]
        errors = dict(everything["errors"])
        # A registration that is lost is many commands later that name nobody: one failure, and its
        # consequences. Where no registration may be lost, neither may one of these be.
        consequences = errors.pop("status 404", 0) if may_fail else 0
        errors = sum(errors.values())
        unseen = [wrong for _, _, wrong in views if wrong]
        verification = simulated["verification"]
        wrong = verification["differences"] + verification["unverifiable"]
        print(
            f"  simulator: {everything['count']} commands in {simulated['duration_seconds']:.0f} s, "
            f"{errors} failed{f' and {consequences} in consequence' * bool(consequences)}; "
            f"p50 {everything['p50_ms']} ms, p99 {everything['p99_ms']} ms, max {everything['max_ms']} ms\n"
            f"  pages: {len(views)} looked at, {len(unseen)} failed; "
            f"slowest {1000 * max(took for _, took, _ in views):.0f} ms\n"
            f"  read back: {verification['messages']} messages, {verification['follows']} follows; "
            f"{len(wrong)} differences"
        )
        for line in [*simulated["first_errors"][:10], *unseen[:10], *wrong[:10]]:
            print(f"    {line}")
        if wrong:
            sys.exit("no-downtime: the system does not hold what was sent")
        return errors + len(unseen)


def measured(stand, title, name, timeout, most, step):
    print(title, flush=True)
    load = Load(stand, name, timeout)
    begun = time.monotonic()
    step()
    took = time.monotonic() - begun
    time.sleep(1)
    failed = load.end(may_fail=most > 0)
    print(f"  it took {took:.0f} s; {failed} requests failed, of {most} that may\n", flush=True)
    if failed > most:
        raise SystemExit("no-downtime: too many requests failed")


def run(stand, options):
    previous = Path(options.previous).resolve() if options.previous else None
    stand.use_database("first")
    for number in stand.addresses:
        stand.start(number, previous or stand.program)
    stand.start_nginx()

    def replaced():
        if previous:
            subprocess.run([stand.program, "migrate", "--database-url", stand.database], check=True)
        for number in stand.addresses:
            stand.replace(number, of_old_program=previous is not None and not drains(previous))

    title = f"each replaced in turn{' (of the previous program, whose schema is migrated)' * bool(previous)}:"
    measured(stand, title, "replaced", options.timeout, 0, replaced)
    another_database(stand, "second")

    def quietly():
        for number in stand.addresses:
            stand.replace_quietly(number)

    measured(stand, "each replaced without a word to nginx:", "quietly", options.timeout, 0, quietly)
    another_database(stand, "third")
    in_flight = SIMULATED + len(PAGES)
    measured(stand, "one killed by SIGKILL:", "killed", options.timeout, in_flight, partial(stand.kill, 1))


def another_database(stand, name):
    """Scenarios make up the same users: each begins on an empty database."""
    for number in stand.addresses:
        stand.stop(number, signal.SIGINT)
    stand.use_database(name)
    for number in stand.addresses:
        stand.start(number, stand.program)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the program to serve with")
    parser.add_argument("--previous", help="the program that is replaced first")
    parser.add_argument("--timeout", type=int, default=5000, help="milliseconds for the simulator's commands")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minitwit-no-downtime-") as directory:
        stand = Stand(Path(options.program).resolve(), Path(directory))
        try:
            run(stand, options)
        except BaseException:
            for log in Path(directory).glob("*.log"):
                lines = log.read_text(errors="replace").splitlines()
                # A request that was answered is no news.
                news = [line[:400] for line in lines if "server::access" not in line and line[:1] != "{"]
                print(f"--- {log.name}", *news[-8:], sep="\n", file=sys.stderr)
            raise
        finally:
            stand.end()


if __name__ == "__main__":
    main()
