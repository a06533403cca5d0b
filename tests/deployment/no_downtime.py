"""Replaces servers under load. Two servers on one PostgreSQL are behind nginx with the configuration of compose/nginx.
The load is `minitwit simulate` and continuous page views. scripts/no-downtime runs this script.

1. Each server is replaced in turn: nginx stops sending requests to it, it drains, stops and starts again.
2. Each server is replaced by SIGTERM alone, while nginx still sends requests to it.
3. One server is killed by SIGKILL and starts again.

No request may fail in steps 1 and 2; in step 3, at most those in flight may fail. Durations are printed, not checked,
because other load on the machine can exceed the simulator's time-out of 300 ms.

With --previous, the first servers run that program, on its own schema. Under load, the new program migrates the schema,
and servers of the new program replace them.
"""

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from urllib.parse import quote

from engine import CONCURRENCY, ROOT, check, free_port, wait_until
from viewer import PAGES, all_have_started, start_viewers, stop_viewers

# Seconds that a stopping server drains; longer than nginx keeps an idle connection (5 s).
DRAIN = 7
# Time-out of one step, in seconds.
TIMEOUT = 60


def until(condition, probe):
    wait_until(condition, probe, TIMEOUT, 0.05)


def get(address, path):
    """Status and body of the response, or (None, None) without a response."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError:
        return None, None
    finally:
        connection.close()


def has_started(site):
    status, body = get(site, "/sim/latest")
    return status == 200 and json.loads(body)["latest"] > 0


class Environment:
    """The servers, nginx and the database."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.addresses = {1: f"127.0.0.1:{free_port()}", 2: f"127.0.0.1:{free_port()}"}
        self.site = f"127.0.0.1:{free_port()}"
        self.servers = {}
        self.processes = []
        self.database = None

    def spawn(self, name, command, **options):
        with (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)
        self.processes.append(process)
        return process

    def start_nginx(self):
        run = self.directory / "nginx"
        run.mkdir()
        # If started as root, nginx's workers run as another user.
        self.directory.chmod(0o755)
        settings = {"RUN": str(run), "LISTEN": self.site, "REPLICAS": " ".join(self.addresses.values())}
        path = os.environ["PATH"] + ":/usr/sbin"
        self.spawn("nginx", [ROOT / "compose/nginx/start.sh"], env={**os.environ, **settings, "PATH": path})
        until("nginx serves", lambda: get(self.site, "/nginx-health")[0] == 200)

    def use_database(self, name):
        subprocess.run(["createdb", name], check=True)
        self.database = f"postgres:///{name}?host={quote(os.environ['PGHOST'])}&user={os.environ['PGUSER']}"

    def start(self, number, program):
        """Starts a server and waits until it is ready."""
        command = [program, "serve", "--listen", self.addresses[number], "--database-url", self.database]
        command += ["--trusted-proxies", "127.0.0.1"]
        if drains(program):
            command += ["--drain", str(DRAIN)]
        self.servers[number] = self.spawn(f"server-{number}", command)
        until(f"server {number} is ready", lambda: get(self.addresses[number], "/readyz")[0] == 200)

    def stop(self, number, sig):
        self.servers[number].send_signal(sig)
        code = self.servers[number].wait(TIMEOUT)
        check(sig == signal.SIGKILL or code == 0, f"server {number} exited with {code}")

    def replace(self, number, cannot_drain=False):
        out = self.directory / f"nginx/out-{number}"
        out.touch()
        if cannot_drain:
            # Until nginx has closed its idle connections to the server.
            time.sleep(DRAIN)
        self.stop(number, signal.SIGTERM)
        self.start(number, self.program)
        out.unlink()

    def replace_without_notice(self, number):
        self.stop(number, signal.SIGTERM)
        self.start(number, self.program)

    def kill(self, number):
        self.stop(number, signal.SIGKILL)
        # Only one server runs for 2 s.
        time.sleep(2)
        self.start(number, self.program)

    def stop_all(self):
        # nginx ends its workers only if it gets SIGTERM.
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def drains(program):
    """Whether the program has the setting --drain; early versions lack it."""
    settings = subprocess.run([program, "serve", "--help"], capture_output=True, text=True, check=True)
    return "--drain" in settings.stdout


