"""Changes to requests that Schemathesis generates."""

import os
from uuid import uuid4

import httpx
import schemathesis


@schemathesis.hook
def before_call(_context, case, _kwargs):
    make_key_unique(case)
    if case.operation.label == "DELETE /tokens/{token_id}":
        keep_own_token(case)


def make_key_unique(case):
    """Makes each valid `Idempotency-Key` unique: another request with a used key is rejected."""
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key and len(key) <= 255 and all("!" <= character <= "~" for character in key):
        headers["Idempotency-Key"] = str(uuid4())


def keep_own_token(case):
    """Revokes a new token instead of the token of the request. After the revocation of that one, every further request
    of the stateful phase would get 401."""
    base = case.operation.base_url
    authorization = (case.headers or {}).get("Authorization")
    if authorization is None:
        return
    account = httpx.get(f"{base}/account", headers={"Authorization": authorization})
    if account.status_code != 200 or str(account.json()["token"]["id"]) != str(case.path_parameters["token_id"]):
        return
    password = os.environ["CONTRACT_PASSWORD"]
    request = {"username": "contract", "password": password, "name": "to revoke"}
    created = httpx.post(f"{base}/tokens", json=request).raise_for_status()
    case.path_parameters["token_id"] = str(created.json()["id"])
