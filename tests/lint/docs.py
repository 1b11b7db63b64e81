#!/usr/bin/python3
"""Links of the documents lead somewhere, full folders explain themselves, and nothing is left unfinished by its own words."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|not implemented)\b", re.I)
SLEEPS = re.compile(r"sleep_for\(|usleep\(|\btime\.sleep\(|(?<![\w-])sleep [0-9]")


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in out.stdout.splitlines() if (ROOT / line).is_file()]


def main():
    errors = []
    files = tracked()
    for name in DOCUMENTS:
        document = ROOT / name
        if not document.exists():
            errors.append(f"{name}: missing")
            continue
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
            if not target.startswith("http") and not (ROOT / target).exists():
                errors.append(f"{name}: the link to {target} leads nowhere")
    folders = {}
    for name in files:
        path = pathlib.PurePath(name)
        folders.setdefault(str(path.parent), set()).add(path.stem if path.suffix in (".cpp", ".hpp") else path.name)
    for folder, names in sorted(folders.items()):
        if folder.split("/")[0] in ("cli", "daemon", "common", "tests") and "golden" not in folder:
            if len(names - {"README.md", "CMakeLists.txt"}) > 5 and "README.md" not in names:
                errors.append(f"{folder}: more than five files and no README.md")
    for name in files:
        if name.startswith("tests/lint/") or not name.endswith((".cpp", ".hpp", ".py", ".go", ".md", ".txt", ".toml", ".yaml")):
            continue
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1):
            if UNFINISHED.search(line) and not name.endswith((".md", ".yaml")):
                errors.append(f"{name}:{number}: left unfinished, by its own words: {line.strip()[:80]}")
            if name.startswith("tests/") and SLEEPS.search(line) and "the server's own delay" not in line:
                errors.append(f"{name}:{number}: sleeps instead of waiting for an event: {line.strip()[:80]}")
    print("\n".join(errors) or f"{len(files)} files, nothing to say")
    return 1 if errors else 0


sys.exit(main())
