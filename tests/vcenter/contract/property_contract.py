"""The property collector: reading, paging, following changes."""
import threading
import time

from pyVmomi import vim, vmodl

from contract.harness import PC, Case, Watch, machines_spec, task_spec


class Reading(Case):
    OPTIONS = ("--generate", "500")

    def view(self, kinds=(vim.VirtualMachine,), container=None, recursive=True):
        view = self.content.viewManager.CreateContainerView(container or self.content.rootFolder, list(kinds), recursive)
        self.addCleanup(view.Destroy)
        return view

    def test_a_view_holds_every_machine_once(self):
        view = self.view()
        ids = [vm._moId for vm in view.view]
        witness = [vm["moref"] for vm in self.server.control("inventory")["vms"]]
        self.assertEqual(sorted(ids), sorted(witness))
        everything = self.view(kinds=()).view
        self.assertEqual(len({o._moId for o in everything}), len(everything))
        self.assertEqual(sum(isinstance(o, vim.HostSystem) for o in everything), 6)

    def test_retrieve_is_paged_and_every_page_is_different(self):
        collector = self.content.propertyCollector
        answer = collector.RetrievePropertiesEx([machines_spec(self.view(), ["name"])], PC.RetrieveOptions(maxObjects=70))
        seen, pages = [], 0
        while True:
            pages += 1
            self.assertLessEqual(len(answer.objects), 70)
            seen += [o.propSet[0].val for o in answer.objects]
            if not answer.token:
                break
            used = answer.token
            answer = collector.ContinueRetrievePropertiesEx(used)
        self.assertEqual(pages, -(-len(seen) // 70))
        witness = [vm["name"] for vm in self.server.control("inventory")["vms"]]
        self.assertEqual(sorted(seen), sorted(witness))
        with self.assertRaises(vmodl.fault.InvalidArgument):
            collector.ContinueRetrievePropertiesEx(used)

    def test_a_retrieval_can_be_cancelled(self):
        collector = self.content.propertyCollector
        answer = collector.RetrievePropertiesEx([machines_spec(self.view())], PC.RetrieveOptions(maxObjects=1))
        collector.CancelRetrievePropertiesEx(answer.token)
        with self.assertRaises(vmodl.fault.InvalidArgument):
            collector.ContinueRetrievePropertiesEx(answer.token)

    def test_the_server_pages_by_its_own_limit_too(self):
        self.server.control("settings", {"page_size": 100})
        self.addCleanup(self.server.control, "settings", {"page_size": 1000})
        answer = self.content.propertyCollector.RetrievePropertiesEx([machines_spec(self.view())], PC.RetrieveOptions())
        self.assertEqual(len(answer.objects), 100)
        self.assertTrue(answer.token)

    def test_unset_properties_are_absent_and_unknown_ones_are_faults(self):
        vm = self.server.create("bare", tools="not_installed", power="off")
        obj = vim.VirtualMachine(vm["moref"], self.si._stub)
        names = ["name", "guest.ipAddress", "guest.hostName", "snapshot", "config.managedBy", "config.annotation"]
        spec = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=obj)], propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=names)])
        answer = self.content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
        self.assertEqual([p.name for p in answer.objects[0].propSet], ["name"])
        spec.propSet[0].pathSet = ["name", "config.nonsense"]
        with self.assertRaises(vmodl.query.InvalidProperty):
            self.content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())

    def test_all_properties_of_a_machine_can_be_read(self):
        vm = self.view().view[0]
        spec = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=vm)], propSet=[PC.PropertySpec(type=vim.ManagedEntity, all=True)])
        found = {p.name: p.val for p in self.content.propertyCollector.RetrieveProperties([spec])[0].propSet}
        self.assertEqual(found["config"].instanceUuid, vm.config.instanceUuid)
        self.assertEqual(found["summary"].vm._moId, vm._moId)
        self.assertTrue(found["layoutEx"].file and found["storage"].perDatastoreUsage and found["runtime"].host)

    def test_traversal_without_views_walks_the_tree(self):
        select = vmodl.query.PropertyCollector.SelectionSpec
        through = PC.TraversalSpec
        folder = through(name="folder", type=vim.Folder, path="childEntity", skip=False, selectSet=[select(name="folder"), select(name="dc")])
        dc = through(name="dc", type=vim.Datacenter, path="vmFolder", skip=False, selectSet=[select(name="folder")])
        spec = PC.FilterSpec(
            objectSet=[PC.ObjectSpec(obj=self.content.rootFolder, skip=True, selectSet=[folder, dc])],
            propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])],
        )
        found = self.content.propertyCollector.RetrieveProperties([spec])
        self.assertEqual(len(found), len(self.server.control("inventory")["vms"]))

    def test_cluster_host_and_owner_can_be_followed(self):
        vm = self.view().view[0]
        self.assertRegex(vm.runtime.host.parent.name, "^cluster-")
        self.assertIn(vm, vm.runtime.host.vm)
        field = {f.key: f.name for f in self.content.customFieldsManager.field}
        self.assertEqual(field[vm.customValue[0].key], "owner")

    def test_a_missing_object_is_a_fault_unless_the_spec_allows_it(self):
        gone = vim.VirtualMachine("vm-999999", self.si._stub)
        spec = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=gone)], propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])])
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            self.content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions())
        spec.reportMissingObjectsInResults = True
        self.assertIsNone(self.content.propertyCollector.RetrievePropertiesEx([spec], PC.RetrieveOptions()))

    def test_views_of_folders_may_be_shallow(self):
        self.server.create("shallow-1", folder="Top")
        self.server.create("deep-1", folder="Top/Below")
        top = self.content.searchIndex.FindByInventoryPath("dc-main/vm/Top")
        self.assertEqual([vm.name for vm in self.view(container=top, recursive=False).view], ["shallow-1"])
        self.assertEqual(len(self.view(container=top).view), 2)


