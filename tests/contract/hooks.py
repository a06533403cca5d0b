"""What Schemathesis cannot know of a request before it sends it."""

from uuid import uuid4

import schemathesis


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Has no two messages share a key: the second would be answered with the first, be it there still
    or not."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key and len(key) <= 255 and all("!" <= character <= "~" for character in key):
        headers["Idempotency-Key"] = str(uuid4())
