"""Tests both APIs against their documents: Schemathesis sends valid and invalid requests; clients in Python,
TypeScript and Rust, generated from the JSON API's document, run a typical sequence of operations; the commands of the
tutorial print what it says."""

import argparse
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

import httpx

HERE = pathlib.Path(__file__).parent.resolve()
CLIENTS = HERE / "clients"
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
        "--changes-per-account",
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


def use_python_client(base: str, directory: pathlib.Path) -> None:
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
    sys.path[:0] = [str(directory), str(CLIENTS)]
    import journey

    journey.run(f"{base}/api/v1")


def use_typescript_client(base: str, directory: pathlib.Path) -> None:
    tools = TOOLS / "node_modules/.bin"
    # Imports of packages are resolved from the directory upwards.
    (directory / "node_modules").symlink_to(TOOLS / "node_modules")
    (directory / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    shutil.copy(CLIENTS / "journey.ts", directory)
    document = f"{base}/api/v1/openapi.json"
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--types", "node"]
    for command in (
        [tools / "openapi-typescript", document, "--output", "api.d.ts"],
        [tools / "tsc", *options, "journey.ts"],
        ["node", "journey.js", f"{base}/api/v1"],
    ):
        subprocess.run(command, check=True, cwd=directory)


def use_rust_client(base: str) -> None:
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TOOLS / "rust")}
    command = ["cargo", "run", "--quiet", "--locked", "--", f"{base}/api/v1"]
    subprocess.run(command, check=True, cwd=CLIENTS / "rust", env=environment)


def follow_tutorial(base: str) -> None:
    environment = {**os.environ, "NODE_MODULES": str(TOOLS / "node_modules")}
    command = [sys.executable, HERE / "tutorial.py", base, "sh", "python", "typescript"]
    subprocess.run(command, check=True, env=environment)


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
            for name in ("python", "typescript"):
                (pathlib.Path(directory) / name).mkdir()
            use_python_client(base, pathlib.Path(directory) / "python")
            use_typescript_client(base, pathlib.Path(directory) / "typescript")
            use_rust_client(base)
            follow_tutorial(base)
            documents = arguments.document or ["api", "simulator"]
            passed = check_documents(base, documents, arguments.examples, password)
        finally:
            server.terminate()
            server.wait()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
