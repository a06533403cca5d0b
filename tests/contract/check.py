"""Tests both APIs against their documents: Schemathesis sends valid and invalid requests, and a client that
is generated from the JSON API's document runs a typical sequence of operations."""

import argparse
import os
import pathlib
import re
import secrets
import subprocess
import sys
import tempfile
import time

import httpx
import journey

HERE = pathlib.Path(__file__).parent.resolve()
# The directory of the tools, of their output, and of the server's log.
TOOLS = pathlib.Path("target/contract").resolve()
BIN = pathlib.Path(sys.executable).absolute().parent
ANNOUNCED = re.compile(r"^  pages\s+(http://\S+)/$")
# tests/it/api/limits.rs tests the rate limits; here most responses would be 429.
UNLIMITED = [
    argument
    for limit in (
        "--sign-ins-per-account",
        "--sign-ins-per-address",
        "--registrations-per-address",
        "--posts-per-account",
    )
    for argument in (limit, "0")
]


def serve(program: str, log) -> tuple[subprocess.Popen, str]:
    """Starts the program with an ephemeral database. Returns the process and its address."""
    arguments = ["serve", "--ephemeral", "--listen", "127.0.0.1:0", *UNLIMITED]
    server = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
    while server.poll() is None:
        for line in pathlib.Path(log.name).read_text(encoding="utf-8").splitlines():
            if announced := ANNOUNCED.match(line):
                return server, announced[1]
        time.sleep(0.1)
    sys.exit(f"the server exited with status {server.returncode} before it was ready; see {log.name}")


def sign_up(base: str, username: str, password: str) -> None:
    user = {"username": username, "email": f"{username[:8]}@example.org", "password": password}
    httpx.post(f"{base}/api/v1/users", json=user).raise_for_status()


def check_documents(base: str, documents: list[str], examples: int, password: str) -> bool:
    """Runs Schemathesis; returns whether it found no failure."""
    paths = {"api": "/api/v1/openapi.json", "simulator": "/openapi.json"}
    passed = True
    for document in documents:
        command = [
            BIN / "schemathesis",
            f"--config-file={HERE / 'schemathesis.toml'}",
            "run",
            f"{base}{paths[document]}",
            f"--max-examples={examples}",
        ]
        environment = {
            **os.environ,
            "CONTRACT_PASSWORD": password,
            "SCHEMATHESIS_HOOKS": "hooks",
            "PYTHONPATH": str(HERE),
        }
        done = subprocess.run(command, env=environment, cwd=TOOLS, check=False)
        passed &= done.returncode == 0
    return passed


def generate_client(base: str, directory: pathlib.Path) -> None:
    command = [
        BIN / "openapi-python-client",
        "generate",
        f"--url={base}/api/v1/openapi.json",
        f"--output-path={directory / 'minitwit_client'}",
        "--meta=none",
        "--fail-on-warning",
    ]
    # The generator formats its output with a program from the same directory.
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, check=True, env={**os.environ, "PATH": path})
    sys.path.insert(0, str(directory))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", help="the program to test")
    parser.add_argument("--examples", type=int, default=500, help="requests per operation")
    parser.add_argument("--document", action="append", choices=["api", "simulator"])
    arguments = parser.parse_args()
    password = secrets.token_urlsafe()
    with tempfile.TemporaryDirectory() as directory:
        with (TOOLS / "server.log").open("w", encoding="utf-8") as log:
            server, base = serve(arguments.program, log)
        try:
            sign_up(base, "contract", password)
            # The users in the examples of the documents, with the password there.
            for name in ("Roger Histand", "Geoffrey Stieff"):
                sign_up(base, name, "correct horse")
            generate_client(base, pathlib.Path(directory))
            journey.run(f"{base}/api/v1")
            documents = arguments.document or ["api", "simulator"]
            passed = check_documents(base, documents, arguments.examples, password)
        finally:
            server.terminate()
            server.wait()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
