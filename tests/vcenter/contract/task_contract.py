"""Power, destroy, guests, tasks and their history."""
import datetime

from pyVmomi import vim, vmodl

from contract.harness import Case, Watch, task_spec, wait

NOW = datetime.datetime.now(datetime.timezone.utc)


class Machines(Case):
    def test_power_off_twice_is_a_task_error(self):
        vm = self.vm("off-twice", ips=["10.1.1.1"], host_name="off-twice.corp.example.test")
        self.assertEqual(vm.guest.ipAddress, "10.1.1.1")
        self.assertEqual(wait(self.si, vm.PowerOffVM_Task()).state, "success")
        self.assertEqual(vm.runtime.powerState, "poweredOff")
        self.assertEqual((vm.guest.ipAddress, vm.guest.hostName, list(vm.guest.net)), (None, None, []))
        info = wait(self.si, vm.PowerOffVM_Task())
        self.assertIsInstance(info.error, vim.fault.InvalidPowerState)
        self.assertEqual(wait(self.si, vm.PowerOnVM_Task()).state, "success")
        self.assertEqual((vm.guest.ipAddress, vm.guest.hostName), ("10.1.1.1", "off-twice.corp.example.test"))
        self.assertIsNotNone(vm.runtime.bootTime)

    def test_destroy_needs_the_power_off_and_then_nothing_is_left(self):
        vm = self.vm("doomed")
        info = wait(self.si, vm.Destroy_Task())
        self.assertIsInstance(info.error, vim.fault.InvalidPowerState)
        vm.PowerOffVM_Task()
        info = wait(self.si, vm.Destroy_Task())
        self.assertEqual((info.state, info.descriptionId, info.entityName), ("success", "VirtualMachine.destroy", "doomed"))
        for call in (vm.Destroy_Task, vm.PowerOffVM_Task, lambda: vm.name):
            with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
                call()

    def test_machines_with_any_disks_can_be_destroyed_and_reconfigured(self):
        disks = [{"size_gb": 10}, {"size_gb": 5, "backing": "rdm_physical"}, {"size_gb": 5, "sharing": "multi_writer", "thick": True},
                 {"size_gb": 1, "fcd_id": "6f1c5a2e-0000-4000-8000-000000000001", "file": "[datastore-01] fcd/one.vmdk"},
                 {"size_gb": 9, "parents": ["[datastore-01] golden/golden.vmdk"]}, {"size_gb": 2, "backing": "sesparse"}]
        vm = self.vm("disks", disks=disks, power="off", template=False)
        found = [d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)]
        self.assertEqual(len(found), 6)
        self.assertIsInstance(found[1].backing, vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)
        self.assertEqual(found[1].backing.compatibilityMode, "physicalMode")
        self.assertEqual(found[2].backing.sharing, "sharingMultiWriter")
        self.assertEqual(found[3].vDiskId.id, "6f1c5a2e-0000-4000-8000-000000000001")
        self.assertEqual(found[4].backing.parent.fileName, "[datastore-01] golden/golden.vmdk")
        self.assertEqual(wait(self.si, vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="x"))).state, "success")
        raw = vim.vm.device.VirtualDeviceSpec(operation="remove", device=found[1])
        self.assertEqual(wait(self.si, vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[raw]))).state, "success")
        left = [d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualDisk)]
        self.assertEqual(len(left), 5)
        self.assertEqual(wait(self.si, vm.Destroy_Task()).state, "success")

    def test_names_are_unique_in_a_folder(self):
        self.vm("taken", folder="Names")
        vm = self.vm("other", folder="Names")
        self.assertIsInstance(wait(self.si, vm.Rename_Task("taken")).error, vim.fault.DuplicateName)
        self.assertIsInstance(wait(self.si, vm.Rename_Task("")).error, vim.fault.InvalidName)
        self.assertEqual(vm.name, "other")

    def test_a_template_stays_off_and_can_be_destroyed(self):
        vm = self.vm("golden", template=True)
        with self.assertRaises(vmodl.MethodFault):
            vm.PowerOnVM_Task()
        self.assertIsInstance(wait(self.si, vm.PowerOffVM_Task()).error, vim.fault.InvalidPowerState)
        self.assertEqual(wait(self.si, vm.Destroy_Task()).state, "success")

    def test_a_guest_shuts_down_after_a_while(self):
        vm = self.vm("polite", tools="running", shutdown_ms=50)
        watch = Watch(self.si, self.power_spec(vm))
        watch.next()
        vm.ShutdownGuest()
        watch.until(lambda known: watch.value(vm, "runtime.powerState") == "poweredOff")
        self.assertEqual([r["phase"] for r in self.server.ledger(entity=vm._moId)], ["received", "executed", "answered", "effect"])

    def test_a_guest_that_never_shuts_down_stays_on(self):
        vm = self.vm("stubborn", tools="running", shutdown_ms=-1)
        vm.ShutdownGuest()
        self.assertEqual(vm.runtime.powerState, "poweredOn")

    def test_without_tools_a_guest_cannot_be_asked(self):
        for tools in ("not_running", "not_installed"):
            with self.assertRaises(vim.fault.ToolsUnavailable):
                self.vm("deaf-" + tools, tools=tools).ShutdownGuest()
        with self.assertRaises(vim.fault.InvalidPowerState):
            self.vm("asleep", tools="running", power="off").ShutdownGuest()

    def test_the_library_s_own_calls_work(self):
        folder = self.content.searchIndex.FindByInventoryPath("dc-main/vm/Empty")
        pool = self.content.searchIndex.FindByInventoryPath("dc-main/host/cluster-01/Resources")
        spec = vim.vm.ConfigSpec(name="by-api", guestId="ubuntu64Guest", numCPUs=1, memoryMB=512, files=vim.vm.FileInfo(vmPathName="[datastore-01]"))
        vm = wait(self.si, folder.CreateVM_Task(spec, pool)).result
        self.assertEqual(vm.name, "by-api")
        wait(self.si, vm.CreateSnapshot_Task("before", "it", False, False))
        self.assertEqual(vm.snapshot.rootSnapshotList[0].name, "before")
        wait(self.si, vm.RemoveAllSnapshots_Task())
        self.assertIsNone(vm.snapshot)
        self.assertEqual(wait(self.si, vm.Destroy_Task()).state, "success")

    def test_search_finds_by_every_identity(self):
        vm = self.vm("findme", ips=["10.9.9.9", "2001:db8::99"], host_name="findme.corp.example.test")
        index = self.content.searchIndex
        self.assertEqual(index.FindByUuid(None, self.made["instance_uuid"].upper(), True, True), vm)
        self.assertEqual(list(index.FindAllByUuid(None, self.made["bios_uuid"], True, False)), [vm])
        self.assertEqual(list(index.FindAllByUuid(None, self.made["bios_uuid"], True, True)), [])
        self.assertEqual(index.FindByIp(None, "2001:db8::99", True), vm)
        self.assertEqual(index.FindByDnsName(None, "FINDME.corp.example.test", True), vm)
        self.assertEqual(list(index.FindAllByDnsName(None, "nobody", True)), [])

    def power_spec(self, vm):
        spec = task_spec(vm, ["runtime.powerState"])
        spec.propSet[0].type = vim.VirtualMachine
        return spec


