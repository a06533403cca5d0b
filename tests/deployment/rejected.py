"""The replicas' files of rejected simulator commands: who can read them, and that new replicas keep them."""

import base64
import json
import os
from pathlib import Path

from engine import check, compose, say

# In each replica.
FILE = "/var/lib/minitwit/rejected-commands.jsonl"


def send(site):
    """Sends a command that the server rejects. Returns its text."""
    text = f"rejected {os.urandom(4).hex()}"
    password = Path(os.environ["SIMULATOR_PASSWORD_FILE"]).read_text()
    credentials = base64.b64encode(f"simulator:{password}".encode()).decode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {credentials}"}
    status, body = site.request("POST", "/sim/msgs/unknown%20user", json.dumps({"content": text}), headers)
    check(status == 404, f"a message of an unknown user: {status} {body}")
    return text


def recorded():
    """The lines of both replicas' files."""
    lines = []
    for service in ["minitwit-1", "minitwit-2"]:
        mode = compose("exec", "-T", service, "stat", "--format", "%u %a", FILE)
        check(mode == "10001 600", f"owner and mode of {service}'s file of rejected commands: {mode}")
        lines += compose("exec", "-T", service, "cat", FILE).splitlines()
    return [json.loads(line) for line in lines]


def rejected_commands_are_kept(text):
    found = [(it["status"], it["username"]) for it in recorded() if it.get("text") == text]
    check(found == [(404, "unknown user")], f"the rejected command {text!r} in the files: {found}")
    say("the private files contain a rejected command of the earlier replicas")
