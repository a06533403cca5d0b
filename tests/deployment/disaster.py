"""Destroys the database of a server under load, again and again, and restores it from its backups.

1. A server with a backup repository and generated messages gets the load of `minitwit simulate` and numbered messages.
2. At a random moment, PostgreSQL and the server are killed by SIGKILL, and the data directory is deleted.
3. The server must not start with an empty directory. `minitwit restore` restores the latest state; the server starts.
4. Each numbered message whose WAL segment was archived must be there. The oldest lost one must be younger than 60 s.
   `minitwit simulate verify` compares all commands of this and of earlier loads that were confirmed before the last
   archived segment.
5. A copy restored to the time of a random message must have exactly the messages until then.
6. At the end, `minitwit drill` must pass.

The acknowledgement of a message follows its commit, so the segment of the current WAL position after it is the last
segment that can hold its commit.
"""

import argparse
import base64
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

# Seconds that a recovered state may be older than the disaster.
RPO = 60
# Seconds until the server must be ready again.
RTO = 120
# Seconds of load before a disaster, at least and at most. WAL is archived after at most 30 s.
LOAD = (10, 80)
# Simulator commands a second.
RATE = 40
# Seconds between two numbered messages.
PAUSE = 0.05
TIMEOUT = 300
AUTHORIZATION = "Basic " + base64.b64encode(b"simulator:super_safe!").decode()
POSTER = "disaster"


class Failure(Exception):
    """A violated expectation."""


def check(condition, text):
    if not condition:
        raise Failure(text)


def until(what, probe):
    deadline = time.monotonic() + TIMEOUT
    while not probe():
        check(time.monotonic() < deadline, f"time-out: {what}")
        time.sleep(0.05)


def request(base, method, path, body=None):
    """Status and JSON of a response of the simulator API."""
    connection = HTTPConnection(base, timeout=30)
    try:
        headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    finally:
        connection.close()


def is_ready(base):
    try:
        return request(base, "GET", "/readyz")[0] == 200
    except TimeoutError:
        return False


