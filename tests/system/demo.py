#!/usr/bin/python3
"""The demo behind packaging/quickstart: starts everything, shows the main job, and stays up. --once ends after it."""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from scenario import PEOPLE, DECOM_ROLE, computer
from stack import PASSWORD, Domain, Stack, Vcenter, wait_for

MACHINES = 300


def show(stack, command, stdin=None, person="alice"):
    """Prints a command as a person would type it, and runs it on the same terminal."""
    print(f"\n\x1b[1m$ {command}\x1b[0m" if sys.stdout.isatty() else f"\n$ {command}", flush=True)
    environment = {**stack.environment(person), "TERM": os.environ.get("TERM", "dumb")}
    done = subprocess.run(["/bin/sh", "-c", command], input=stdin, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(f"demo: '{command}' ended with {done.returncode}; see {stack.log}")


def pick(stack):
    """A few machines that are on, of both kinds, as the search finds them."""
    token = stack.token("alice")
    chosen = []
    for query in ("os:windows power:on tools:running folder:Prod*", "os:linux power:on tools:running folder:Prod*"):
        path = "/v1/vms?limit=2&q=" + query.replace(" ", "%20").replace("*", "%2A")
        chosen += stack.api("GET", path, token=token)[1]["items"]
    return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed leaves nothing either
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="decom-demo-"))
    with contextlib.ExitStack() as down:
        down.callback(shutil.rmtree, folder, True)
        run(options, folder, down)
    return 0


def run(options, folder, down):
    binary = pathlib.Path(options.bin).resolve()
    print("starting a simulated vCenter, a directory and decomd …", flush=True)
    base = {
        "users": [{"name": "svc-decom@vsphere.local", "password": "s3cret-of-decomd"}],
        "roles": {"Decom": DECOM_ROLE},
        "permissions": [{"on": "/", "principal": "svc-decom@vsphere.local", "role": "Admin"}]
        + [{"on": "/", "principal": f"CORP\\{p}", "role": "Decom"} for p in PEOPLE],
    }
    vcenter = Vcenter(binary / "test-vcenter", folder, "lab", ["--generate", str(MACHINES), "--seed", "7", "--task-ms", "700", "--guest-shutdown-ms", "1500"], base)
    down.callback(vcenter.stop)
    machines = vcenter.control("inventory")["vms"]
    windows = [m for m in machines if m.get("guest_id", "").startswith("win") and m.get("host_name")]
    domain = Domain(folder / "domain", [computer(m["host_name"].split(".")[0]) for m in windows if len(m["host_name"].split(".")[0]) <= 15])
    down.callback(domain.stop)
    stack = Stack(binary, [vcenter], domain, folder=folder)
    down.callback(stack.stop)
    stack.start()

    show(stack, "decomctl login alice --password-stdin", PASSWORD + "\n")
    wait_for(lambda: stack.api("GET", "/v1/vms?limit=1", token=stack.token("alice"))[1]["total"] >= MACHINES, 60)
    show(stack, "decomctl search 'os:windows power:on folder:Prod*' --limit 5")
    chosen = pick(stack)
    names = " ".join(m["id"] for m in chosen)
    show(stack, f"decomctl submit {names} --reason 'end of life' --ticket CHG0042 --yes --watch")
    show(stack, "decomctl list")
    if options.once:
        return
    env = stack.environment("alice")
    print(
        f"""
All of it stays up until Ctrl-C. In another terminal, as root:

  export PATH={binary}:$PATH DECOMCTL_SOCKET={stack.socket} XDG_RUNTIME_DIR={env['XDG_RUNTIME_DIR']}
  decomctl search sql
  decomctl plan NAME
  decomctl submit NAME --watch
  decomctl status 1
  decomctl doctor

People of the domain (password {PASSWORD}): alice and olga are operators, root.admin an admin, vera a viewer, bob nobody.
The daemon's log is {stack.log}."""
    )
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    print("\nending …")


if __name__ == "__main__":
    sys.exit(main())
