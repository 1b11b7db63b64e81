#!/usr/bin/python3
"""What people type wrong, and what the world does wrong: every mistake is said, and nothing is lost."""

import json
import os
import pathlib
import socket
import subprocess
import sys

from scenario import SystemCase, machine
from stack import Stack, bin_dir, main_of, wait_for

RAW = ("terminate called", "std::", "nlohmann", "boost", "soci", "SQLITE_", "0x")


class Typed(SystemCase):
    def start(self, machines, **more):
        vcenter = self.vcenter(machines)
        stack = self.stack(vcenter, **more).start()
        stack.login("alice")
        stack.wait_loaded("alice", len(machines))
        return vcenter, stack

    def refused(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        for raw in RAW:
            self.assertNotIn(raw, done.stderr)

    def test_search_mistakes_show_their_place(self):
        _, stack = self.start([machine("web-01", "linux", 1)])
        done = stack.ctl("alice", "search", "web pwoer:on")
        self.refused(done, 2, "power")
        self.assertTrue(any(set(line.strip()) <= set("^~") and "^" in line for line in done.stderr.splitlines()), done.stderr)
        self.refused(stack.ctl("alice", "search", 'name:"web'), 2)
        self.refused(stack.ctl("alice", "search", "ip:10.0.0.0/99"), 2)
        self.refused(stack.ctl("alice", "search", "created:<yesterdayish"), 2)
        self.assertEqual(stack.ctl("alice", "search", "nothing-like-it", check=0).stdout.strip(), "")

    def test_submit_mistakes_name_the_machine_and_accept_nothing(self):
        many = [machine(f"web-{i:02}", "linux", i) for i in range(10)]
        twins = [machine("twin", "linux", 20, folder="A"), machine("twin", "linux", 21, folder="B")]
        special = [
            machine("golden", "linux", 22, template=True, power="off"),
            machine("managed", "linux", 23, managed_by={"extension": "com.vmware.vcDr", "type": "placeholder"}),
            machine("raw", "linux", 24, disks=[{"size_gb": 10, "backing": "rdm_physical", "lun_uuid": "60003ff44dc75adc"}]),
            machine("cns", "linux", 25, disks=[{"size_gb": 10, "fcd_id": "4f2c1b1a-0000-4000-8000-000000000001"}]),
            machine("vCLS-1", "linux", 26),
        ]
        vcenter, stack = self.start(many + twins + special)
        self.refused(stack.ctl("alice", "submit", "web-1", "--yes"), 3, "web-01")
        self.refused(stack.ctl("alice", "submit", "twin", "--yes"), 2, "lab:vm-")
        self.refused(stack.ctl("alice", "submit", "golden", "--yes"), 2, "template")
        self.refused(stack.ctl("alice", "submit", "managed", "--yes"), 2, "managed by")
        self.refused(stack.ctl("alice", "submit", "raw", "--yes"), 2, "raw device mapping")
        self.refused(stack.ctl("alice", "submit", "cns", "--yes"), 2, "first-class")
        self.refused(stack.ctl("alice", "submit", "vCLS-1", "--yes"), 2, "Cluster Services")
        self.refused(stack.ctl("alice", "submit", "lab:vm-999999", "--yes"), 3)
        self.refused(stack.ctl("alice", "submit", *[m["name"] for m in many[:9]], "golden", "--yes"), 2, "golden", "nothing was accepted")
        self.refused(stack.ctl("alice", "submit", "web-01", "--skip", "explode", "--yes"), 2, "destroy")
        self.refused(stack.ctl("alice", "submit", "web-01"), 2, "--yes")
        listed = stack.ctl_json("alice", "list")
        self.assertEqual(listed["items"] if isinstance(listed, dict) else listed, [])
        self.assertEqual(vcenter.ledger(), [])

        vcenter.rule(method="ShutdownGuest", action="hold")
        request = self.submit(stack, "alice", "web-01")
        self.refused(stack.ctl("alice", "submit", "web-01", "web-02", "--yes"), 1, f"{request}.1")
        vcenter.clear_rules()

    def test_the_cap_of_machines_a_request_holds(self):
        machines = [machine(f"m-{i:02}", "linux", i) for i in range(26)]
        vcenter, stack = self.start(machines)
        self.refused(stack.ctl("alice", "submit", *(m["name"] for m in machines), "--yes"), 2, "25")
        self.assertEqual(vcenter.ledger(), [])

    def test_threat_18_names_with_escapes_never_reach_a_terminal_raw(self):
        # XML cannot carry ESC; C1 controls and bidirectional marks it can, and terminals obey them.
        _, stack = self.start([machine("x\u009b31my\u202e", "linux", 1, annotation="\u009d0;owned\u009c\u202egnp.exe")])
        for command in (["search"], ["search", "-o", "wide"], ["show", "lab:" + self.moref(stack)], ["plan", "lab:" + self.moref(stack)]):
            out = stack.ctl("alice", *command, check=0).stdout
            self.assertNotRegex(out, "[\x1b\u0080-\u009f]")
            self.assertNotIn("\u202e", out)
        self.assertEqual(json.loads(stack.ctl("alice", "search", "-o", "ndjson", check=0).stdout.splitlines()[0])["name"], "x\u009b31my\u202e")

    def moref(self, stack):
        return stack.api("GET", "/v1/vms?limit=1", token=stack.token("alice"))[1]["items"][0]["moref"]

    def test_threat_6_a_hundred_posts_with_one_key_are_one_request(self):
        import concurrent.futures

        vcenter, stack = self.start([machine("once", "linux", 1)])
        token = stack.token("alice")
        plan = stack.api("POST", "/v1/plans", {"machines": ["once"]}, token)[1]
        body = {"plan": plan["plan"], "hash": plan["hash"]}

        def post(_):
            def accepted():
                answer = stack.api("POST", "/v1/requests", body, token, {"Idempotency-Key": "nightly-1"})
                return answer if answer[0] != 429 else None  # too much under way for one uid: come again

            return wait_for(accepted, 120)

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(post, range(100)))
        refused = [answer for answer in answers if answer[0] not in (200, 202)]
        self.assertEqual(refused, [])
        self.assertEqual(len({answer["id"] for _, answer in answers}), 1)
        stack.kill()
        stack.start()
        self.assertIn(post(0)[0], (200, 202))
        other = stack.api("POST", "/v1/requests", {**body, "hash": "0" * 64}, token, {"Idempotency-Key": "nightly-1"})
        self.assertEqual(other[0], 422, other)
        # What the dead daemon had under way is held until nobody can still answer it.
        wait_for(lambda: stack.wait_settled("alice", answers[0][1]["id"])["machines"][0]["state"] == "succeeded", 60)
        self.assert_destroyed_once(vcenter, ["once"])