class Tasks(Case):
    def test_a_slow_task_runs_in_the_background_and_its_states_are_pushed(self):
        vm = self.vm("slow")
        self.server.rule(method="PowerOffVM_Task", entity="slow", action="slow_task", ms=300)
        task = vm.PowerOffVM_Task()
        self.assertEqual((task.info.state, vm.runtime.powerState), ("running", "poweredOn"))
        watch = Watch(self.si, task_spec(task))
        states = []
        while "success" not in states:
            watch.next()
            states.append(watch.known[task._moId]["info.state"])
        self.assertIn("running", states)
        self.assertEqual(vm.runtime.powerState, "poweredOff")

    def test_a_filter_on_a_finished_task_tells_its_state_once(self):
        task = self.vm("finished").PowerOffVM_Task()
        watch = Watch(self.si, task_spec(task))
        watch.next()
        self.assertEqual(watch.known[task._moId]["info.state"], "success")
        self.assertIsNone(watch.next(0))

    def test_a_held_task_ends_when_it_is_released(self):
        vm = self.vm("held")
        rule = self.server.rule(method="PowerOffVM_Task", entity="held", action="hold_task")
        task = vm.PowerOffVM_Task()
        watch = Watch(self.si, task_spec(task))
        watch.until(lambda known: watch.value(task, "info.state") == "running")
        self.assertEqual(self.server.ledger(phase="executed", entity=vm._moId), [])
        self.server.control("rules/release", {"id": rule})
        watch.until(lambda known: watch.value(task, "info.state") == "success")
        self.assertEqual(len(self.server.ledger(phase="executed", entity=vm._moId)), 1)

    def test_a_running_task_can_be_cancelled_and_then_nothing_was_done(self):
        vm = self.vm("cancelled")
        self.server.rule(method="PowerOffVM_Task", action="hold_task")
        task = vm.PowerOffVM_Task()
        self.assertTrue(task.info.cancelable)
        task.CancelTask()
        info = wait(self.si, task)
        self.assertIsInstance(info.error, vmodl.fault.RequestCanceled)
        self.assertTrue(info.cancelled)
        self.assertEqual(vm.runtime.powerState, "poweredOn")
        self.assertEqual(self.server.ledger(phase="executed", entity=vm._moId, method="PowerOffVM_Task")[0]["fault"], "RequestCanceled")
        with self.assertRaises(vim.fault.InvalidState):
            task.CancelTask()

    def test_a_task_that_is_not_cancelable_says_so(self):
        vm = self.vm("unstoppable")
        self.server.rule(method="PowerOffVM_Task", action="hold_task", cancelable=False)
        task = vm.PowerOffVM_Task()
        self.assertFalse(task.info.cancelable)
        with self.assertRaises(vmodl.fault.NotSupported):
            task.CancelTask()
        self.server.control("rules/delete")
        self.assertEqual(wait(self.si, task).state, "success")

    def test_somebody_else_s_task_needs_a_right_to_cancel(self):
        vm = self.vm("not-yours")
        self.server.rule(method="PowerOffVM_Task", action="hold_task")
        task = vm.PowerOffVM_Task()
        alice = self.session("CORP\\alice", "alice")
        with self.assertRaises(vim.fault.NoPermission):
            vim.Task(task._moId, alice._stub).CancelTask()

    def test_a_second_task_on_a_busy_machine_is_in_progress(self):
        vm = self.vm("busy")
        self.server.rule(method="PowerOffVM_Task", action="hold_task", times=1)
        first = vm.PowerOffVM_Task()
        self.assertIsInstance(wait(self.si, vm.Destroy_Task()).error, vim.fault.TaskInProgress)
        self.server.control("rules/delete")
        self.assertEqual(wait(self.si, first).state, "success")

    def test_a_machine_that_goes_while_its_task_runs(self):
        vm = self.vm("going")
        rule = self.server.rule(method="PowerOffVM_Task", action="hold_task")
        task = vm.PowerOffVM_Task()
        self.server.control("vm/unregister", {"vm": "going"})
        self.server.control("rules/release", {"id": rule})
        self.assertIsInstance(wait(self.si, task).error, vmodl.fault.ManagedObjectNotFound)

    def test_all_tasks_can_take_their_time(self):
        self.server.control("settings", {"task_ms": 50})
        self.addCleanup(self.server.control, "settings", {"task_ms": 0})
        task = self.vm("leisurely").PowerOffVM_Task()
        self.assertEqual(task.info.state, "running")
        self.assertEqual(wait(self.si, task).state, "success")

    def history(self, *, entity=None, begin=None, page=3, recursion="self"):
        spec = vim.TaskFilterSpec()
        if entity:
            spec.entity = vim.TaskFilterSpec.ByEntity(entity=entity, recursion=recursion)
        if begin:
            spec.time = vim.TaskFilterSpec.ByTime(timeType="queuedTime", beginTime=begin)
        collector = self.content.taskManager.CreateCollectorForTasks(spec)
        found = []
        while True:
            part = collector.ReadNextTasks(page)
            self.assertLessEqual(len(part), page)
            if not part:
                break
            found += part
        collector.DestroyCollector()
        return found

    def test_history_tells_what_happened_to_a_machine_even_after_it_is_gone(self):
        vm = self.vm("historic")
        begin = self.si.CurrentTime()
        vm.PowerOffVM_Task()
        vm.Rename_Task("historic-2")
        vm.PowerOnVM_Task()
        vm.PowerOffVM_Task()
        vm.Destroy_Task()
        found = self.history(entity=vm, begin=begin, page=2)
        self.assertEqual([t.descriptionId.split(".")[1] for t in found], ["powerOff", "rename", "powerOn", "powerOff", "destroy"])
        self.assertTrue(all(t.entity._moId == vm._moId and t.reason.userName == "svc-decom@vsphere.local" for t in found))
        self.assertEqual(self.history(entity=vm, begin=self.si.CurrentTime()), [])
        self.assertIn(vm._moId, [t.entity._moId for t in self.history(entity=self.content.rootFolder, recursion="all", page=100)])
        self.server.control("settings", {"gone_entity_in_task_filter": "not_found"})
        self.addCleanup(self.server.control, "settings", {"gone_entity_in_task_filter": "ok"})
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            self.history(entity=vm)
        self.assertIn("VirtualMachine.destroy", [t.descriptionId for t in self.history(begin=begin, page=50) if t.entity._moId == vm._moId])

    def test_history_knows_an_unregistered_machine_from_a_destroyed_one(self):
        one, two = self.vm("unregistered", power="off"), self.vm("destroyed-by-another", power="off")
        one.UnregisterVM()
        self.server.control("vm/destroy", {"vm": "destroyed-by-another", "user": "CORP\\carol"})
        self.assertEqual([t.descriptionId for t in self.history(entity=one)], ["VirtualMachine.unregister"])
        self.assertEqual([(t.descriptionId, t.reason.userName) for t in self.history(entity=two)], [("VirtualMachine.destroy", "CORP\\carol")])

    def test_history_reads_backwards_and_shows_its_latest_page(self):
        vm = self.vm("backwards")
        for _ in range(3):
            vm.PowerOffVM_Task()
        spec = vim.TaskFilterSpec(entity=vim.TaskFilterSpec.ByEntity(entity=vm, recursion="self"))
        collector = self.content.taskManager.CreateCollectorForTasks(spec)
        collector.SetCollectorPageSize(2)
        self.assertEqual(len(collector.latestPage), 2)
        collector.ResetCollector()
        newest = collector.ReadPreviousTasks(2)
        self.assertGreaterEqual(newest[0].queueTime, newest[1].queueTime)
        collector.RewindCollector()
        self.assertEqual(len(collector.ReadNextTasks(10)), 3)

    def test_old_task_objects_go_but_history_stays(self):
        vm = self.vm("forgotten")
        task = vm.PowerOffVM_Task()
        self.assertIn(task, self.content.taskManager.recentTask)
        self.server.control("tasks/forget")
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            task.info  # noqa: B018
        self.assertEqual(len(self.history(entity=vm)), 1)

    def test_a_restored_vcenter_uses_task_numbers_again(self):
        vm = self.vm("restored")
        first = vm.PowerOffVM_Task()._moId
        self.server.control("tasks/reset", {"next": int(first.split("-")[1])})
        self.assertEqual(self.history(entity=vm), [])
        self.assertEqual(vm.PowerOnVM_Task()._moId, first)
