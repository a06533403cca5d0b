"""What befalls a replica while the system is used: it hangs (docker pause), its runtime hangs, it vanishes
(docker kill, its address with it). Simulator commands and views of pages go on meanwhile; what fails of
them is counted, and what is late. That is told, but for what a replica which is left alone cannot do:
keep somebody waiting.
"""

import ctypes
import os
import re
import subprocess
import time
from pathlib import Path

from engine import Simulation, begin_on_an_empty_database, check, container, docker, inspect, say, until
from viewer import all_look, begin_to_look, end_looking

# Of the simulator, at once.
COMMANDS = 4
# What the simulator waits for an answer, in seconds.
LATE = 0.3
# nginx waits so long for a replica's answer to what it can ask another, in seconds (compose/nginx/site.conf).
READ = 4
# Long before, nginx has seen that a replica is not well, in seconds.
SEEN = 10
PTRACE_SEIZE, PTRACE_INTERRUPT, WALL = 0x4206, 0x4207, 0x40000000


def under_load(site, image, name, what, hazard, may_fail):
    """Plays a hazard, and tells what it did to those who use the system. `hazard` returns when it
    struck, and when that was put right."""
    begin_on_an_empty_database()
    simulation = Simulation(site, image, 150_000, 500, name)
    viewers = begin_to_look(f"127.0.0.1:{site.port}")
    simulation.wait_until_it_has_begun()
    until("pages are looked at", lambda: all_look(viewers))
    struck, mended = hazard()
    text = simulation.end()
    views = end_looking(viewers)
    failed = [wrong for _, _, wrong in views if wrong]
    late = [(begun, took) for begun, took, _ in views if took > LATE and begun + took > struck]
    over = max((begun + took - struck for begun, took in late if begun < mended), default=0)
    total, wrong = re.search(r"^all +(\d+) +(\d+)", text, re.M).groups()
    say(
        f"{what}: of {len(views)} views {len(failed)} failed, and {len(late)} took more than {1000 * LATE:.0f} ms, "
        f"the longest {max((took for _, took in late), default=0):.1f} s; the last ended {over:.1f} s after it; "
        f"of {total} simulator commands {wrong} failed"
    )
    say(
        "\n".join(
            line for line in text.splitlines() if re.match(r"all |\d+ differences|.*(status|timed|late|error)", line)
        )
    )
    check(not failed, f"views failed: {failed[:5]}")
    check(int(wrong) <= may_fail, f"more failed than was under way:\n{text}")
    waiting = [took for begun, took, _ in views if begun > struck + SEEN and took > READ]
    check(not waiting, f"a replica that was not well was asked on: {waiting}")


def is_left_out(number):
    asked = subprocess.run(
        ["docker", "compose", "exec", "-T", "nginx", "test", "-f", f"/run/nginx/unwell-{number}"], capture_output=True
    )
    return asked.returncode == 0


def is_well_again(service):
    until(f"{service} is healthy", lambda: inspect(container(service))["State"]["Health"]["Status"] == "healthy")
    until(f"{service} is asked again", lambda: not is_left_out(service[-1]))


def hangs():
    name = container("minitwit-1")
    struck = time.monotonic()
    docker("pause", name)
    until("nginx leaves it out", lambda: is_left_out(1))
    say(f"nginx left out a replica {time.monotonic() - struck:.1f} s after it was paused")
    # Longer than the watchdog would wait.
    time.sleep(30)
    docker("unpause", name)
    mended = time.monotonic()
    is_well_again("minitwit-1")
    check(inspect(name)["RestartCount"] == 0, "a replica that was paused was ended by its watchdog")
    return struck, mended


def vanishes():
    name = container("minitwit-1")
    struck = time.monotonic()
    docker("kill", name)
    time.sleep(SEEN + 5)
    docker("start", name)
    mended = time.monotonic()
    is_well_again("minitwit-1")
    return struck, mended


def stop_workers(pid):
    """Stops the threads that work for the server's runtime, and no other one. Returns their numbers."""
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
    check(stopped, "the runtime's threads are not called as they were")
    return stopped


def has_ended(thread):
    try:
        number, status = os.waitpid(thread, WALL | os.WNOHANG)
    except ChildProcessError:
        return True
    return number == thread and not os.WIFSTOPPED(status)


def runtime_hangs():
    name = container("minitwit-1")
    struck = time.monotonic()
    threads = stop_workers(inspect(name)["State"]["Pid"])
    # Whoever has stopped a thread is told of its end, before which the process cannot end: each is asked for.
    until("its process has ended", lambda: not [thread for thread in threads if not has_ended(thread)])
    ended = time.monotonic()
    say(f"a replica whose runtime hung ended itself after {ended - struck:.0f} s")
    until("it runs again", lambda: inspect(name)["RestartCount"] == 1 and inspect(name)["State"]["Running"])
    is_well_again("minitwit-1")
    log = docker("logs", name)
    check("runtime hangs" in log, "its log does not tell why")
    return struck, time.monotonic()


def play(site, image):
    # A command that is not idempotent is not sent twice: what was under way there is lost.
    under_load(site, image, "pause", "a replica was paused", hangs, COMMANDS)
    under_load(site, image, "hang", "a replica's runtime hung", runtime_hangs, COMMANDS)
    under_load(site, image, "kill", "a replica was killed, and its address gone", vanishes, COMMANDS)