class World(SystemCase):
    def test_a_vcenter_that_is_away_at_start_comes_back_by_itself(self):
        vcenter = self.vcenter([machine("w-1", "linux", 1)])
        listen = vcenter.url.split("//")[1].split("/")[0]
        stack = self.stack(vcenter)
        vcenter.stop()
        stack.start()
        stack.login("alice")
        done = stack.ctl("alice", "search", "w")
        self.assertIn("lab", done.stderr)
        self.assertNotEqual(stack.ctl("alice", "doctor").returncode, 0)
        back = type(vcenter)(bin_dir() / "test-vcenter", self.folder, "lab", ["--listen", listen], self.inventory_of(vcenter))
        self.addCleanup(back.stop)
        stack.wait_loaded("alice", 1)

    def inventory_of(self, vcenter):
        return json.loads((self.folder / f"vcenter-{vcenter.name}.json").read_text())

    def test_a_vcenter_that_goes_away_leaves_the_search_and_says_so(self):
        vcenter = self.vcenter([machine("w-1", "linux", 1)])
        stack = self.stack(vcenter).start()
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        vcenter.stop()
        token = stack.token("alice")
        wait_for(lambda: not stack.api("GET", "/v1/vms", token=token)[1]["mirrors"][0]["connected"], 30)
        done = stack.ctl("alice", "search", "-o", "name", check=0)
        self.assertEqual(done.stdout.split(), ["w-1"])
        self.assertIn("lab", done.stderr)
        done = stack.ctl("alice", "submit", "w-1", "--yes")
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_our_wrong_password_is_tried_once_and_not_hammered(self):
        vcenter = self.vcenter([machine("w-1", "linux", 1)])
        stack = self.stack(vcenter)
        (self.folder / "etc" / "lab.password").write_text("wrong\n")
        stack.start()
        stack.login("alice")
        stack.ctl("alice", "search", "w")
        stack.ctl("alice", "submit", "w-1", "--yes")
        done = stack.ctl("alice", "doctor")
        self.assertIn("password", done.stdout + done.stderr)
        calls = vcenter.control("calls")
        counts = calls.get("methods", calls)
        self.assertEqual(counts.get("Login"), 1, calls)

    def test_a_certificate_that_proves_nothing_is_refused(self):
        vcenter = self.vcenter([machine("w-1", "linux", 1)], arguments=["--bad-cert", "wrong-host"])
        stack = self.stack(vcenter).start()
        stack.login("alice")
        token = stack.token("alice")
        mirror = wait_for(lambda: stack.api("GET", "/v1/vms", token=token)[1]["mirrors"][0]["trouble"], 30)
        self.assertIn("certificate", mirror)

    def test_the_directory_away_silent_and_with_a_wrong_certificate(self):
        vcenter = self.vcenter([machine("w-1", "linux", 1)])
        stack = self.stack(vcenter, extra="").start()
        stack.login("alice")
        stack.wait_loaded("alice", 1)
        self.domain.control("down")
        try:
            self.assertEqual(stack.login("alice", check=None).returncode, 1)
            self.assertEqual(stack.ctl("alice", "submit", "w-1", "--yes").returncode, 1)
            self.assertEqual(stack.ctl("alice", "search", "-o", "name", check=0).stdout.split(), ["w-1"])
        finally:
            self.domain.control("up")
        self.domain.control("freeze")
        try:
            done = stack.login("alice", check=None)
            self.assertEqual(done.returncode, 1, done.stderr)
        finally:
            self.domain.control("thaw")
        self.domain.control("certificate", "other-authority")
        try:
            done = stack.login("alice", check=None)
            self.assertEqual(done.returncode, 1)
            self.assertIn("certificate", done.stderr)
        finally:
            self.domain.control("certificate", "good")
        stack.login("alice")


