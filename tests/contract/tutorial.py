"""Runs the code blocks of docs/tutorial/api.md against a server, and compares their output with the tutorial.

A fenced block of `json` or `text` is the output of the block of code before it; `…` in it stands for any text. The
blocks of one language are one program.

Usage: tutorial.py SERVER LANGUAGE...    SERVER: the address without a path; LANGUAGE: sh, python, typescript
For TypeScript, NODE_MODULES names the directory of the packages that the tutorial installs.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

TUTORIAL = pathlib.Path(__file__).parents[2] / "docs/tutorial/api.md"
ADDRESS = "http://127.0.0.1:8080"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Printed after each block.
END = "--- end of block ---"
TIMEOUT = 120


def blocks(language: str, server: str) -> list[tuple[str, str | None]]:
    """Returns the blocks of code with their expected output."""
    fences = FENCE.findall(TUTORIAL.read_text(encoding="utf-8").replace(ADDRESS, server))
    found = []
    for (kind, code), (next_kind, output) in zip(fences, [*fences[1:], ("", "")], strict=True):
        if kind == language:
            found.append((code, output if next_kind in ("json", "text") else None))
    return found


def run(command: list, directory: str) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode:
        sys.exit(f"{command[0]}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def output(language: str, codes: list[str], server: str) -> list[str]:
    """Runs the blocks as one program. Returns what each prints."""
    separator = {
        "sh": f"\necho '{END}'\n",
        "python": f"\nprint('{END}')\n",
        "typescript": f"\nconsole.log('{END}');\n",
    }[language]
    program = "".join(code + separator for code in codes)
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory) / {"sh": "first.sh", "python": "first.py", "typescript": "first.mts"}[language]
        file.write_text(program, encoding="utf-8")
        if language == "sh":
            printed = run(["bash", "-eu", file], directory)
        elif language == "python":
            printed = run([sys.executable, file], directory)
        else:
            modules = pathlib.Path(os.environ["NODE_MODULES"]).resolve()
            (pathlib.Path(directory) / "node_modules").symlink_to(modules)
            document = f"{server}/api/v1/openapi.json"
            run([modules / ".bin/openapi-typescript", document, "--output", "api.d.ts"], directory)
            run([modules / ".bin/tsc", "--strict", "--module", "nodenext", "--types", "node", file.name], directory)
            printed = run(["node", "first.mjs"], directory)
    return printed.split(f"{END}\n")[:-1]


def matches(expected: str, actual: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, actual.replace("\r", "").strip()) is not None


def main() -> None:
    server, *languages = sys.argv[1:]
    for language in languages:
        found = blocks(language, server)
        assert found, f"the tutorial has no block of {language}"
        printed = output(language, [code for code, _ in found], server)
        assert len(printed) == len(found), printed
        for (code, expected), actual in zip(found, printed, strict=True):
            if expected is not None and not matches(expected, actual):
                sys.exit(f"{code}\nprints\n{actual}\ninstead of\n{expected}")
        print(f"{language}: {len(found)} blocks")


if __name__ == "__main__":
    main()
