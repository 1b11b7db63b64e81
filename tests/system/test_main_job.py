#!/usr/bin/python3
"""The main job, end to end: 25 machines retired by 8 workers while three watchers follow."""

import json
import subprocess
import sys

from scenario import SystemCase, computer, machine
from stack import main_of, wait_for

WINDOWS = [f"win-{i:02}" for i in range(1, 11)]
LINUX = [f"lnx-{i:02}" for i in range(1, 13)]
OTHER = [f"bsd-{i:02}" for i in range(1, 4)]
KEPT = ["keep-win", "keep-lnx"]


class MainJob(SystemCase):
    def test_25_machines_are_retired_and_three_watchers_see_the_same(self):
        machines = [machine(n, "windows", i) for i, n in enumerate(WINDOWS)]
        machines += [machine(n, "linux", 100 + i) for i, n in enumerate(LINUX)]
        machines += [machine(n, "other", 200 + i) for i, n in enumerate(OTHER)]
        machines += [machine(KEPT[0], "windows", 240), machine(KEPT[1], "linux", 241)]
        self.add_computers(*(computer(n) for n in WINDOWS + KEPT))
        before = self.domain.computers()
        vcenter = self.vcenter(machines, arguments=["--task-ms", "50"])
        stack = self.stack(vcenter, daemon={"workers": 8}).start()
        stack.login("alice")
        stack.wait_loaded("alice", len(machines))

        found = stack.ctl("alice", "search", "os:windows", "name:win-*", "-o", "name", check=0).stdout.split()
        self.assertEqual(sorted(found), WINDOWS)
        ids = stack.ctl("alice", "search", "!name:keep-*", "-o", "id", "--limit", "100", check=0).stdout
        self.assertEqual(len(ids.split()), 25)
        shown = stack.ctl("alice", "plan", "win-01", check=0)
        self.assertIn("destroy", shown.stdout)
        self.assertEqual(vcenter.ledger(), [])

        done = stack.ctl("alice", "submit", "--file", "-", "--yes", "--reason", "end of life", stdin=ids, check=0)
        request = int("".join(c if c.isdigit() else " " for c in done.stdout).split()[0])
        environment = stack.environment("alice")
        watchers = [
            subprocess.Popen(
                [stack.bin / "decomctl", "watch", str(request), "--since", "0", "-o", "ndjson"], stdout=subprocess.PIPE, text=True, env=environment
            )
            for _ in range(2)
        ]
        curl = subprocess.Popen(
            ["curl", "-sN", "--unix-socket", stack.socket, "-H", "Accept: application/x-ndjson", "-H", f"Authorization: Bearer {stack.token('alice')}",
             f"http://localhost/v1/events?since=0&request={request}&until_settled=true"],
            stdout=subprocess.PIPE, text=True)  # fmt: skip
        streams = [[json.loads(line) for line in w.communicate(timeout=120)[0].splitlines()] for w in (*watchers, curl)]
        for watcher in watchers:
            self.assertEqual(watcher.returncode, 0)
        self.assertEqual(sum(e["kind"] == "decommission.finished" for e in streams[0]), 25)
        self.assertEqual([e["seq"] for e in streams[0]], [e["seq"] for e in streams[1]])
        self.assertEqual([e["seq"] for e in streams[0]], [e["seq"] for e in streams[2]])
        self.assertEqual(streams[0], streams[2])

        detail = stack.wait_settled("alice", request)
        self.assertEqual({m["state"] for m in detail["machines"]}, {"succeeded"}, json.dumps(detail, indent=1)[:4000])
        self.assertEqual(len(detail["machines"]), 25)
        self.assert_destroyed_once(vcenter, WINDOWS + LINUX + OTHER)
        self.assertEqual(before - self.domain.computers(), {n.upper() for n in WINDOWS})
        left = stack.ctl("alice", "search", "-o", "name", check=0).stdout.split()
        wait_for(lambda: sorted(stack.ctl("alice", "search", "-o", "name", check=0).stdout.split()) == sorted(KEPT), 10, f"mirror: {left}")

        listed = stack.ctl_json("alice", "list")
        rows = listed["items"] if isinstance(listed, dict) else listed
        self.assertEqual([r["id"] for r in rows], [request])
        self.assertEqual(rows[0]["state"], "succeeded")
        status = stack.ctl("alice", "status", request, check=0).stdout
        for name in WINDOWS + LINUX + OTHER:
            self.assertIn(name, status)
        self.assertEqual(stack.terminate(), 0)

    def test_a_cancel_midway_stops_what_has_not_begun_and_says_the_truth(self):
        machines = [machine(f"c-{i:02}", "linux", i) for i in range(6)]
        vcenter = self.vcenter(machines, arguments=["--guest-shutdown-ms", "-1"])
        stack = self.stack(vcenter, daemon={"workers": 2}).start()
        stack.login("alice")
        stack.wait_loaded("alice", 6)
        request = self.submit(stack, "alice", *(m["name"] for m in machines))
        wait_for(lambda: len(self.calls(vcenter, "ShutdownGuest", "received")) >= 2, 30)
        done = stack.ctl("alice", "cancel", request)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        detail = stack.wait_settled("alice", request)
        self.assertEqual({m["state"] for m in detail["machines"]}, {"cancelled"})
        self.assertEqual(stack.ctl("alice", "watch", request).returncode, 6)
        self.assertEqual(self.calls(vcenter, "Destroy_Task", "received"), [])

    def test_a_daemon_that_is_killed_goes_on_where_it_was(self):
        machines = [machine(f"k-{i:02}", "linux", i) for i in range(8)]
        vcenter = self.vcenter(machines, arguments=["--task-ms", "300"])
        stack = self.stack(vcenter, daemon={"workers": 2}).start()
        stack.login("alice")
        stack.wait_loaded("alice", 8)
        request = self.submit(stack, "alice", *(m["name"] for m in machines))
        wait_for(lambda: len(self.calls(vcenter, "Destroy_Task", "received")) >= 2, 60)
        stack.kill()
        stack.start()
        detail = stack.wait_settled("alice", request)
        self.assertEqual({m["state"] for m in detail["machines"]}, {"succeeded"}, json.dumps(detail, indent=1)[:4000])
        self.assert_destroyed_once(vcenter, [m["name"] for m in machines])


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
