#!/usr/bin/python3
"""Runs an Active Directory domain controller for tests and for the demo; see README.md.

Prints one line of JSON when it is ready. Ends, and Samba with it, on SIGTERM, when its parent ends, and, with
--stdin-leash, at the end of its standard input.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from settings import DOMAIN, HOST, REALM, make_folders, write_kerberos_config, write_samba_config  # noqa: E402
import certificates  # noqa: E402
from controller import PORTS, Controller  # noqa: E402
from control import ControlSocket  # noqa: E402

# What the cached domain depends on.
RECIPE = ("content.py", "settings.py")


def is_free(address):
    """Free for every port that the controller needs. Samba sets SO_REUSEADDR, so does this."""
    with contextlib.ExitStack() as held:
        for port in PORTS:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                probe = held.enter_context(socket.socket(socket.AF_INET, kind))
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except PermissionError as error:
                    raise SystemExit(f"domain_server: port {port} needs root or CAP_NET_BIND_SERVICE: {error}") from error
                except OSError:
                    return False
    return True


def pick_address():
    for _ in range(100):
        address = f"127.{random.randint(2, 254)}.{random.randint(0, 254)}.{random.randint(2, 254)}"
        if is_free(address):
            return address
    raise SystemExit("domain_server: no free address in 127.0.0.0/8")


def cached_domain():
    """The path of the provisioned domain as a tarball, made first if nobody has; about 5 s then, nothing later."""
    cache = os.environ.get("DECOM_TEST_CACHE") or os.path.expanduser("~/.cache/decom-tests")
    os.makedirs(cache, exist_ok=True)
    key = hashlib.sha256(subprocess.run(["/usr/sbin/samba", "--version"], capture_output=True, check=True).stdout)
    for name in RECIPE:
        with open(f"{HERE}/{name}", "rb") as part:
            key.update(part.read())
    tarball = f"{cache}/domain-{key.hexdigest()[:24]}.tar.zst"
    with open(f"{cache}/domain.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(tarball):
            with tempfile.TemporaryDirectory(prefix="decom-domain-") as work:
                make_folders(work)
                made = subprocess.run(
                    ["/usr/bin/python3", f"{HERE}/content.py", work], capture_output=True, text=True, check=False
                )
                if made.returncode:
                    raise SystemExit(f"domain_server: provisioning failed\n{made.stdout}\n{made.stderr}")
                parts = ["private", "state", "keytabs", "facts.json"]
                subprocess.run(["tar", "--zstd", "-cSf", tarball + ".new", "-C", work, *parts], check=True)
                os.rename(tarball + ".new", tarball)
    return tarball


def lay_out(directory, address):
    """A directory that Samba can start from. A domain that is there already is kept, as the demo wants it."""
    os.makedirs(directory, exist_ok=True)
    os.chmod(directory, 0o700)
    make_folders(directory)
    if not os.path.exists(f"{directory}/facts.json"):
        subprocess.run(["tar", "--zstd", "-xf", cached_domain(), "-C", directory], check=True)
    write_samba_config(directory, address)
    write_kerberos_config(directory, address)
    certificates.ensure_authority(directory)
    certificates.issue(directory, address)
    with open(f"{directory}/facts.json", encoding="utf-8") as source:
        facts = json.load(source)
    for name, account in facts["users"].items():
        if name.startswith("svc-"):
            secret = f"{directory}/secrets/{name}.password"
            with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
                out.write(account["password"] + "\n")
    return facts


def ready_line(directory, address, control, facts):
    return {
        "ldaps": f"ldaps://{address}",
        "ldap": f"ldap://{address}",
        "host": HOST,
        "address": address,
        "ca": f"{directory}/tls/ca.pem",
        "domain": DOMAIN,
        "realm": REALM,
        "krb5_conf": f"{directory}/etc/krb5.conf",
        "bind_dn": f"svc-decom@{DOMAIN}",
        "bind_password_file": f"{directory}/secrets/svc-decom.password",
        "keytabs": {f[: -len(".keytab")]: f"{directory}/keytabs/{f}" for f in sorted(os.listdir(f"{directory}/keytabs"))},
        "control": control,
        **facts,
    }


def hear_signals():
    """From here on signals only say their numbers to the descriptor that is returned: one that comes early waits there."""
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    return wake_read


def watch(controller, leash, wake_read):
    """Returns when there is a reason to end: the exit status."""
    poll = select.poll()
    parent = os.pidfd_open(os.getppid())  # readable when the parent has ended
    poll.register(parent, select.POLLIN)
    poll.register(wake_read, select.POLLIN)
    if leash:
        poll.register(0, select.POLLIN)
    while True:
        for fd, _ in poll.poll(500):
            if fd == parent:
                return 0
            if fd == wake_read and set(os.read(wake_read, 64)) & {signal.SIGTERM, signal.SIGINT}:
                return 0
            if fd == 0 and leash and not os.read(0, 4096):
                return 0
        if controller.has_ended():
            print(f"domain_server: samba ended: {controller.last_words()}", file=sys.stderr)
            return 1


def serve(options, directory):
    wake_read = hear_signals()
    address = pick_address() if options.address == "auto" else options.address
    if not is_free(address):
        raise SystemExit(f"domain_server: {address} is in use")
    facts = lay_out(directory, address)
    controller = Controller(directory, address, options.max_seconds)
    control = ControlSocket(directory, address, controller)
    try:
        controller.start()
        control.open(options.computers)  # opens the databases while Samba starts
        controller.wait_ready()
        threading.Thread(target=control.serve, daemon=True).start()
        print(json.dumps(ready_line(directory, address, control.path, facts)), flush=True)
        return watch(controller, options.stdin_leash, wake_read)
    finally:
        controller.end()
        control.close()


def main():
    parser = argparse.ArgumentParser(description="An Active Directory domain controller on a loopback address.")
    parser.add_argument("--dir", help="where the domain lives; kept. Without it: a temporary folder, removed at the end")
    parser.add_argument("--address", default="auto", help="127.x.y.z, or auto (the default) for a free one")
    parser.add_argument("--realm", default=DOMAIN, choices=[DOMAIN], help="the one realm that is prepared")
    parser.add_argument("--computers", help="JSON list of computers to add; see README.md")
    parser.add_argument("--stdin-leash", action="store_true", help="end at the end of standard input")
    parser.add_argument("--max-seconds", type=int, default=3600, help="Samba ends itself after this time")
    options = parser.parse_args()
    directory = os.path.abspath(options.dir) if options.dir else tempfile.mkdtemp(prefix="decom-domain-")
    try:
        return serve(options, directory)
    finally:
        if not options.dir:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
