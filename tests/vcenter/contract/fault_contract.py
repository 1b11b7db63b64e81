"""Rules: calls that go wrong, late or nowhere. The ledger says what really happened."""
import http.client
import json
import threading

from pyVmomi import vim, vmodl

from contract.harness import Case, wait


class Faults(Case):
    def off(self, soap, vm):
        return soap.post("PowerOffVM_Task", vm._moId, kind="VirtualMachine")

    def phases(self, vm, method="PowerOffVM_Task"):
        return [(r["phase"], r.get("answer", r.get("result", ""))) for r in self.server.ledger(entity=vm._moId, method=method)]

    def test_a_named_fault_is_thrown_as_often_as_wanted(self):
        vm = self.vm("faulty")
        self.server.rule(method="PowerOffVM_Task", entity="faulty", action="fault", fault="ResourceInUse", message="busy", skip=1, times=1)
        vm.PowerOffVM_Task()
        with self.assertRaises(vim.fault.ResourceInUse) as raised:
            vm.PowerOffVM_Task()
        self.assertEqual(raised.exception.msg, "busy")
        vm.PowerOffVM_Task()
        self.assertEqual(self.phases(vm).count(("executed", "fault")), 1, "only the third call, on a machine that is off")

    def test_rules_match_by_user_and_number_and_the_first_one_wins(self):
        vm = self.vm("matched")
        self.server.control("rules", [
            {"method": "Rename_Task", "user": "CORP\\alice", "action": "fault", "fault": "HostCommunication"},
            {"method": "Rename_Task", "entity": vm._moId, "action": "pass", "times": 1},
            {"method": "Rename_Task", "entity": vm._moId, "action": "fault", "fault": "Timedout"},
        ])
        self.assertEqual(wait(self.si, vm.Rename_Task("matched-2")).state, "success")
        with self.assertRaises(vim.fault.Timedout):
            vm.Rename_Task("matched-3")
        self.assertEqual([r["hits"] for r in self.server.control("rules")], [0, 1, 1])

    def test_a_login_can_be_refused_by_its_user(self):
        self.server.rule(method="Login", user="corp\\ALICE", action="fault", fault="NoPermission")
        with self.assertRaises(vim.fault.NoPermission):
            self.server.login("CORP\\alice", "alice")
        self.session("CORP\\bob", "bob")

    def test_a_task_fails_by_name_and_nothing_is_done(self):
        vm = self.vm("task-fails")
        self.server.rule(method="PowerOffVM_Task", action="task_fault", fault="GenericVmConfigFault", ms=20)
        info = wait(self.si, vm.PowerOffVM_Task())
        self.assertIsInstance(info.error, vim.fault.GenericVmConfigFault)
        self.assertEqual(vm.runtime.powerState, "poweredOn")

    def test_unknown_actions_and_faults_are_refused(self):
        for bad in ({"action": "explode"}, {"action": "fault", "fault": "NoSuchFault"}, {"action": "delay", "colour": "red"}):
            with self.assertRaises(RuntimeError):
                self.server.rule(**bad)

    def test_a_dropped_call_was_not_executed(self):
        vm, soap = self.vm("drop-before"), self.soap()
        for reset in (False, True):
            self.server.rule(method="PowerOffVM_Task", action="drop_before", times=1, reset=reset)
            with self.assertRaises((http.client.RemoteDisconnected, ConnectionResetError)):
                self.off(soap, vm)
            soap.close()
        self.assertEqual(vm.runtime.powerState, "poweredOn")
        self.assertEqual(self.phases(vm), [("received", ""), ("answered", "dropped")] * 2)

    def test_a_dropped_answer_was_executed(self):
        vm, soap = self.vm("drop-after"), self.soap()
        self.server.rule(method="PowerOffVM_Task", action="drop_after")
        with self.assertRaises(http.client.RemoteDisconnected):
            self.off(soap, vm)
        self.assertEqual(vm.runtime.powerState, "poweredOff")
        self.assertEqual(self.phases(vm), [("received", ""), ("executed", "ok"), ("answered", "dropped")])

    def test_half_an_answer_is_short_of_its_length(self):
        vm, soap = self.vm("half"), self.soap()
        self.server.rule(method="PowerOffVM_Task", action="drop_during")
        with self.assertRaises(http.client.IncompleteRead):
            self.off(soap, vm)
        self.assertEqual(vm.runtime.powerState, "poweredOff")

    def test_http_errors_with_and_without_execution(self):
        for status in (502, 503, 504):
            for execute in (False, True):
                vm, soap = self.vm(f"http-{status}-{execute}"), self.soap()
                self.server.rule(method="PowerOffVM_Task", action="http", status=status, execute=execute, times=1)
                self.assertEqual(self.off(soap, vm)[0], status)
                self.assertEqual(vm.runtime.powerState, "poweredOff" if execute else "poweredOn")

    def test_garbage_and_truncated_documents(self):
        for action in ("garbage", "truncate"):
            vm, soap = self.vm(action), self.soap()
            self.server.rule(method="PowerOffVM_Task", action=action, times=1)
            status, text = self.off(soap, vm)
            self.assertEqual(status, 200)
            self.assertNotIn("</soapenv:Envelope>", text)
            self.assertEqual(vm.runtime.powerState, "poweredOff")

    def test_a_late_answer_comes_after_the_work(self):
        vm, soap = self.vm("late"), self.soap()
        rule = self.server.rule(method="PowerOffVM_Task", action="hold_answer")
        answers = []
        calling = threading.Thread(target=lambda: answers.append(self.off(soap, vm)))
        calling.start()
        self.server.control("wait", {"phase": "executed", "method": "PowerOffVM_Task", "entity": "late"})
        self.assertEqual((vm.runtime.powerState, answers), ("poweredOff", []))
        self.server.control("rules/release", {"id": rule})
        calling.join(10)
        self.assertEqual(answers[0][0], 200)

    def test_a_held_call_is_executed_even_when_its_client_has_gone(self):
        vm, soap = self.vm("patient"), self.soap()
        rule = self.server.rule(method="PowerOffVM_Task", action="hold")
        soap.connection.timeout = 0.05
        soap.connection.sock.settimeout(0.05)
        with self.assertRaises(TimeoutError):
            self.off(soap, vm)
        soap.close()
        self.assertEqual(self.server.control("wait", {"rule": rule}), {"hits": 1})
        self.assertEqual(vm.runtime.powerState, "poweredOn")
        self.server.control("rules/release", {"id": rule})
        self.server.control("wait", {"phase": "executed", "entity": "patient"})
        self.assertEqual(vm.runtime.powerState, "poweredOff")

    def test_delays_delay(self):
        vm, soap = self.vm("delayed"), self.soap()
        for action in ("delay", "late"):
            self.server.rule(method="PowerOffVM_Task", action=action, ms=60, times=1)
            self.assertEqual(self.off(soap, vm)[0], 200)

    def test_reading_calls_can_fail_too_and_leave_no_record(self):
        vm = self.vm("read")
        self.server.rule(method="RetrievePropertiesEx", entity="propertyCollector", action="http", status=503, times=1)
        with self.assertRaises(Exception):
            vm.name  # noqa: B018
        self.assertEqual(vm.name, "read")
        self.assertEqual(self.server.ledger(entity=vm._moId), [])

    def test_the_ledger_file_has_every_record(self):
        vm = self.vm("recorded")
        task = vm.PowerOffVM_Task()
        shown = self.server.ledger(entity=vm._moId)
        self.assertEqual([r["phase"] for r in shown], ["received", "executed", "answered"])
        self.assertTrue(all(r["name"] == "recorded" and r["instance_uuid"] == self.made["instance_uuid"] for r in shown))
        self.assertEqual({r["user"] for r in shown}, {"svc-decom@vsphere.local"})
        self.assertEqual([r.get("task") for r in shown], [None, task._moId, task._moId])
        with open(self.server.ledger_file, encoding="utf-8") as file:
            written = [json.loads(line) for line in file]
        self.assertEqual([r for r in written if r["entity"] == vm._moId], shown)
        self.assertEqual([r["seq"] for r in written], list(range(1, len(written) + 1)))

    def test_a_wait_for_what_does_not_happen_says_so(self):
        with self.assertRaises(RuntimeError) as raised:
            self.server.control("wait", {"method": "Never", "timeout_ms": 10})
        self.assertIn("10 ms", str(raised.exception))

    def test_a_broken_request_is_an_invalid_request(self):
        soap = self.soap()
        soap.connection.request("POST", "/sdk", "this is not XML", {"Cookie": soap.cookie})
        answer = soap.connection.getresponse()
        self.assertEqual(answer.status, 500)
        self.assertIn(b"InvalidRequestFault", answer.read())
        status, text = soap.post("NoSuchMethod", "ServiceInstance")
        self.assertEqual(status, 500)
        with self.assertRaises(vmodl.fault.MethodNotFound):
            vim.VirtualMachine(self.server.create("x-y")["moref"], self.si._stub).TerminateVM()


class Away(Case):
    def test_the_listener_can_go_away_and_come_back(self):
        vm = self.vm("survivor")
        soap = self.soap()
        self.server.control("listener", {"open": False})
        with self.assertRaises(OSError):
            soap.post("CurrentTime", "ServiceInstance")
        soap.close()
        with self.assertRaises(ConnectionRefusedError):
            soap.post("CurrentTime", "ServiceInstance")
        self.server.control("listener", {"open": True})
        soap.close()
        self.assertEqual(soap.post("CurrentTime", "ServiceInstance")[0], 200)
        self.assertEqual(self.session("CORP\\alice", "alice").content.searchIndex.FindByUuid(None, self.made["instance_uuid"], True, True)._moId, vm._moId)

    def test_idle_connections_can_be_cut(self):
        soap = self.soap()
        self.assertGreaterEqual(self.server.control("listener", {"open": True, "close_idle": True})["closed"], 1)
        with self.assertRaises(OSError):
            soap.post("CurrentTime", "ServiceInstance")
