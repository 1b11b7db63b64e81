"""Logins, sessions, rights."""
from pyVmomi import vim, vmodl

from contract.harness import Case, Soap, VCenter

OFF, DELETE = "VirtualMachine.Interact.PowerOff", "VirtualMachine.Inventory.Delete"


class Sessions(Case):
    def test_a_wrong_or_empty_password_is_an_invalid_login(self):
        for password in ("wrong", ""):
            with self.assertRaises(vim.fault.InvalidLogin):
                self.server.login("svc-decom@vsphere.local", password)

    def test_login_twice_on_one_session_fails(self):
        soap = self.soap()
        status, text = soap.login()
        self.assertEqual(status, 500)
        self.assertIn("InvalidLoginFault", text)

    def test_without_a_session_calls_are_not_authenticated_but_retrieve_answers_a_missing_set(self):
        soap = Soap(self.server)
        self.addCleanup(soap.close)
        status, text = soap.post("CreateContainerView", "ViewManager")
        self.assertEqual(status, 500)
        self.assertIn("NotAuthenticatedFault", text)
        vm = self.server.create("no-session")
        specs = (
            f'<specSet><propSet><type>VirtualMachine</type><pathSet>name</pathSet></propSet><objectSet>'
            f'<obj type="VirtualMachine">{vm["moref"]}</obj></objectSet></specSet><options/>'
        )
        status, text = soap.post("RetrievePropertiesEx", "propertyCollector", specs, kind="PropertyCollector")
        self.assertEqual(status, 200)
        self.assertIn("missingSet", text)
        self.assertIn("NotAuthenticated", text)
        self.assertNotIn("no-session", text)
        self.server.control("settings", {"retrieve_without_session": "fault"})
        status, text = soap.post("RetrievePropertiesEx", "propertyCollector", specs, kind="PropertyCollector")
        self.server.control("settings", {"retrieve_without_session": "missing_set"})
        self.assertEqual(status, 500)
        self.assertIn("NotAuthenticatedFault", text)

    def test_expired_sessions_lose_their_views_and_waits(self):
        si = self.server.login("CORP\\alice", "alice")
        content = si.RetrieveContent()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        self.server.control("sessions/expire", {"user": "CORP\\alice"})
        with self.assertRaises(vim.fault.NotAuthenticated):
            content.sessionManager.SessionIsActive("x", "y")
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            view.view  # noqa: B018 a property read on a dead session's own view
        self.assertNotIn("CORP\\alice", [s["user"] for s in self.server.control("sessions")])

    def test_terminate_session_ends_another_session(self):
        si = self.session("CORP\\alice", "alice")
        key = si.content.sessionManager.currentSession.key
        self.content.sessionManager.TerminateSession([key])
        with self.assertRaises(vim.fault.NotAuthenticated):
            si.content.viewManager.CreateContainerView(self.content.rootFolder, [], True)
        with self.assertRaises(vim.fault.NotFound):
            self.content.sessionManager.TerminateSession([key])

    def test_versions_are_announced(self):
        soap = self.soap()
        soap.connection.request("GET", "/sdk/vimServiceVersions.xml")
        text = soap.connection.getresponse().read().decode()
        self.assertIn("<name>urn:vim25</name>", text)
        self.assertIn("<version>7.0.3.0</version>", text)
        self.assertIn("<version>6.5</version>", text)

    def test_the_clock_can_be_off(self):
        before = self.si.CurrentTime()
        self.server.control("clock", {"offset_ms": 3600000})
        self.addCleanup(self.server.control, "clock", {"offset_ms": 0})
        self.assertGreater((self.si.CurrentTime() - before).total_seconds(), 3500)

    def test_calls_are_counted(self):
        self.server.control("calls", {"clear": True})
        self.si.CurrentTime()
        self.si.CurrentTime()
        self.assertEqual(self.server.control("calls")["CurrentTime"], 2)