class Following(Case):
    OPTIONS = ("--generate", "500")

    def watch(self, paths=None, si=None):
        si = si or self.si
        content = si.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        watch = Watch(si, machines_spec(view, paths))
        self.addCleanup(watch.collector.DestroyPropertyCollector)
        while watch.next(0) is not None:
            pass
        return watch

    def test_the_first_load_is_truncated_to_pages(self):
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [vim.VirtualMachine], True)
        watch = Watch(self.si, machines_spec(view))
        pages = 0
        while True:
            updates = watch.next(limit=64)
            pages += 1
            self.assertLessEqual(len(updates.filterSet[0].objectSet), 64)
            if not updates.truncated:
                break
        self.assertGreaterEqual(pages, 8)
        self.assertEqual(set(watch.known), {vm["moref"] for vm in self.server.control("inventory")["vms"]})
        self.assertIsNone(watch.next(0))

    def test_create_rename_and_destroy_arrive_soon_at_500_machines(self):
        watch = self.watch()
        vm = self.vm("newcomer", power="off")
        begun = time.monotonic()
        watch.until(lambda known: vm._moId in known)
        self.assertEqual(watch.known[vm._moId]["name"], "newcomer")
        vm.Rename_Task("newcomer-2")
        watch.until(lambda known: known[vm._moId]["name"] == "newcomer-2")
        vm.Destroy_Task()
        watch.until(lambda known: vm._moId not in known)
        self.assertLess(time.monotonic() - begun, 1.5, "three changes, 500 ms each")

    def test_every_kind_of_change_is_told_and_only_what_changed(self):
        vm = self.vm("changing", ips=["10.250.0.1"], host_name="changing.corp.example.test")
        watch = self.watch()
        self.server.control("vm/set", {"vm": "changing", "annotation": "new note", "attributes": {"owner": "zoe"}, "ips": ["10.250.0.2"]})
        updates = watch.next()
        changed = {c.name for c in updates.filterSet[0].objectSet[0].changeSet}
        self.assertEqual(changed, {"config.annotation", "customValue", "guest.ipAddress"})
        vm.ReconfigVM_Task(vim.vm.ConfigSpec(name="changed", annotation="by reconfigure"))
        watch.until(lambda known: known[vm._moId]["name"] == "changed" and known[vm._moId]["config.annotation"] == "by reconfigure")
        vm.PowerOffVM_Task()
        watch.until(lambda known: known[vm._moId]["runtime.powerState"] == "poweredOff")
        self.assertIsNone(watch.known[vm._moId]["guest.ipAddress"], "an unset property is told as such")
        vm.MarkAsTemplate()
        watch.until(lambda known: known[vm._moId]["config.template"])
        key = [f.key for f in self.content.customFieldsManager.field if f.name == "owner"][0]
        self.content.customFieldsManager.SetField(vm, key, "yara")
        watch.until(lambda known: known[vm._moId]["customValue"][0].value == "yara")
        self.assertEqual(len(watch.known[vm._moId]["customValue"]), 1)
        folder = self.content.searchIndex.FindByInventoryPath("dc-main/vm").CreateFolder("Moved here")
        folder.MoveIntoFolder_Task([vm])
        watch.until(lambda known: known[vm._moId]["parent"] == folder)

    def test_a_set_that_was_lost_is_told_again(self):
        watch = self.watch()
        before = watch.version
        vm = self.vm("told-twice")
        first = watch.collector.WaitForUpdatesEx(before, PC.WaitOptions(maxWaitSeconds=5))
        self.server.control("vm/rename", {"vm": vm._moId, "to": "told-twice-2"})
        again = watch.collector.WaitForUpdatesEx(before, PC.WaitOptions(maxWaitSeconds=5))
        self.assertEqual(again.filterSet[0].objectSet[0].kind, "enter")
        self.assertNotEqual(first.version, again.version)
        with self.assertRaises(vmodl.query.InvalidCollectorVersion):
            watch.collector.WaitForUpdatesEx(before, PC.WaitOptions(maxWaitSeconds=0))
        with self.assertRaises(vmodl.query.InvalidCollectorVersion):
            watch.collector.WaitForUpdatesEx("nonsense", PC.WaitOptions(maxWaitSeconds=0))

    def test_no_version_means_everything_again(self):
        watch = self.watch()
        number = len(watch.known)
        watch.known, watch.version = {}, ""
        watch.next()
        self.assertEqual(len(watch.known), number)

    def test_nothing_new_answers_nothing_when_the_time_is_up(self):
        watch = self.watch()
        self.assertIsNone(watch.next(0))
        begun = time.monotonic()
        self.assertIsNone(watch.next(1))
        self.assertGreater(time.monotonic() - begun, 0.9)

    def test_a_wait_can_be_cancelled_and_ends_with_its_session(self):
        for end, fault in ((lambda w: w.collector.CancelWaitForUpdates(), vmodl.fault.RequestCanceled),
                           (lambda w: self.server.control("sessions/expire", {"user": "CORP\\bob"}), vim.fault.NotAuthenticated)):
            si = self.server.login("CORP\\bob", "bob")
            watch = Watch(si, task_spec(self.vm("waited-for").PowerOffVM_Task()))
            watch.next()
            raised = []

            def wait():
                try:
                    watch.next(20)
                except vmodl.MethodFault as caught:
                    raised.append(caught)

            waiting = threading.Thread(target=wait)
            counted = self.server.control("calls").get("WaitForUpdatesEx", 0)
            waiting.start()
            while self.server.control("calls").get("WaitForUpdatesEx", 0) == counted:
                pass
            end(watch)
            waiting.join(10)
            self.assertIsInstance(raised[0], fault)

    def test_a_client_that_went_away_loses_nothing_to_its_old_wait(self):
        vm = self.vm("fickle")
        soap, again = self.soap(), self.soap()
        again.cookie = soap.cookie
        spec = (
            '<spec><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet>'
            f'<objectSet><obj type="VirtualMachine">{vm._moId}</obj></objectSet></spec><partialUpdates>false</partialUpdates>'
        )
        soap.post("CreateFilter", "propertyCollector", spec, kind="PropertyCollector")
        _, text = soap.post("WaitForUpdatesEx", "propertyCollector", kind="PropertyCollector")
        version = "<version>" + text.split("<version>")[1].split("<")[0] + "</version>"
        old = threading.Thread(target=lambda: soap.post("WaitForUpdatesEx", "propertyCollector", version, kind="PropertyCollector"))
        counted = self.server.control("calls")["WaitForUpdatesEx"]
        old.start()
        while self.server.control("calls")["WaitForUpdatesEx"] == counted:
            pass
        answers = []
        new = threading.Thread(target=lambda: answers.append(again.post("WaitForUpdatesEx", "propertyCollector", version, kind="PropertyCollector")))
        new.start()
        old.join(10)
        self.server.control("vm/rename", {"vm": vm._moId, "to": "fickle-2"})
        new.join(10)
        self.assertIn("fickle-2", answers[0][1])

    def test_several_filters_share_a_collector_and_can_be_dropped(self):
        vm = self.vm("filtered")
        collector = self.content.propertyCollector.CreatePropertyCollector()
        spec = PC.FilterSpec(objectSet=[PC.ObjectSpec(obj=vm)], propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])])
        one, two = collector.CreateFilter(spec, False), collector.CreateFilter(spec, False)
        updates = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=5))
        self.assertEqual({f.filter for f in updates.filterSet}, {one, two})
        one.DestroyPropertyFilter()
        self.server.control("vm/rename", {"vm": vm._moId, "to": "filtered-2"})
        updates = collector.WaitForUpdatesEx(updates.version, PC.WaitOptions(maxWaitSeconds=5))
        self.assertEqual([f.filter for f in updates.filterSet], [two])
        collector.DestroyPropertyCollector()
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=0))

    def test_hiding_and_rights_make_machines_leave_and_come_back(self):
        vm = self.vm("vanishing")
        watch = self.watch(si=self.session("CORP\\alice", "alice"))
        self.assertIn(vm._moId, watch.known)
        self.server.control("hide", {"vm": "vanishing", "user": "CORP\\alice"})
        watch.until(lambda known: vm._moId not in known)
        self.server.control("unhide", {"vm": "vanishing", "user": "CORP\\alice"})
        watch.until(lambda known: vm._moId in known)
        self.server.control("permissions/set", {"on": "vanishing", "principal": "CORP\\alice", "role": "NoAccess"})
        watch.until(lambda known: vm._moId not in known)

    def test_a_destroyed_folder_takes_its_machines_along(self):
        vm = self.vm("in-folder", folder="Doomed/Inner", power="off")
        watch = self.watch()
        self.content.searchIndex.FindByInventoryPath("dc-main/vm/Doomed").Destroy_Task()
        watch.until(lambda known: vm._moId not in known)
        self.assertIsNone(self.content.searchIndex.FindByInventoryPath("dc-main/vm/Doomed"))

    def test_the_schema_prefix_may_be_declared_anywhere(self):
        self.server.control("settings", {"xsi_per_element": True})
        self.addCleanup(self.server.control, "settings", {"xsi_per_element": False})
        self.assertEqual(self.vm("prefixed").name, "prefixed")
        status, text = self.soap().post("RetrieveServiceContent", "ServiceInstance")
        self.assertNotIn("xsi:type=", text)
