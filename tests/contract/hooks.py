"""Changes to requests that Schemathesis generates."""

from uuid import uuid4

import schemathesis


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Makes each valid `Idempotency-Key` unique: a repeated key returns the first response, even if its
    message is deleted."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key and len(key) <= 255 and all("!" <= character <= "~" for character in key):
        headers["Idempotency-Key"] = str(uuid4())
