package main

// handler answers our own implementation of a method, or nil where the library's is used.
func (v *vcenter) handler(c *call) func(*call) interface{} {
	if h, ok := v.byType[c.this.Type+"."+c.method]; ok {
		return h
	}
	return v.byMethod[c.method]
}

// methodHandlers holds what is ours for whatever object it is called on.
func (v *vcenter) methodHandlers() map[string]func(*call) interface{} {
	return map[string]func(*call) interface{}{
		"Login":            v.login,
		"Logout":           v.logout,
		"TerminateSession": v.terminateSession,
		"SessionIsActive":  v.sessionIsActive,
		"CurrentTime":      v.currentTime,

		"RetrievePropertiesEx":         v.retrievePropertiesEx,
		"RetrieveProperties":           v.retrieveProperties,
		"ContinueRetrievePropertiesEx": v.continueRetrieve,
		"CancelRetrievePropertiesEx":   v.cancelRetrieve,
		"CreatePropertyCollector":      v.createPropertyCollector,
		"DestroyPropertyCollector":     v.destroyPropertyCollector,
		"CreateFilter":                 v.createFilter,
		"DestroyPropertyFilter":        v.destroyFilter,
		"WaitForUpdatesEx":             v.waitForUpdatesEx,
		"WaitForUpdates":               v.waitForUpdates,
		"CheckForUpdates":              v.checkForUpdates,
		"CancelWaitForUpdates":         v.cancelWait,
		"CreateContainerView":          v.createContainerView,
		"CreateListView":               v.createListView,
		"ModifyListView":               v.modifyListView,
		"ResetListView":                v.resetListView,
		"DestroyView":                  v.destroyView,

		"CreateCollectorForTasks": v.createTaskCollector,
		"CancelTask":              v.cancelTask,

		"FindByUuid":       v.reading(v.findByUUID),
		"FindAllByUuid":    v.reading(v.findAllByUUID),
		"FindByIp":         v.reading(v.findByIP),
		"FindAllByIp":      v.reading(v.findAllByIP),
		"FindByDnsName":    v.reading(v.findByDNSName),
		"FindAllByDnsName": v.reading(v.findAllByDNSName),

		"SetField":       v.writing(v.setField),
		"SetCustomValue": v.writing(v.setCustomValue),
		"Destroy_Task":   v.destroy,
		"Rename_Task":    v.rename,

		"MoveIntoFolder_Task": v.move,
	}
}

// typeHandlers holds what is ours for one type of object only.
func (v *vcenter) typeHandlers() map[string]func(*call) interface{} {
	const vm, auth, history = "VirtualMachine.", "AuthorizationManager.", "TaskHistoryCollector."
	return map[string]func(*call) interface{}{
		vm + "PowerOnVM_Task":                 v.powerOn,
		vm + "PowerOffVM_Task":                v.powerOff,
		vm + "ResetVM_Task":                   v.reset,
		vm + "SuspendVM_Task":                 v.suspend,
		vm + "ReconfigVM_Task":                v.reconfigure,
		vm + "ShutdownGuest":                  v.writing(v.shutdownGuest),
		vm + "StandbyGuest":                   v.writing(v.standbyGuest),
		vm + "RebootGuest":                    v.writing(v.rebootGuest),
		vm + "UnregisterVM":                   v.writing(v.unregister),
		auth + "HasPrivilegeOnEntities":       v.reading(v.hasPrivilegeOnEntities),
		auth + "HasPrivilegeOnEntity":         v.reading(v.hasPrivilegeOnEntity),
		auth + "HasUserPrivilegeOnEntities":   v.reading(v.hasUserPrivilegeOnEntities),
		auth + "FetchUserPrivilegeOnEntities": v.reading(v.fetchUserPrivilegeOnEntities),
		auth + "RetrieveEntityPermissions":    v.reading(v.retrieveEntityPermissions),
		auth + "RetrieveAllPermissions":       v.reading(v.retrieveAllPermissions),
		auth + "RetrieveRolePermissions":      v.reading(v.retrieveRolePermissions),
		auth + "SetEntityPermissions":         v.writing(v.setEntityPermissions),
		auth + "RemoveEntityPermission":       v.writing(v.removeEntityPermission),
		auth + "AddAuthorizationRole":         v.writing(v.addAuthorizationRole),
		auth + "UpdateAuthorizationRole":      v.writing(v.updateAuthorizationRole),
		auth + "RemoveAuthorizationRole":      v.writing(v.removeAuthorizationRole),
		history + "ReadNextTasks":             v.readNextTasks,
		history + "ReadPreviousTasks":         v.readPreviousTasks,
		history + "ResetCollector":            v.resetTaskCollector,
		history + "RewindCollector":           v.rewindTaskCollector,
		history + "SetCollectorPageSize":      v.setTaskCollectorPageSize,
		history + "DestroyCollector":          v.destroyTaskCollector,
	}
}
