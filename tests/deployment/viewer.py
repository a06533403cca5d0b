"""Somebody who looks at pages while servers are replaced, or fail."""

import http.client
import threading
import time

PAGES = ["/public", "/login", "/register", "/openapi.json"]
# Of each page, a second; in all less than nginx allows one client.
VIEWS = 20


class Viewer(threading.Thread):
    """Looks at one page again and again, over a connection that is kept, and asks for nothing twice."""

    def __init__(self, address, path):
        super().__init__(daemon=True)
        self.address, self.path = address, path
        # When it was asked for, how many seconds that took, and what was wrong, if something was.
        self.views = []
        self.stopping = threading.Event()

    def run(self):
        # Longer than nginx waits for two replicas.
        connection = http.client.HTTPConnection(self.address, timeout=20)
        while not self.stopping.wait(1 / VIEWS):
            begun, wrong = time.monotonic(), None
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    wrong = f"{self.path}: {answer.status}"
            except (OSError, http.client.HTTPException) as error:
                wrong = f"{self.path}: {error!r}"
                connection.close()
            self.views.append((begun, time.monotonic() - begun, wrong))


def begin_to_look(address):
    viewers = [Viewer(address, path) for path in PAGES]
    for viewer in viewers:
        viewer.start()
    return viewers


def all_look(viewers):
    """Whether each has looked for a second."""
    return all(len(viewer.views) > VIEWS for viewer in viewers)


def end_looking(viewers):
    """Returns what all have seen."""
    for viewer in viewers:
        viewer.stopping.set()
    for viewer in viewers:
        viewer.join()
    return [view for viewer in viewers for view in viewer.views]
