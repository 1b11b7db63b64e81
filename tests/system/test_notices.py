#!/usr/bin/python3
"""Notices: a handful for 40 machines, and a mail server that hangs costs the run nothing."""

import json
import pathlib
import sys
import time

from scenario import SystemCase, machine
from stack import PYTHON, ROOT, Child, main_of, wait_for

MACHINES = 40


class Receivers(Child):
    """tests/records/notice_server.py"""

    def __init__(self, folder):
        super().__init__([PYTHON, str(ROOT / "tests/records/notice_server.py")], pathlib.Path(folder) / "notices.log")

    def tell(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().strip()
        if not answer.startswith("ok"):
            raise AssertionError(f"{words}: {answer}")
        return answer[3:]

    def wait(self, what, count):
        return json.loads(self.tell("wait", what, count))


class Notices(SystemCase):
    def setUp(self):
        super().setUp()
        self.receivers = Receivers(self.folder)
        self.addCleanup(self.receivers.stop)

    def write(self, stack, name, text):
        path = stack.folder / "etc" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def webhook(self, stack):
        self.write(stack, "chat.url", f"https://127.0.0.1:{self.receivers.facts['https']}/hook/of-a-secret-name\n")
        self.write(stack, "notices.d/chat.toml", f'kind = "webhook"\nurl_file = "chat.url"\nca_file = "{self.receivers.facts["ca"]}"\n')

    def mail(self, stack, server, more=""):
        self.write(stack, "mail.password", "pa55 word\n")
        self.write(
            stack,
            "notices.d/ops-mail.toml",
            f'kind = "mail"\nserver = "127.0.0.1"\nport = {self.receivers.facts[server]}\nusername = "decom"\npassword_file = "mail.password"\n'
            f'ca_file = "{self.receivers.facts["ca"]}"\nfrom = "decom@example.test"\nto = "ops@example.test"\n{more}',
        )

    def run_machines(self, stack, names):
        begun = time.monotonic()
        request = self.submit(stack, "alice", *names)
        detail = stack.wait_settled("alice", request)
        self.assertEqual({m["state"] for m in detail["machines"]}, {"succeeded"}, json.dumps(detail)[:3000])
        return request, time.monotonic() - begun

    def test_40_machines_are_a_handful_of_messages_and_a_hanging_mail_server_costs_nothing(self):
        first = [f"a-{i:02}" for i in range(MACHINES)]
        second = [f"b-{i:02}" for i in range(MACHINES)]
        machines = [machine(n, "linux", i) for i, n in enumerate(first + second)]
        vcenter = self.vcenter(machines, arguments=["--task-ms", "20"])
        stack = self.stack(vcenter, daemon={"workers": 8, "machines_a_request": MACHINES})
        self.webhook(stack)
        stack.start()
        stack.login("alice")
        stack.wait_loaded("alice", len(machines))
        without, took_without = self.run_machines(stack, first)
        posts = self.receivers.wait("posts", 2)
        self.assertEqual([json.loads(p["body"])["what"] for p in posts], ["start", "finish"])
        over = json.loads(posts[1]["body"])
        self.assertEqual(over["request"], without)
        self.assertEqual(over["counts"], {"succeeded": MACHINES})
        self.assertIn(f"decomctl status {without}", over["text"])

        # Two attempts, then it is given up.
        self.mail(stack, "silent", 'timeout = "2s"\ngive_up = "3s"\n')
        self.assertEqual(stack.terminate(), 0)
        stack.start()
        stack.wait_loaded("alice", len(second))
        request, took = self.run_machines(stack, second)
        print(f"\n{MACHINES} machines: {took_without:.2f} s, with a mail server that hangs {took:.2f} s", file=sys.stderr)
        self.assertLess(took, took_without * 1.3 + 1)
        self.assertEqual(len(self.receivers.wait("posts", 4)), 4)  # that of before were not told again

        def warned():
            shown = stack.ctl("alice", "status", request).stdout
            return shown if "notice of finish to ops-mail" in shown else None

        shown = wait_for(warned, 60)
        self.assertIn("notice of start to ops-mail: cannot send mail by 127.0.0.1", shown)
        detail = stack.ctl_json("alice", "status", request)
        self.assertEqual(detail["state"], "succeeded")
        self.assertEqual(detail["warnings"], 2)
        self.assertEqual(len(json.loads(self.receivers.tell("all", "posts"))), 4)
        doctor = stack.ctl("alice", "doctor").stdout
        self.assertIn("notices ops-mail", doctor)
        self.assertIn("notices chat", doctor)

    def test_channels_are_listed_tested_and_reloaded_and_the_address_is_nowhere(self):
        vcenter = self.vcenter([machine("c-01", "linux", 1)])
        stack = self.stack(vcenter)
        self.webhook(stack)
        stack.start()
        stack.login("alice")
        self.assertEqual(stack.ctl("alice", "notices", "--test").returncode, 4)  # for admins
        stack.login("root.admin")
        sent = stack.ctl("root.admin", "notices", "--test", check=0).stdout
        self.assertIn("sent", sent)
        self.assertEqual(json.loads(self.receivers.wait("posts", 1)[0]["body"])["what"], "test")
        self.mail(stack, "starttls")
        stack.process.send_signal(1)
        wait_for(lambda: "ops-mail" in stack.ctl("alice", "notices", "-o", "name").stdout, 20)
        stack.ctl("root.admin", "notices", "--test", "ops-mail", check=0)
        self.assertTrue(self.receivers.wait("mails", 1)[0]["tls"])
        self.receivers.tell("mode", "https", "echo")
        failed = stack.ctl("root.admin", "notices", "--test", "chat", check=1)
        self.assertIn("HTTP 404", failed.stdout)
        everything = failed.stdout + stack.ctl("alice", "notices", "-o", "json").stdout + stack.log.read_text(errors="replace")
        self.assertNotIn("of-a-secret-name", everything)
        self.assertNotIn("pa55", everything)


if __name__ == "__main__":
    sys.exit(main_of("__main__"))
