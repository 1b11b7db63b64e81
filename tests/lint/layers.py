#!/usr/bin/python3
"""Holds every #include, and CMake's DEPS, to the layers of ARCHITECTURE.md."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Which folders may include a foreign library. A library that is not named here may be used anywhere.
DOORS = {
    r"curl/": {"curl", "vsphere", "records", "notices"},
    r"ldap\.h|lber\.h": {"directory"},
    r"ldns/": {"records"},
    r"soci/|sqlite3\.h": {"store"},
    r"pugixml\.hpp": {"vsphere", "records"},
    r"toml\+\+/": {"config"},
    r"boost/": {"server", "app", "cli", "asio"},
    r"CLI/": {"cli"},
    r"spdlog/": {"base"},
}


def room_of(path):
    parts = path.parts
    if parts[0] == "cli":
        return "cli"
    if parts[0] == "common":
        return {"api": "wire"}.get(parts[1], parts[1])
    if parts[0] == "daemon":
        return parts[1] if len(parts) > 2 else "app"
    return None


def layers():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    block = re.search(r"```layers\n(.*?)```", text, re.S).group(1)
    return {line.split("←")[0].strip(): set(line.split("←")[1].split()) for line in block.splitlines() if "←" in line}


def circles(allowed):
    seen, done = [], set()

    def visit(room):
        if room in done:
            return
        if room in seen:
            raise SystemExit("ARCHITECTURE.md: a circle: " + " ← ".join(seen + [room]))
        seen.append(room)
        for below in sorted(allowed.get(room, ())):
            visit(below)
        seen.pop()
        done.add(room)

    for room in allowed:
        visit(room)


def main():
    allowed = layers()
    circles(allowed)
    errors = []
    for top in ("cli", "daemon", "common"):
        for path in sorted((ROOT / top).rglob("*.[ch]pp")):
            relative = path.relative_to(ROOT)
            room = room_of(relative)
            if room not in allowed:
                errors.append(f"{relative}: the room '{room}' is not in ARCHITECTURE.md")
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                quoted = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                angled = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
                if quoted:
                    target = pathlib.PurePath(quoted.group(1))
                    if not (ROOT / target).exists() and not (path.parent / target).exists():
                        continue  # made at build time
                    if not (ROOT / target).exists():
                        errors.append(f"{relative}:{number}: include from the repository's root, not '{target}'")
                        continue
                    other = room_of(target)
                    if other != room and other not in allowed[room]:
                        errors.append(f"{relative}:{number}: {room} may not include {other} ({target})")
                if angled:
                    for pattern, rooms in DOORS.items():
                        if re.match(pattern, angled.group(1)) and room not in rooms:
                            errors.append(f"{relative}:{number}: <{angled.group(1)}> belongs to {', '.join(sorted(rooms))}")
    for room, deps in re.findall(r"^decom_room\((\w+)[^)]*?DEPS ([^)]*?)(?: LINK[^)]*)?\)", (ROOT / "daemon/CMakeLists.txt").read_text(), re.M):
        for dep in deps.split():
            if dep not in allowed.get(room, ()):
                errors.append(f"daemon/CMakeLists.txt: {room} links {dep}, which ARCHITECTURE.md does not list")
    print("\n".join(errors) or f"{len(allowed)} rooms, no arrow out of place")
    return 1 if errors else 0


sys.exit(main())
