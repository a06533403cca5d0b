"""Upgrades the embedded PostgreSQL from 15 to 17. scripts/upgrade-test runs this script, as root, with a root directory
that contains both versions and the program.

1. Each command rejects data of a version that is not installed, in one line with what to type.
2. The upgrade is killed at many points: at the begin of each step and at random times. The next command has the same
   data, and the next upgrade succeeds.
3. Without enough disk space, nothing changes.
4. The backup repository knows the new cluster, also if the upgrade is killed just after its last step.
5. The new server serves, and the old data serves again under its old name.

The content of all tables and sequences is compared before and after.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from engine import check, say, wait_until

OLD, NEW = 15, 17
STEPS = 5
# Seconds until a command must have ended.
TIMEOUT = 300
# All rows of each table, and the state of each sequence, as one line each.
DIGEST = """
SELECT format(CASE relkind
                  WHEN 'S' THEN 'SELECT %L, last_value, is_called FROM %s'
                  ELSE 'SELECT %L, count(*), md5(string_agg(md5(t::text), '','' ORDER BY t::text)) FROM %s t'
              END, oid::regclass, oid::regclass)
FROM pg_class WHERE relkind IN ('r', 'S') AND relnamespace = 'public'::regnamespace ORDER BY relname \\gexec
"""


class Debian:
    """A system with both versions, in a directory."""

    def __init__(self, root):
        self.root = root

    def command(self, *arguments):
        return ["chroot", self.root, *map(str, arguments)]

    def run(self, *arguments, text=None):
        return subprocess.run(self.command(*arguments), input=text, text=True, capture_output=True, timeout=TIMEOUT)

    def must(self, *arguments, text=None):
        result = self.run(*arguments, text=text)
        check(result.returncode == 0, f"{arguments}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result.stdout

    def minitwit(self, *arguments):
        return self.must("minitwit", *arguments)

    def path(self, path):
        return self.root / path.relative_to("/")

    @contextmanager
    def without(self, major):
        """Hides the programs of a version."""
        programs = self.path(Path(f"/usr/lib/postgresql/{major}"))
        # Not beside the others, where MiniTwit would find it.
        hidden = self.root / f"hidden-{major}"
        programs.rename(hidden)
        try:
            yield
        finally:
            hidden.rename(programs)


class Data:
    """A data directory."""

    def __init__(self, debian, name):
        self.debian, self.inside = debian, Path("/srv") / name
        self.outside = debian.path(self.inside)

    def copy(self, name):
        copy = Data(self.debian, name)
        shutil.rmtree(copy.outside, ignore_errors=True)
        subprocess.run(["cp", "-a", self.outside, copy.outside], check=True)
        return copy

    def remove(self):
        shutil.rmtree(self.outside)

    def major(self):
        return int((self.outside / "postgres/PG_VERSION").read_text())

    def entries(self):
        return {entry.name for entry in self.outside.iterdir()} - {"lock", "run", "rejected-commands.jsonl"}

    @contextmanager
    def psql(self, name="postgres"):
        """Runs a server of the cluster's version without MiniTwit, and returns a function that executes SQL."""
        cluster = self.inside / name
        major = (self.outside / name / "PG_VERSION").read_text().strip()
        programs = f"/usr/lib/postgresql/{major}/bin"
        pg_ctl = ["runuser", "-u", "postgres", "--", f"{programs}/pg_ctl", "-D", cluster, "-w"]
        options = "-c listen_addresses= -c unix_socket_directories=/tmp"
        # pg_ctl's output must not be a pipe, which the server would keep open.
        start = self.debian.command(*pg_ctl, "-l", "/dev/null", "-o", options, "start")
        started = subprocess.run(start, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        check(started.returncode == 0, f"no server starts on {cluster}")
        psql = [f"{programs}/psql", "-h", "/tmp", "-U", "minitwit", "-d", "minitwit", "-qAt", "-v", "ON_ERROR_STOP=1"]
        yield lambda sql: self.debian.must(*psql, text=sql)
        self.debian.must(*pg_ctl, "stop")

    def digest(self, name="postgres"):
        """Describes the content of a cluster."""
        with self.psql(name) as execute:
            content = execute(DIGEST)
        check(len(content.splitlines()) > 10, f"few tables: {content}")
        return content


def servers(data):
    """The servers and programs of upgrades that use this data."""
    found = []
    for process in data.debian.path(Path("/proc")).iterdir():
        if process.name.isdigit():
            try:
                line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{data.inside}/" in line:
                found.append(line)
    return found


def rejected(debian, arguments, *texts):
    result = debian.run("minitwit", *arguments)
    check(result.returncode == 1, f"{arguments}: {result.returncode}: {result.stdout}{result.stderr}")
    for text in texts:
        check(text in result.stderr, f"{arguments}: lacks {text!r}: {result.stderr}")
    check(result.stderr.count("\n") == 1, f"{arguments}: not one line: {result.stderr}")


COMMANDS = [["serve", "--listen", "127.0.0.1:0"], ["migrate"], ["migrate", "--status"], ["user", "list"]]


def test_rejections(debian, base):
    directory = ["--data-dir", base.inside]
    commands = [[command[0], *directory, *command[1:]] for command in COMMANDS]
    upgrade = f"minitwit upgrade --data-dir {base.inside}"
    with debian.without(OLD):
        for command in [*commands, ["upgrade", *directory]]:
            rejected(debian, command, f"is of PostgreSQL {OLD}", f"apt-get install postgresql-{OLD}", upgrade)
    for command in commands:
        newer = [command[0], "--postgres-bin", f"/usr/lib/postgresql/{NEW}/bin", *command[1:]]
        rejected(debian, newer, f"is of PostgreSQL {OLD}", f"type: {upgrade}")
    with debian.without(NEW):
        said = debian.minitwit("upgrade", *directory)
        check(f"is of PostgreSQL {OLD}" in said and "nothing to upgrade" in said, said)
    programs = debian.path(Path(f"/usr/lib/postgresql/{NEW}/bin"))
    (programs / "pg_upgrade").rename(programs / "hidden")
    rejected(debian, ["upgrade", *directory], "has no program pg_upgrade", f"postgresql-{NEW}")
    (programs / "hidden").rename(programs / "pg_upgrade")
    check(base.entries() == {"postgres"} and base.major() == OLD, base.entries())


def test_small_disk(debian, base):
    small = Data(debian, "small")
    small.outside.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", small.outside], check=True)
    subprocess.run(["cp", "-a", f"{base.outside}/.", small.outside], check=True)
    rejected(debian, ["upgrade", "--data-dir", small.inside], "it needs ", "MiB is free")
    check(small.entries() == {"postgres"} and small.major() == OLD, small.entries())
    subprocess.run(["umount", small.outside], check=True)
    small.outside.rmdir()


def upgrade_time(base):
    """Upgrades a copy; checks and returns it, with the time of the upgrade."""
    data = base.copy("whole")
    said = data.debian.minitwit("upgrade", "--dry-run", "--data-dir", data.inside)
    check("the upgrade is possible" in said and data.entries() == {"postgres"} and data.major() == OLD, said)
    began = time.monotonic()
    said = data.debian.minitwit("upgrade", "--data-dir", data.inside)
    elapsed = time.monotonic() - began
    say(said.rstrip())
    check("upgraded in " in said and f"postgres.old-{OLD}" in said, said)
    return data, elapsed


def check_upgraded(data, content, old_content=True):
    kept = f"postgres.old-{OLD}"
    check(data.major() == NEW and data.entries() == {"postgres", kept}, f"{data.major()} {data.entries()}")
    check(data.digest() == content, "the upgraded data differs")
    if old_content:
        check(data.digest(kept) == content, "the old data differs")


def kill_after(data, text, delay):
    """Starts an upgrade and kills it `delay` seconds after a line begins like that. Returns whether it still ran."""
    command = data.debian.command("minitwit", "upgrade", "--data-dir", data.inside)
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    if text:
        for line in process.stdout:
            if line.startswith(text):
                break
    time.sleep(delay)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return running


def test_kills(base, content, kills, whole_time):
    killed = 0
    states = {}
    for number in range(kills):
        data = base.copy("killed")
        # Every second one at any time, the others close to a step's begin.
        step = 0 if number % 2 else number // 2 % STEPS + 1
        delay = random.uniform(0, whole_time) if step == 0 else random.choice([0, 0.005, 0.05, 0.3])
        killed += kill_after(data, f"{step}/{STEPS} " if step else None, delay)
        state = ", ".join(sorted(entry.split("-")[0] for entry in data.entries()))
        states[state] = states.get(state, 0) + 1
        if number % 3 == 0:
            # An ordinary command starts a server on the data as it is, and ends what the upgrade has left.
            data.debian.minitwit("user", "--data-dir", data.inside, "list")
            check(not any(entry.startswith("postgres.upgrade-") for entry in data.entries()), data.entries())
            check(not servers(data), servers(data))
        said = data.debian.minitwit("upgrade", "--data-dir", data.inside)
        check("upgraded in " in said or "nothing to upgrade" in said, said)
        wait_until("no server is left", lambda data=data: not servers(data), 20)
        check_upgraded(data, content, old_content=number % 4 == 0)
        data.remove()
    say(f"killed {killed} of {kills} upgrades; the directory then held: {states}")
    check(killed >= kills // 2, "most upgrades ended before the kill")


def test_interrupt(base, content):
    """Ctrl-C leaves no process and no file."""
    data = base.copy("interrupted")
    command = data.debian.command("minitwit", "upgrade", "--data-dir", data.inside)
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if line.startswith(f"3/{STEPS} "):
            break
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=TIMEOUT)[1]
    check(process.returncode == 1 and "cancelled; the data is unchanged" in errors, errors)
    check(data.entries() == {"postgres"} and not servers(data), f"{data.entries()} {servers(data)}")
    check(data.digest() == content, "the data differs")
    data.remove()


def test_repository(base):
    """Backs up, upgrades, and backs up again. The second upgrade is killed before it tells the repository."""
    for step in [None, STEPS]:
        data = base.copy("backed-up")
        debian, directory = data.debian, ["--data-dir", data.inside]
        repository = Path(f"/srv/repository-{step}")
        shutil.rmtree(debian.path(repository), ignore_errors=True)
        debian.minitwit("backup", "--full", *directory, "--backup-repository", repository)
        if step:
            kill_after(data, f"{step}/{STEPS} done", 0)
            wait_until("no server is left", lambda data=data: not servers(data), 20)
        else:
            said = debian.minitwit("upgrade", *directory)
            check("minitwit backup --full" in said, said)
        check(data.major() == NEW, f"PostgreSQL {data.major()}")
        debian.minitwit("backup", "--full", *directory)
        said = debian.minitwit("drill", *directory)
        check("the drill passed" in said, said)
        data.remove()
        shutil.rmtree(debian.path(repository))


def is_served(data, postgres):
    """Serves the data with MiniTwit, and returns the server's version of PostgreSQL."""
    command = data.debian.command("minitwit", "serve", "--listen", "127.0.0.1:0", "--data-dir", data.inside)
    server = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    address = next(line.split()[-1].rstrip("/") for line in server.stdout if line.strip().startswith("pages"))
    load = ["simulate", f"{address}/sim", "--commands", "300", "--timeout", "10000", "--verify"]
    data.debian.minitwit(*load)
    running = [line for line in servers(data) if f"/{postgres}/bin/postgres " in line]
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=TIMEOUT)
    check(server.returncode == 0 and running, f"{server.returncode} {running}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    check(os.geteuid() == 0, "run scripts/upgrade-test as root")
    debian = Debian(options.root)
    for major in [OLD, NEW]:
        # An interrupted run may have hidden it.
        if (options.root / f"hidden-{major}").exists():
            (options.root / f"hidden-{major}").rename(debian.path(Path(f"/usr/lib/postgresql/{major}")))
    for name in ["base", "whole", "killed", "interrupted", "small", "backed-up"]:
        shutil.rmtree(debian.path(Path("/srv") / name), ignore_errors=True)

    base = Data(debian, "base")
    volume = ["--users", "2000", "--messages", options.messages, "--follows", "20000", "--yes"]
    debian.minitwit("seed", *volume, "--data-dir", base.inside, "--postgres-bin", f"/usr/lib/postgresql/{OLD}/bin")
    content = base.digest()

    test_rejections(debian, base)
    say("rejections: passed")
    test_small_disk(debian, base)
    say("small disk: passed")
    whole, elapsed = upgrade_time(base)
    check_upgraded(whole, content)
    with whole.psql() as execute:
        analyzed = execute("SELECT count(DISTINCT tablename) FROM pg_stats WHERE schemaname = 'public';")
    check(int(analyzed) >= 3, f"statistics of {analyzed} tables")
    with debian.without(NEW):
        rejected(debian, ["serve", "--data-dir", whole.inside], f"is of PostgreSQL {NEW}", f"postgresql-{NEW}")
    is_served(whole, NEW)
    (whole.outside / "postgres").rename(whole.outside / f"postgres.new-{NEW}-kept")
    (whole.outside / f"postgres.old-{OLD}").rename(whole.outside / "postgres")
    is_served(whole, OLD)
    whole.remove()
    say("upgrade and return: passed")
    test_interrupt(base, content)
    say("interrupt: passed")
    test_repository(base)
    say("backup repository: passed")
    test_kills(base, content, options.kills, elapsed)
    say("kills: passed")


if __name__ == "__main__":
    sys.exit(main())
