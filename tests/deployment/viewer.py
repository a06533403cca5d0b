"""Requests pages continuously while servers are replaced or fail."""

import http.client
import threading
import time

PAGES = ["/public", "/login", "/register", "/openapi.json"]
# Requests for each page; together below nginx's rate limit for one address.
VIEWS_PER_SECOND = 20


class Viewer(threading.Thread):
    """Requests one page continuously over a kept-alive connection, without retries."""

    def __init__(self, address, path):
        super().__init__(daemon=True)
        self.address, self.path = address, path
        # Start, duration in seconds, and error or None.
        self.views = []
        self.stopping = threading.Event()

    def run(self):
        # Longer than nginx's time-outs for two replicas.
        connection = http.client.HTTPConnection(self.address, timeout=20)
        while not self.stopping.wait(1 / VIEWS_PER_SECOND):
            start, error = time.monotonic(), None
            try:
                connection.request("GET", self.path)
                response = connection.getresponse()
                response.read()
                if response.status != 200:
                    error = f"{self.path}: {response.status}"
            except (OSError, http.client.HTTPException) as failure:
                error = f"{self.path}: {failure!r}"
                connection.close()
            self.views.append((start, time.monotonic() - start, error))


def start_viewers(address):
    viewers = [Viewer(address, path) for path in PAGES]
    for viewer in viewers:
        viewer.start()
    return viewers


def all_have_started(viewers):
    """Whether each viewer has requested its page for about a second."""
    return all(len(viewer.views) > VIEWS_PER_SECOND for viewer in viewers)


def stop_viewers(viewers):
    """Stops all viewers and returns their views."""
    for viewer in viewers:
        viewer.stopping.set()
    for viewer in viewers:
        viewer.join()
    return [view for viewer in viewers for view in viewer.views]
