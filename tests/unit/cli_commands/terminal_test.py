"""What a person sees on a terminal: prompts, the moving picture, Ctrl-C, a window that changes its size."""

import json
import re
import threading
import unittest

from harness import PATIENCE, CliTest
from scripted_daemon import machine


class Prompts(CliTest):
    def test_the_password_is_never_seen(self):
        terminal = self.terminal("login", "alice")
        terminal.read_until("Password of alice: ")
        self.assertFalse(terminal.echoes())
        terminal.send("open sesame\n")
        terminal.read_until("logged in as CORP\\alice")
        self.assertEqual(terminal.finish(), 0)
        self.assertNotIn(b"sesame", terminal.screen)

    def test_ctrl_c_at_the_password_gives_the_echo_back(self):
        terminal = self.terminal("login", "alice")
        terminal.read_until("Password")
        terminal.send("\x03")
        self.assertLess(terminal.finish(), 0)

    def test_submit_asks_and_takes_only_yes(self):
        self.login()
        self.state.vms = [machine(1)]
        for answer, code in (("\n", 6), ("y\n", 6), ("\x04", 6), ("yes\n", 0)):
            terminal = self.terminal("submit", "web-01")
            shown = terminal.read_until("Type yes: ")
            for fact in ("web-01", "10.1.2.1", "Debian", "lab", "prod/web", "alice", "destroy", "never"):
                self.assertIn(fact, shown)
            terminal.send(answer)
            self.assertEqual(terminal.finish(), code, terminal.screen)
        self.assertEqual(len(self.state.requests), 1)

    def test_what_was_typed_before_the_question_does_not_answer_it(self):
        self.login()
        self.state.vms = [machine(1)]
        typed = threading.Event()

        def plan(handler):
            typed.wait(PATIENCE)
            handler.send(201, handler.plan(json.loads(self.state.calls[-1][3])))

        self.state.answers["POST", "/v1/plans"] = plan
        terminal = self.terminal("submit", "web-01")
        terminal.send("yes\n")
        terminal.read_until("yes")  # the terminal has it: this is its echo
        typed.set()
        terminal.read_until("Type yes: ")
        terminal.send("no\n")
        self.assertEqual(terminal.finish(), 6, terminal.screen)
        self.assertEqual(self.state.requests, {})

    def test_ctrl_d_at_the_password_is_no_missing_terminal(self):
        terminal = self.terminal("login", "alice")
        terminal.read_until("Password of alice: ")
        terminal.send("\x04")
        self.assertEqual(terminal.finish(), 2)
        self.assertIn(b"an empty password is none", terminal.screen)


class Live(CliTest):
    def setUp(self):
        super().setUp()
        self.login()
        self.state.add_request(17, [machine(1), machine(2, name="evil\x1b[2Jname")])

    def test_the_picture_moves_until_all_is_settled(self):
        terminal = self.terminal("watch", "17", columns=110)
        terminal.read_until("queued")
        self.wait_for_stream()
        self.state.set_machine("17.1", "running")
        self.state.set_step("17.1", "power_off", "running", started="2026-03-01T08:15:10.000Z")
        terminal.read_until("power_off")
        self.state.emit("step.progress", "web-01: power_off 43%", request=17, machine="17.1", step="power_off",
                        data={"percent": 43})
        terminal.read_until("43 %")
        self.state.set_step("17.1", "power_off", "warned", "the tools did not answer")
        terminal.read_until("! 17.1 power_off warned: the tools did not answer")
        self.state.set_machine("17.1", "succeeded")
        self.state.set_machine("17.2", "failed", reason="no right")
        self.assertEqual(terminal.finish(), 7)
        self.assertIn("failed: no right", terminal.screen.decode())
        self.assertIn("evil\\x1b[2Jname", terminal.screen.decode())
        self.assertNotIn(b"evil\x1b", terminal.screen)

    def test_ctrl_c_detaches(self):
        terminal = self.terminal("watch", "17")
        terminal.read_until("queued")
        self.wait_for_stream()
        terminal.send("\x03")
        self.assertEqual(terminal.finish(), 130)
        self.assertIn(b"decomctl watch 17", terminal.screen)

    def test_a_narrower_window_is_drawn_anew_at_its_width(self):
        terminal = self.terminal("watch", "17", columns=120)
        terminal.read_until("attic cleanup")
        self.wait_for_stream()
        terminal.resize(40, 24)
        terminal.read_until("…")
        terminal.send("\x03")
        terminal.finish()
        last_picture = re.split(rb"\x1b\[[0-9]+A", terminal.screen)[-1]
        lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", last_picture).decode().replace("\r", "").split("\n")[:3]
        for line in lines:
            self.assertTrue(0 < len(line) <= 40, lines)

    def test_the_log_scrolls_above_the_picture(self):
        terminal = self.terminal("watch", "17", "--log", columns=120)
        terminal.read_until("queued")
        self.wait_for_stream()
        self.state.emit("step.message", "web-01: a line for people", request=17, machine="17.1", step="power_off")
        terminal.read_until("a line for people")
        self.state.set_machine("17.1", "succeeded")
        self.state.set_machine("17.2", "succeeded")
        self.assertEqual(terminal.finish(), 0)

    def test_a_restart_of_the_daemon_is_shown_and_survived(self):
        terminal = self.terminal("watch", "17", columns=120)
        terminal.read_until("queued")
        self.wait_for_stream()
        self.stop_daemon()
        terminal.read_until("decomd is away")
        self.start_daemon()
        self.wait_for_stream(2)
        self.state.set_machine("17.1", "succeeded")
        self.state.set_machine("17.2", "succeeded")
        self.assertEqual(terminal.finish(), 0)

    def test_a_dumb_terminal_gets_lines(self):
        self.environment["TERM"] = "dumb"
        terminal = self.terminal("watch", "17")
        self.wait_for_stream()
        self.state.set_machine("17.1", "succeeded")
        self.state.set_machine("17.2", "succeeded")
        self.assertEqual(terminal.finish(), 0)
        self.assertNotIn(b"\x1b", terminal.screen)

    def test_colours_are_for_terminals_that_want_them(self):
        for environment, arguments, coloured in (({}, [], True), ({"NO_COLOR": "1"}, [], False), ({"TERM": "dumb"}, [], False),
                                                 ({}, ["--no-color"], False)):
            with self.subTest(environment=environment, arguments=arguments):
                self.environment = {**self.environment, "TERM": "xterm", **environment}
                terminal = self.terminal(*arguments, "list")
                self.assertEqual(terminal.finish(), 0)
                self.assertEqual(b"\x1b[" in terminal.screen, coloured)
                self.environment.pop("NO_COLOR", None)


if __name__ == "__main__":
    unittest.main()
