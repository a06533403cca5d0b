"""Queries to the Prometheus of compose.yaml, and tests of what it collects."""

import json
import urllib.parse
import urllib.request
from functools import partial

from engine import ROOT, check, container, inspect, say, wait_until


def query(text):
    """The results of a query, each with its labels and its value."""
    networks = inspect(container("prometheus"))["NetworkSettings"]["Networks"]
    address = next(iter(networks.values()))["IPAddress"]
    text = text.replace("$__rate_interval", "1m").replace("$__range", "10m")
    url = f"http://{address}:9090/api/v1/query?{urllib.parse.urlencode({'query': text})}"
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)["data"]["result"]


def value(text):
    """The only value of a query, or None."""
    results = query(text)
    return float(results[0]["value"][1]) if len(results) == 1 else None


def panel_queries_have_data(site):
    wait_until("Prometheus scrapes both replicas", lambda: value('sum(up{job="minitwit"})') == 2)
    dashboard = json.loads((ROOT / "compose/grafana/dashboards/overview.json").read_text())

    def results(text):
        # A rate needs two samples and a change between them, such as a hashed password.
        site.form("/login", username="streamer", password="wrong")
        return [it for it in query(text) if it["value"][1] != "NaN"]

    queries = 0
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            wait_until(f"{panel['title']}: {target['expr']}", partial(results, target["expr"]))
            queries += 1
    posted = value("sum(minitwit_messages_total)")
    check(posted > 0, "the counter of messages is 0")
    say(f"{queries} queries of {len(dashboard['panels'])} panels and rows have data in Prometheus")