class Rights(Case):
    def allowed(self, user, vm, *privileges):
        answer = self.content.authorizationManager.HasUserPrivilegeOnEntities([vm], user, list(privileges))
        return [one.isGranted for one in answer[0].privAvailability]

    def test_mutating_calls_need_their_privilege(self):
        vm = self.vm("guarded", folder="Prod/Web")
        alice = self.session("CORP\\alice", "alice")
        seen = vim.VirtualMachine(vm._moId, alice._stub)
        self.assertEqual(seen.name, "guarded")
        with self.assertRaises(vim.fault.NoPermission) as denied:
            seen.PowerOffVM_Task()
        self.assertEqual(denied.exception.privilegeId, OFF)
        self.assertEqual(denied.exception.object._moId, vm._moId)
        self.assertEqual(self.server.control("find", {"vm": "guarded"})["power"], "on")
        refused = self.server.ledger(method="PowerOffVM_Task", entity=vm._moId)
        self.assertEqual([r["phase"] for r in refused], ["received", "executed", "answered"])
        self.assertEqual(refused[1]["fault"], "NoPermission")

    def test_groups_folders_and_propagation_decide(self):
        inside, outside = self.vm("in-prod", folder="Prod/Web"), self.vm("elsewhere", folder="Lab")
        self.assertEqual(self.allowed("CORP\\bob", inside, OFF, DELETE), [True, True])
        self.assertEqual(self.allowed("corp\\BOB", inside, OFF), [True])
        self.assertEqual(self.allowed("CORP\\bob", outside, OFF, DELETE), [False, False])
        self.assertEqual(self.allowed("CORP\\nobody", inside, OFF), [False])
        self.assertEqual(self.allowed("svc-decom@vsphere.local", outside, OFF, DELETE), [True, True])

    def test_the_nearest_entry_decides_and_a_user_beats_a_group(self):
        vm = self.vm("nearest", folder="Prod/Web")
        self.server.control("permissions/set", {"on": "nearest", "principal": "CORP\\Decom Operators", "group": True, "role": "ReadOnly"})
        self.assertEqual(self.allowed("CORP\\bob", vm, OFF), [False])
        self.server.control("permissions/set", {"on": "nearest", "principal": "CORP\\bob", "role": "PowerOnly"})
        self.assertEqual(self.allowed("CORP\\bob", vm, OFF, DELETE), [True, False])
        self.server.control("permissions/del", {"on": "nearest", "principal": "CORP\\bob"})
        self.server.control("permissions/del", {"on": "nearest", "principal": "CORP\\Decom Operators", "group": True})
        self.assertEqual(self.allowed("CORP\\bob", vm, OFF, DELETE), [True, True])

    def test_an_entry_that_does_not_propagate_stays_on_its_object(self):
        vm = self.vm("below", folder="Shallow")
        self.server.control("permissions/set", {"on": "/Shallow", "principal": "CORP\\alice", "role": "Decom", "propagate": False})
        self.assertEqual(self.allowed("CORP\\alice", vm, OFF), [False])
        folder = vm.parent
        self.assertEqual(self.allowed("CORP\\alice", folder, OFF), [True])

    def test_roles_change_while_it_runs(self):
        vm = self.vm("changing", folder="Prod/Web", acl=[{"principal": "CORP\\alice", "role": "PowerOnly"}])
        self.assertEqual(self.allowed("CORP\\alice", vm, OFF), [True])
        self.server.control("roles", {"PowerOnly": []})
        self.assertEqual(self.allowed("CORP\\alice", vm, OFF), [False])
        self.server.control("roles", {"PowerOnly": [OFF]})

    def test_has_privilege_on_entities_asks_for_a_session(self):
        vm = self.vm("mine", folder="Prod/Web")
        bob = self.session("CORP\\bob", "bob")
        key = bob.content.sessionManager.currentSession.key
        answer = bob.content.authorizationManager.HasPrivilegeOnEntities([vm], key, [OFF, "VirtualMachine.Config.Rename"])
        self.assertEqual([one.isGranted for one in answer[0].privAvailability], [True, False])

    def test_an_old_server_has_permissions_and_roles_only(self):
        vm = self.vm("old-server", folder="Prod/Web")
        self.server.control("settings", {"user_privileges": False})
        self.addCleanup(self.server.control, "settings", {"user_privileges": True})
        with self.assertRaises(vmodl.fault.InvalidRequest):
            self.allowed("CORP\\bob", vm, OFF)
        manager = self.content.authorizationManager
        permissions = manager.RetrieveEntityPermissions(vm, True)
        roles = {role.roleId: role for role in manager.roleList}
        found = [p for p in permissions if p.principal == "CORP\\Decom Operators"]
        self.assertTrue(found[0].group)
        self.assertIn(DELETE, roles[found[0].roleId].privilege)

    def test_a_role_and_a_permission_can_be_made_over_the_api(self):
        vm = self.vm("granted", folder="Lab")
        manager = self.content.authorizationManager
        role = manager.AddAuthorizationRole("Made here", [OFF])
        manager.SetEntityPermissions(vm, [vim.AuthorizationManager.Permission(principal="CORP\\alice", group=False, roleId=role, propagate=True)])
        self.assertEqual(self.allowed("CORP\\alice", vm, OFF, DELETE), [True, False])
        manager.RemoveEntityPermission(vm, "CORP\\alice", False)
        self.assertEqual(self.allowed("CORP\\alice", vm, OFF), [False])

    def test_a_hidden_machine_is_not_found_while_its_folder_is_readable(self):
        vm = self.vm("hidden", folder="Hide")
        bob = self.session("CORP\\alice", "alice")
        seen = vim.VirtualMachine(vm._moId, bob._stub)
        folder = vim.Folder(vm.parent._moId, bob._stub)
        self.assertEqual(len(folder.childEntity), 1)
        self.server.control("hide", {"vm": "hidden", "user": "CORP\\alice"})
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            seen.name  # noqa: B018
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            seen.PowerOffVM_Task()
        self.assertEqual((folder.name, list(folder.childEntity)), ("Hide", []))
        self.assertIsNone(bob.content.searchIndex.FindByUuid(None, self.made["instance_uuid"], True, True))
        self.assertEqual(vm.name, "hidden")
        self.server.control("settings", {"unreadable": "no_permission"})
        with self.assertRaises(vim.fault.NoPermission):
            seen.PowerOffVM_Task()
        self.server.control("settings", {"unreadable": "not_found"})
        self.server.control("unhide", {"vm": "hidden", "user": "CORP\\alice"})
        self.assertEqual(seen.name, "hidden")

    def test_a_machine_without_a_read_right_is_hidden_too(self):
        vm = self.vm("no-access")
        alice = self.session("CORP\\alice", "alice")
        self.server.control("permissions/set", {"on": "no-access", "principal": "CORP\\alice", "role": "NoAccess"})
        with self.assertRaises(vmodl.fault.ManagedObjectNotFound):
            vim.VirtualMachine(vm._moId, alice._stub).name  # noqa: B018

    def test_the_default_user_is_an_administrator(self):
        server = VCenter()
        self.addCleanup(server.close)
        si = server.login("administrator@vsphere.local", "VMware1!")
        self.assertEqual(si.content.about.instanceUuid, server.ready["instance_uuid"])