class Psql:
    """A session of psql on the socket of a data directory."""

    def __init__(self, data):
        command = ["psql", "-h", data / "run", "-U", "minitwit", "-d", "minitwit", "-XAtq", "-v", "ON_ERROR_STOP=1"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self, query):
        """The single line that a query returns."""
        self.process.stdin.write(query + ";\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise BrokenPipeError
        return line.strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Machine:
    """A data directory, a repository and a passphrase."""

    def __init__(self, program, directory):
        self.program = program
        self.directory = directory
        self.data = directory / "data"
        self.repository = directory / "backups"
        passphrase = directory / "passphrase"
        passphrase.write_text("correct horse battery staple")
        self.settings = ["--data-dir", self.data, "--backup-repository", self.repository]
        self.settings += ["--backup-passphrase-file", passphrase]
        self.server = None
        self.base = None

    def run(self, *arguments):
        """Runs a command; returns its standard output."""
        command = [self.program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT * 4)
        check(done.returncode == 0, f"minitwit {arguments[0]} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def serve(self, *settings):
        """Starts a server and waits until it is ready."""
        log = (self.directory / "log").open("a+")
        begin = log.seek(0, os.SEEK_END)
        command = [self.program, "serve", "--listen", "127.0.0.1:0", *settings]
        self.server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

        def address():
            text = (self.directory / "log").read_text()[begin:]
            check(self.server.poll() is None, f"the server does not start: {text}")
            lines = [line for line in text.splitlines() if line.startswith("  pages ")]
            self.base = lines[0].split("//")[1].rstrip("/") if lines else None
            return self.base is not None

        until("the address", address)
        until("readiness", lambda: is_ready(self.base))

    def stop(self):
        self.server.terminate()
        check(self.server.wait(TIMEOUT) == 0, "the server fails when it stops")

    def kill(self):
        """Kills PostgreSQL and the server, and deletes the data directory."""
        postmaster = int((self.data / "postgres/postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self.server.kill()
        self.server.wait()

        def deleted():
            # The other processes of PostgreSQL end a little later.
            shutil.rmtree(self.data, ignore_errors=True)
            return not self.data.exists()

        until("the data directory is deleted", deleted)

    def archived(self, timeline):
        """The name of the last archived WAL segment of a timeline."""
        segments = self.repository.glob(f"archive/minitwit/*/{timeline}*/{timeline}*")
        return max((segment.name[:24] for segment in segments if ".history" not in segment.name), default="")


class Poster(threading.Thread):
    """Posts numbered messages, one after the other, until the server fails."""

    def __init__(self, machine, first):
        super().__init__()
        self.machine = machine
        self.next = first
        # Tuples: number, time of the acknowledgement, WAL segment.
        self.acknowledged = []

    def run(self):
        psql = Psql(self.machine.data)
        try:
            while True:
                body = {"content": f"message {self.next}"}
                status, _ = request(self.machine.base, "POST", f"/sim/msgs/{POSTER}", body)
                if status == 204:
                    # The server's own time, because a restore compares with that. It is read before the position,
                    # so what was confirmed until then is in this segment or an earlier one.
                    query = "SELECT clock_timestamp()::text, pg_walfile_name(pg_current_wal_insert_lsn())"
                    at, segment = psql.line(query).split("|")
                    self.acknowledged.append((self.next, datetime.fromisoformat(at), segment))
                self.next += 1
                time.sleep(PAUSE)
        except (OSError, HTTPException):
            psql.close()


def numbers(data):
    """The numbers of the messages in a running database."""
    psql = Psql(data)
    query = "SELECT coalesce(string_agg(substr(text, 9), ' '), '') FROM messages WHERE text ~ '^message [0-9]+$'"
    found = psql.line(query)
    psql.close()
    return {int(number) for number in found.split()}


class Load:
    """A run of the simulator that records what the server confirms."""

    def __init__(self, machine, run):
        self.machine = machine
        self.scenario = machine.directory / f"scenario-{run}"
        self.record = machine.directory / f"record-{run}"
        # What was confirmed until then must survive.
        self.until = None
        command = [machine.program, "simulate", f"http://{machine.base}/sim", "--rate", str(RATE), "--timeout", "3000"]
        command += ["--duration", str(LOAD[1] + 60), "--write-scenario", self.scenario, "--record", self.record]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        self.process.kill()
        self.process.wait()

    def verify(self):
        """Compares the server with the record. Returns the number of commands that had to survive."""
        command = ["simulate", "verify", f"http://{self.machine.base}/sim", "--scenario", self.scenario]
        command += ["--record", self.record, "--until", self.until.astimezone(UTC).isoformat()]
        self.machine.run(*command)
        ended = (int(line.split("\t")[1]) for line in self.record.read_text().splitlines())
        return sum(time <= self.until.timestamp() * 1e6 for time in ended)


def check_copy(machine, before):
    """A copy at the time of a random acknowledged message has this message and no later one."""
    chosen = random.randrange(len(before) // 2, len(before) - 1)
    number, at, _ = before[chosen]
    target = at.astimezone(UTC).isoformat()
    copy = machine.directory / "copy"
    machine.run("restore", "--to", target, "--target-dir", copy, *machine.settings)
    live, base = machine.server, machine.base
    machine.serve("--data-dir", copy)
    found = numbers(copy)
    machine.stop()
    machine.server, machine.base = live, base
    shutil.rmtree(copy)
    expected = {message[0] for message in before[: chosen + 1]}
    check(expected <= found, f"missing at {target}: {sorted(expected - found)[:9]}")
    check(max(found) == number, f"message {max(found)} is later than {number}")


def disaster(machine, first, loads):
    """One disaster and its recovery. Returns the figures, and the next number."""
    begun = time.monotonic()
    load = Load(machine, len(loads))
    poster = Poster(machine, first)
    poster.start()
    seconds = random.uniform(*LOAD)
    if random.random() < 0.3:
        time.sleep(seconds / 2)
        machine.run("backup", "--data-dir", machine.data)
        seconds /= 2
    time.sleep(seconds)
    at = datetime.now(UTC)
    machine.kill()
    began = time.monotonic()
    load.end()
    poster.join()
    acknowledged = poster.acknowledged

    last = machine.archived(acknowledged[-1][2][:8])
    command = [machine.program, "serve", "--listen", "127.0.0.1:0", *machine.settings]
    empty = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    check(empty.returncode == 1 and "minitwit restore" in empty.stderr, f"an empty start: {empty.stderr}")
    machine.run("restore", "--latest", *machine.settings)
    machine.serve(*machine.settings)
    back = time.monotonic() - began

    found = numbers(machine.data)
    safe = {number for number, _, segment in acknowledged if segment <= last}
    check(safe <= found, f"archived messages are lost: {sorted(safe - found)[:9]}")
    lost = [time for number, time, _ in acknowledged if number not in found]
    rpo = (at - min(lost)).total_seconds() if lost else 0
    load.until = max((time for _, time, segment in acknowledged if segment <= last), default=None)
    verified = 0
    if safe:
        loads.append(load)
        verified = [load.verify() for load in loads][-1]
    check(rpo <= RPO, f"a message of {rpo:.1f} s before the disaster is lost")
    check(back <= RTO, f"the server is back after {back:.1f} s")
    before = [message for message in acknowledged if message[0] in found]
    if len(before) > 3:
        check_copy(machine, before)
    figures = (len(acknowledged), len(safe), len(lost), verified, rpo, back, time.monotonic() - begun)
    return figures, poster.next


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--runs", type=int, default=10, help="number of disasters")
    parser.add_argument("--messages", type=int, default=20_000, help="generated messages; 1,000,000 are about 1 GB")
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="seed of the random moments")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        # PostgreSQL's account enters it if the program runs as root.
        directory.chmod(0o755)
        machine = Machine(arguments.program.resolve(), directory)
        volume = {"users": 1_000, "messages": arguments.messages, "follows": 20_000}
        settings = [item for key, value in volume.items() for item in (f"--{key}", str(value))]
        machine.run("seed", "--yes", "--data-dir", machine.data, *settings)
        machine.serve(*machine.settings)
        body = {"username": POSTER, "email": "a@b.c", "pwd": "secret"}
        check(request(machine.base, "POST", "/sim/register", body)[0] == 204, "not registered")
        print(machine.run("backup", "--full", "--data-dir", machine.data).strip(), flush=True)
        print("run  acknowledged  archived  lost  commands verified  RPO s  back after s  run took s", flush=True)
        number, loads = 1, []
        for run in range(1, arguments.runs + 1):
            (posted, safe, lost, verified, rpo, back, took), number = disaster(machine, number, loads)
            print(
                f"{run:3}  {posted:12}  {safe:8}  {lost:4}  {verified:17}  {rpo:5.1f}  {back:12.1f}  {took:10.1f}",
                flush=True,
            )
        print(machine.run("drill", "--data-dir", machine.data).strip())
        machine.stop()


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"FAILED: {failure}")
