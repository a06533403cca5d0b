"""Changes to requests that Schemathesis generates."""

from uuid import uuid4

import schemathesis


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Makes each valid `Idempotency-Key` unique: another request with a used key is rejected."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key and len(key) <= 255 and all("!" <= character <= "~" for character in key):
        headers["Idempotency-Key"] = str(uuid4())
