"""Completions and manual pages: made from the program, so it is their making that is held here."""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness import DECOMCTL, CliTest
from scripted_daemon import machine

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Completion(CliTest):
    def setUp(self):
        super().setUp()
        self.login()
        self.state.vms = [machine(1), machine(2), machine(3, name="evil; $(reboot)")]
        self.state.add_request(17, self.state.vms[:1])
        self.environment["PATH"] = os.path.dirname(DECOMCTL) + ":" + self.environment["PATH"]

    def script(self, shell):
        path = os.path.join(self.folder, shell)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.run_cli("__describe", shell).stdout)
        return path

    def bash(self, *words):
        code = f'source {self.script("bash")}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _decomctl; printf "%s\\n" "${{COMPREPLY[@]}}"'
        result = subprocess.run(["bash", "-c", code, "bash", "decomctl", *words], capture_output=True, text=True,
                                env=self.environment, check=True)
        self.assertEqual(result.stderr, "")
        return result.stdout.split()

    def test_bash_completes_verbs_options_values_and_what_the_daemon_knows(self):
        self.assertEqual(self.bash("se"), ["search"])
        self.assertEqual(self.bash("token", "re"), ["revoke"])
        self.assertEqual(self.bash("list", "--st"), ["--state"])
        self.assertEqual(self.bash("list", "--state", "need"), ["needs_attention"])
        self.assertEqual(self.bash("search", "-o", "nd"), ["ndjson"])
        self.assertEqual(self.bash("--socket", "/x", "submit", "--rea"), ["--reason"])
        self.assertEqual(self.bash("submit", "web-0"), ["web-01", "web-02"])
        self.assertEqual(self.bash("submit", "evil"), [])
        self.assertEqual(self.bash("watch", ""), ["17"])

    def test_completion_is_silent_without_a_daemon(self):
        self.stop_daemon()
        result = self.run_cli("__complete", "machine", "web")
        self.assertEqual((result.stdout, result.stderr), ("", ""))
        self.start_daemon()

    def test_every_shell_that_is_here_can_read_its_script(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])):
            path = self.script(shell)
            if shutil.which(check[0]):
                subprocess.run([*check, path], check=True)
            with open(path, encoding="utf-8") as file:
                self.assertIn("needs_attention", file.read())


class Manual(CliTest):
    def test_the_page_has_every_verb_error_and_exit_code(self):
        page = self.run_cli("__describe", "manual", str(ROOT / "man/decomctl.1")).stdout
        self.assertIsNone(re.search(r"^@[A-Z_]+@$", page, re.M))
        for text in ('.Ss "search [QUERY ...]"', '.Ss "token revoke ID"', ".It Li storage_full Ta 507 Ta 1", ".It 130", "--sort=-created"):
            self.assertIn(text, page)

    def test_every_key_of_the_configuration_is_in_its_page(self):
        page = (ROOT / "man/decomd.toml.5").read_text(encoding="utf-8")
        keys = set()
        for name in ("config.cpp", "plan_file.cpp"):
            source = (ROOT / "daemon/config" / name).read_text(encoding="utf-8")
            keys |= set(re.findall(r'\.(?:string|strings|integer|duration|boolean|file|tables?)\("(\w+)"', source))
        self.assertGreater(len(keys), 30)
        self.assertEqual([key for key in sorted(keys) if not re.search(rf"\b{key}\b", page)], [])


if __name__ == "__main__":
    unittest.main()
