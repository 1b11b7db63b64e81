"""PostgreSQL 15 on a free loopback port, in a folder of its own, as the user postgres where we are root."""

import contextlib
import os
import shutil
import signal
import subprocess

from leash import Group, free_port, wait_until

BIN = "/usr/lib/postgresql/15/bin"
SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
fsync = off
full_page_writes = off
synchronous_commit = off
shared_buffers = 32MB
max_connections = 40
"""
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


class Postgres:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.group = None

    def create(self):
        os.makedirs(self.folder)
        self.own()
        self.run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")

    def own(self):
        """Whoever is root gives it away; the folders above must let postgres through."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "postgres:postgres", self.folder], check=True)
            os.chmod(os.path.dirname(self.folder), 0o711)

    def run(self, program, *arguments, **options):
        done = subprocess.run([*AS_POSTGRES, f"{BIN}/{program}", *arguments], capture_output=True, text=True, check=False, **options)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")
        return done.stdout

    def start(self):
        with open(f"{self.folder}/data/postgresql.auto.conf", "w", encoding="ascii") as out:
            out.write(SETTINGS.format(folder=self.folder))
        self.own()
        self.group = Group([*AS_POSTGRES, f"{BIN}/postgres", "-D", f"{self.folder}/data", "-p", str(self.port)], f"{self.folder}.log", ending=signal.SIGINT)
        wait_until(self.is_ready, "postgres", self.group)

    def is_ready(self):
        with contextlib.suppress(RuntimeError):
            self.run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port))
            return True
        return False

    def stop(self):
        if self.group:
            self.group.end()
        self.group = None

    def ask(self, database, statement):
        """With the database's own client."""
        return self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statement).strip()

    def load(self, database, script):
        self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-q", "-v", "ON_ERROR_STOP=1", input=script)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