class Load:
    """The simulator and the page views during a step, and their results."""

    def __init__(self, environment, name, timeout):
        self.environment, self.report = environment, environment.directory / f"{name}.json"
        command = [environment.program, "simulate", f"http://{environment.site}/sim", "--keep-alive", "--verify"]
        command += ["--concurrency", str(CONCURRENCY), "--users", "1000", "--commands", "300000"]
        command += ["--timeout", str(timeout), "--json", self.report]
        self.simulator = environment.spawn(f"simulator-{name}", command)
        self.viewers = start_viewers(environment.site)
        until("the simulator has started", lambda: has_started(environment.site))
        until("all pages are viewed", lambda: all_have_started(self.viewers))

    def stop(self, may_fail):
        """Stops the load and prints its results. Returns the number of failed requests."""
        check(self.simulator.poll() is None, "the simulator ended too early")
        self.simulator.send_signal(signal.SIGINT)
        views = stop_viewers(self.viewers)
        self.simulator.wait(TIMEOUT)
        simulated = json.loads(self.report.read_text())
        total = simulated["commands"]["all"]
        errors = dict(total["errors"])
        # After a lost registration, commands that name the user get 404. If failures are allowed, they do not count.
        consequences = errors.pop("status 404", 0) if may_fail else 0
        errors = sum(errors.values())
        failed_views = [error for _, _, error in views if error]
        verification = simulated["verification"]
        wrong = verification["differences"] + verification["unverifiable"]
        print(
            f"  simulator: {total['count']} commands in {simulated['duration_seconds']:.0f} s, "
            f"{errors} failed, and {consequences} because of a lost registration; "
            f"p50 {total['p50_ms']} ms, p99 {total['p99_ms']} ms, max {total['max_ms']} ms\n"
            f"  pages: {len(views)} viewed, {len(failed_views)} failed; "
            f"slowest {1000 * max(took for _, took, _ in views):.0f} ms\n"
            f"  read back: {verification['messages']} messages, {verification['follows']} follows; "
            f"{len(wrong)} differences"
        )
        for line in [*simulated["first_errors"][:10], *failed_views[:10], *wrong[:10]]:
            print(f"    {line}")
        check(not wrong, "the system's content differs from the commands that succeeded")
        return errors + len(failed_views)


def run_step(environment, title, name, timeout, max_failures, step):
    print(title, flush=True)
    load = Load(environment, name, timeout)
    begun = time.monotonic()
    step()
    took = time.monotonic() - begun
    time.sleep(1)
    failed = load.stop(may_fail=max_failures > 0)
    print(f"  it took {took:.0f} s; {failed} requests failed, {max_failures} may fail\n", flush=True)
    check(failed <= max_failures, "too many requests failed")


def run(environment, options):
    previous = Path(options.previous).resolve() if options.previous else None
    environment.use_database("first")
    for number in environment.addresses:
        environment.start(number, previous or environment.program)
    environment.start_nginx()

    def replace_all():
        if previous:
            subprocess.run([environment.program, "migrate", "--database-url", environment.database], check=True)
        for number in environment.addresses:
            environment.replace(number, cannot_drain=previous is not None and not drains(previous))

    what = "each server of the previous program, and the schema" if previous else "each server"
    run_step(environment, f"{what} replaced in turn:", "replaced", options.timeout, 0, replace_all)
    use_empty_database(environment, "second")

    def replace_all_without_notice():
        for number in environment.addresses:
            environment.replace_without_notice(number)

    run_step(
        environment,
        "each server replaced by SIGTERM alone:",
        "without-notice",
        options.timeout,
        0,
        replace_all_without_notice,
    )
    use_empty_database(environment, "third")
    in_flight = CONCURRENCY + len(PAGES)
    run_step(
        environment, "one server killed by SIGKILL:", "killed", options.timeout, in_flight, partial(environment.kill, 1)
    )


def use_empty_database(environment, name):
    """Restarts the servers on an empty database, because all scenarios generate the same users."""
    for number in environment.addresses:
        environment.stop(number, signal.SIGINT)
    environment.use_database(name)
    for number in environment.addresses:
        environment.start(number, environment.program)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the program to test")
    parser.add_argument("--previous", help="the program of the first servers")
    parser.add_argument("--timeout", type=int, default=5000, help="milliseconds for the simulator's commands")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="minitwit-no-downtime-") as directory:
        environment = Environment(Path(options.program).resolve(), Path(directory))
        try:
            run(environment, options)
        except BaseException:
            for log in Path(directory).glob("*.log"):
                lines = log.read_text(errors="replace").splitlines()
                # Without the access log.
                other = [line[:400] for line in lines if "::access_log" not in line and line[:1] != "{"]
                print(f"--- {log.name}", *other[-8:], sep="\n", file=sys.stderr)
            raise
        finally:
            environment.stop_all()


if __name__ == "__main__":
    main()