class Start(SystemCase):
    """What keeps the daemon from starting is said in words, and changes nothing."""

    def failing(self, stack, *words, arguments=()):
        done = subprocess.run(
            [stack.bin / "decomd", "--config", stack.config, *arguments], capture_output=True, text=True, timeout=30, env={"PATH": "/usr/bin:/bin"}
        )
        self.assertNotEqual(done.returncode, 0)
        for word in words:
            self.assertIn(word, done.stderr)
        for raw in RAW:
            self.assertNotIn(raw, done.stderr)
        return done

    def setUp(self):
        super().setUp()
        self.vc = self.vcenter([machine("s-1", "linux", 1)])

    def test_every_mistake_of_the_configuration_at_once(self):
        stack = self.stack(self.vc)
        text = stack.config.read_text().replace("[daemon]", '[daemon]\nworkres = 3\nworkers = "x"').replace("lab.password", "missing")
        stack.config.write_text(text)
        done = self.failing(stack, "decomd.toml:2:1", "did you mean", "decomd.toml:3:11", "missing", arguments=["--check"])
        self.assertIn("3 mistakes", done.stderr)
        self.failing(stack, "decomd.toml:2:1")
        missing = subprocess.run([stack.bin / "decomd", "--config", "/nonexistent/decomd.toml"], capture_output=True, text=True)
        self.assertNotEqual(missing.returncode, 0)
        self.assertIn("/nonexistent/decomd.toml", missing.stderr)

    def test_a_database_that_is_newer_broken_or_open_to_others(self):
        stack = self.stack(self.vc).start()
        stack.login("alice")
        stack.terminate()
        database = stack.state / "decomd.db"
        kept = database.read_bytes()
        with subprocess.Popen(["sqlite3", str(database)], stdin=subprocess.PIPE, text=True) as shell:
            shell.communicate("UPDATE meta SET value = 9999 WHERE name = 'schema';")
        self.failing(stack, "newer")
        database.write_bytes(kept[:4096] + os.urandom(len(kept) - 4096))
        for extra in ("decomd.db-wal", "decomd.db-shm"):
            (stack.state / extra).unlink(missing_ok=True)
        self.failing(stack, "decomd.db")
        database.write_bytes(kept)
        os.chmod(stack.state, 0o777)
        self.failing(stack, str(stack.state))
        os.chmod(stack.state, 0o700)
        text = stack.config.read_text()
        stack.config.write_text(text.replace(str(stack.state), "/proc/decomd-state"))  # where root cannot write either
        self.failing(stack, "cannot create the state directory /proc/decomd-state")
        stack.config.write_text(text)
        stack.start()

    def test_threat_3_the_socket_is_stale_squatted_or_not_ours(self):
        stack = self.stack(self.vc)
        path = pathlib.Path(stack.socket)
        path.write_text("a file")
        self.failing(stack, str(path))
        self.assertEqual(path.read_text(), "a file")
        path.unlink()
        path.symlink_to("/etc/passwd")
        self.failing(stack, str(path))
        path.unlink()
        os.mkfifo(path)
        self.failing(stack, str(path))
        path.unlink()
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(path))
        stale.close()
        stack.start()
        second = Stack(bin_dir(), [self.vc], self.domain, folder=self.folder / "second", daemon={"socket": stack.socket}) if (self.folder / "second").mkdir() is None else None
        second.socket = stack.socket
        self.failing(second, str(path))
        self.assertEqual(stack.api("GET", "/v1/health")[0], 200)

    def test_the_command_line_without_a_daemon_says_what_to_do(self):
        stack = self.stack(self.vc)
        done = stack.ctl("alice", "list")
        self.assertEqual(done.returncode, 5)
        self.assertIn(stack.socket, done.stderr)
        done = stack.ctl("alice", "serach", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("search", done.stderr)

    def test_threat_20_no_secret_is_in_anything_that_was_written(self):
        stack = self.stack(self.vc, daemon={"log_level": "debug"}).start()
        stack.login("alice")
        stack.login("alice", password="Wr0ng-canary!", check=4)
        self.domain.control("unlock", "alice")
        stack.wait_loaded("alice", 1)
        token = stack.token("alice")
        request = self.submit(stack, "alice", "s-1")
        stack.wait_settled("alice", request)
        status = pathlib.Path(f"/proc/{stack.process.pid}/status").read_text()
        self.assertIn("decomd", status)
        limits = pathlib.Path(f"/proc/{stack.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0\s")
        command = pathlib.Path(f"/proc/{stack.process.pid}/cmdline").read_bytes()
        stack.terminate()
        bind_password = pathlib.Path(self.domain.facts["bind_password_file"]).read_text().strip()
        for secret in ("Wr0ng-canary!", "s3cret-of-decomd", "Passw0rd!", bind_password, token):
            self.assertNotIn(secret.encode(), command)
            for file in [stack.log, *stack.state.rglob("*")]:
                if file.is_file():
                    self.assertNotIn(secret.encode(), file.read_bytes(), f"{file} holds a secret")


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
