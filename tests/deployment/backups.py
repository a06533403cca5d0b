"""Backs up the PostgreSQL of compose.yaml, destroys its volume, and restores it, as docs/how-to/recover.md says."""

import json
import os
import re
import subprocess
import time

from engine import ROOT, TIMEOUT, check, compose, docker, psql, say, wait_until
from monitoring import value

# The longest loss of acknowledged messages, in seconds.
RPO = 60
METRICS = [
    "minitwit_backup_finished_timestamp_seconds",
    "minitwit_backup_size_bytes",
    "minitwit_wal_archived_timestamp_seconds",
    "minitwit_backup_drill_timestamp_seconds",
    "minitwit_backup_drill_passed",
    "minitwit_backup_drill_rto_seconds",
]
MESSAGES = "SELECT md5(string_agg(message_id || text, ',' ORDER BY message_id)), count(*) FROM messages"


def post(site, text):
    credentials = json.dumps({"username": "keeper", "password": "secret", "name": "test"})
    headers = {"Content-Type": "application/json"}
    status, body = site.request("POST", "/api/v1/tokens", credentials, headers)
    check(status == 201, f"creating a token: {status} {body}")
    headers["Authorization"] = f"Bearer {json.loads(body)['token']}"
    status, body = site.request("POST", "/api/v1/messages", json.dumps({"text": text}), headers)
    check(status == 201, f"posting {text}: {status} {body}")


def command(*arguments):
    """Runs a command of the database image beside the stopped PostgreSQL. Returns its exit code and output."""
    result = subprocess.run(
        ["docker", "compose", "run", "--rm", "-T", "postgres", *arguments], cwd=ROOT, text=True, capture_output=True
    )
    return result.returncode, result.stdout + result.stderr


def restore(*arguments):
    begun = time.monotonic()
    code, output = command("restore", *arguments)
    check(code == 0, f"restore {arguments}:\n{output}")
    compose("up", "--detach", "--wait", "--wait-timeout", str(TIMEOUT), "nginx", "postgres")
    return time.monotonic() - begun, output


def backup_and_drill_follow_the_first_start():
    drilled = 'minitwit_backup_drill_passed{job="postgres"}'
    wait_until("Prometheus has the result of the first drill", lambda: value(drilled) is not None)
    values = {name: value(name) for name in METRICS}
    check(None not in values.values() and values["minitwit_backup_drill_passed"] == 1, f"metrics: {values}")
    check(abs(time.time() - values["minitwit_backup_finished_timestamp_seconds"]) < 3600, f"metrics: {values}")
    say(
        f"the first start backed up {values['minitwit_backup_size_bytes'] / 1e6:.1f} MB, and a drill restored it in "
        f"{values['minitwit_backup_drill_rto_seconds']:.1f} s; Prometheus has {len(METRICS)} metrics of backups"
    )


def a_backup_is_made_while_the_server_runs():
    line = compose("exec", "-T", "postgres", "minitwit", "backup", "--full")
    check(line.startswith("backed up "), f"backup: {line}")
    say(line)
    checksums = psql("SHOW data_checksums")
    check(checksums == "on", f"data_checksums is {checksums}")


def wal_is_archived_in_time(site):
    """The archive is never more than `RPO` older than the newest message. Returns the state with that message."""
    post(site, "the last archived message")
    begun, state = time.monotonic(), psql(MESSAGES)
    segment = psql("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    archived = "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"
    wait_until("the WAL of the message is archived", lambda: psql(archived) >= segment, RPO)
    say(f"the WAL of a message was archived {time.monotonic() - begun:.0f} s after it")
    return state


def destroy():
    """Kills PostgreSQL and deletes all files of its volume."""
    compose("kill", "postgres")
    volume = f"{os.environ['DATABASE_VOLUME']}:/data"
    delete = "find /data -mindepth 1 -delete"
    docker("run", "--rm", "--network", "none", "-v", volume, "minitwit-stand-in/debian", "sh", "-c", delete)


def an_empty_volume_is_not_accepted():
    code, output = command("postgres")
    check(code == 1 and "minitwit restore" in output, f"a start with a lost volume: {code}\n{output}")
    say("with an empty volume and a repository with backups, PostgreSQL does not start")


def run_all(site):
    site.form("/register", username="keeper", email="k@example.org", password="secret", password2="secret")
    backup_and_drill_follow_the_first_start()
    a_backup_is_made_while_the_server_runs()
    post(site, "before the mistake")
    before = psql(MESSAGES)
    moment = psql("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    latest = wal_is_archived_in_time(site)

    destroy()
    an_empty_volume_is_not_accepted()
    took, output = restore("--latest")
    check(psql(MESSAGES) == latest, f"after a restore of the latest state:\n{output}")
    say(f"after the loss of the volume, every archived message is back; service after {took:.1f} s")

    compose("stop", "postgres")
    code, output = command("restore", "--to", moment)
    check(code == 1 and "--yes" in output, f"a restore over existing data: {code}\n{output}")
    took, output = restore("--to", moment, "--yes")
    check(psql(MESSAGES) == before, f"after a restore to {moment}:\n{output}")
    kept = re.search(r"the old data is in (\S+postgres\.before-restore-[\d-]+)", output)
    check(kept, f"the old cluster is not kept:\n{output}")
    compose("exec", "-T", "postgres", "test", "-s", f"{kept[1]}/PG_VERSION")
    post(site, "after the restore")
    say(f"a restore to a time brought the earlier messages back in {took:.1f} s, and kept the old data")

    say(compose("exec", "-T", "postgres", "minitwit", "backup", "--verify"))
    say(compose("exec", "-T", "postgres", "minitwit", "backup", "--list"))
