"""Failures of a replica under load: it is paused (docker pause), its runtime hangs, or it is killed (docker kill) and
loses its address. The tests print the numbers of failed and late simulator commands and page views. They fail if a page
view fails, if more commands fail than were in flight, or if nginx still sends requests to the failed replica after
DETECTION_TIME.
"""

import ctypes
import os
import re
import subprocess
import time
from pathlib import Path

from engine import (
    CONCURRENCY,
    Simulation,
    check,
    container,
    docker,
    inspect,
    say,
    start_with_empty_database,
    wait_until,
)
from viewer import all_have_started, start_viewers, stop_viewers

# The simulator's time-out, in seconds.
SIMULATOR_TIMEOUT = 0.3
# nginx's time-out for reads, in seconds (compose/nginx/site.conf).
READ_TIMEOUT = 4
# Seconds within which nginx must mark a failed replica as unhealthy, with a margin.
DETECTION_TIME = 10
PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


def under_load(site, name, description, hazard, may_fail):
    """Causes a failure under load and prints its effect on clients. `hazard` causes and repairs it, and returns the
    times of both."""
    start_with_empty_database()
    # Otherwise the loss of a registration fails every later command of its user (404), and the count below is not of
    # the commands in flight.
    simulation = Simulation(site, 150_000, 500, name, "--register-first")
    viewers = start_viewers(f"127.0.0.1:{site.port}")
    simulation.wait_until_started()
    wait_until("all pages are viewed", lambda: all_have_started(viewers))
    failure, repair = hazard()
    text = simulation.end()
    views = stop_viewers(viewers)
    failed = [error for _, _, error in views if error]
    late = [(begun, took) for begun, took, _ in views if took > SIMULATOR_TIMEOUT and begun + took > failure]
    last_late_end = max((begun + took - failure for begun, took in late if begun < repair), default=0)
    total, errors = re.search(r"^all +(\d+) +(\d+)", text, re.M).groups()
    say(
        f"{description}: of {len(views)} views {len(failed)} failed, "
        f"{len(late)} took more than {1000 * SIMULATOR_TIMEOUT:.0f} ms, "
        f"the slowest {max((took for _, took in late), default=0):.1f} s; "
        f"the last late view ended {last_late_end:.1f} s after the failure; "
        f"of {total} simulator commands {errors} failed"
    )
    say(
        "\n".join(
            line for line in text.splitlines() if re.match(r"all |\d+ differences|.*(status|timed|late|error)", line)
        )
    )
    check(not failed, f"views failed: {failed[:5]}")
    check(int(errors) <= may_fail, f"more commands failed than were in flight:\n{text}")
    late_reads = [took for begun, took, _ in views if begun > failure + DETECTION_TIME and took > READ_TIMEOUT]
    check(not late_reads, f"an unhealthy replica still got requests: {late_reads}")


def is_unhealthy(number):
    result = subprocess.run(
        ["docker", "compose", "exec", "-T", "nginx", "test", "-f", f"/run/nginx/unhealthy-{number}"],
        capture_output=True,
    )
    return result.returncode == 0


def wait_until_recovered(service):
    wait_until(f"{service} is healthy", lambda: inspect(container(service))["State"]["Health"]["Status"] == "healthy")
    wait_until(f"nginx sends requests to {service} again", lambda: not is_unhealthy(service[-1]))


def pause_replica():
    name = container("minitwit-1")
    failure = time.monotonic()
    docker("pause", name)
    wait_until("nginx marks the replica as unhealthy", lambda: is_unhealthy(1))
    say(f"nginx marked a replica as unhealthy {time.monotonic() - failure:.1f} s after it was paused")
    # Longer than the watchdog's limit of 20 s.
    time.sleep(30)
    docker("unpause", name)
    repair = time.monotonic()
    wait_until_recovered("minitwit-1")
    check(inspect(name)["RestartCount"] == 0, "the watchdog ended a paused replica")
    return failure, repair


def kill_replica():
    name = container("minitwit-1")
    failure = time.monotonic()
    docker("kill", name)
    time.sleep(DETECTION_TIME + 5)
    docker("start", name)
    repair = time.monotonic()
    wait_until_recovered("minitwit-1")
    return failure, repair


def stop_workers(pid):
    """Stops only the worker threads of the server's runtime. Returns their ids."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    stopped = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith("tokio-"):
            for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
                check(
                    libc.ptrace(request, int(task.name), None, None) == 0, f"ptrace: {os.strerror(ctypes.get_errno())}"
                )
            stopped.append(int(task.name))
    check(stopped, "found no thread named tokio-*")
    return stopped


def has_ended(thread):
    try:
        number, status = os.waitpid(thread, WALL | os.WNOHANG)
    except ChildProcessError:
        return True
    return number == thread and not os.WIFSTOPPED(status)


def hang_runtime():
    name = container("minitwit-1")
    failure = time.monotonic()
    threads = stop_workers(inspect(name)["State"]["Pid"])
    # The process can end only after its tracer has waited for each stopped thread.
    wait_until("the process has ended", lambda: not [thread for thread in threads if not has_ended(thread)])
    ended = time.monotonic()
    say(f"the watchdog ended a replica with a hung runtime after {ended - failure:.0f} s")
    wait_until(
        "the replica runs again", lambda: inspect(name)["RestartCount"] == 1 and inspect(name)["State"]["Running"]
    )
    wait_until_recovered("minitwit-1")
    log = docker("logs", name)
    check("runtime hangs" in log, "the log does not contain the reason")
    return failure, time.monotonic()


def run_all(site):
    # nginx does not retry commands, which are not idempotent, so those in flight on the replica may fail.
    under_load(site, "pause", "paused replica", pause_replica, CONCURRENCY)
    under_load(site, "hang", "replica with a hung runtime", hang_runtime, CONCURRENCY)
    under_load(site, "kill", "killed replica", kill_replica, CONCURRENCY)
