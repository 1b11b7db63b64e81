package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

type need struct {
	privilege string
	on        ref
}

// What a vCenter asks for on the target itself, by method.
// Source: "Required Privileges" in the vSphere Web Services API reference.
var targetPrivileges = map[string]string{
	"PowerOnVM_Task": "VirtualMachine.Interact.PowerOn", "PowerOffVM_Task": "VirtualMachine.Interact.PowerOff",
	"ShutdownGuest": "VirtualMachine.Interact.PowerOff", "ResetVM_Task": "VirtualMachine.Interact.Reset",
	"RebootGuest": "VirtualMachine.Interact.Reset", "SuspendVM_Task": "VirtualMachine.Interact.Suspend",
	"StandbyGuest": "VirtualMachine.Interact.Suspend", "UnregisterVM": "VirtualMachine.Inventory.Unregister",
	"MarkAsTemplate": "VirtualMachine.Provisioning.MarkAsTemplate", "MarkAsVirtualMachine": "VirtualMachine.Provisioning.MarkAsVM",
	"CreateSnapshot_Task": "VirtualMachine.State.CreateSnapshot", "RemoveAllSnapshots_Task": "VirtualMachine.State.RemoveSnapshot",
	"CloneVM_Task": "VirtualMachine.Provisioning.Clone", "RelocateVM_Task": "Resource.ColdMigrate",
	"CreateVM_Task": "VirtualMachine.Inventory.Create", "RegisterVM_Task": "VirtualMachine.Inventory.Register",
	"CreateFolder": "Folder.Create", "SetCustomValue": "Global.SetCustomField",
}

// What it asks for at the root folder.
var globalPrivileges = map[string]string{
	"AddCustomFieldDef": "Global.ManageCustomFields", "RemoveCustomFieldDef": "Global.ManageCustomFields",
	"AddAuthorizationRole": "Authorization.ModifyRoles", "UpdateAuthorizationRole": "Authorization.ModifyRoles",
	"RemoveAuthorizationRole": "Authorization.ModifyRoles",
}

// neededPrivileges lists what the caller must hold for a mutating call.
func neededPrivileges(c *call) []need {
	if p, ok := targetPrivileges[c.method]; ok {
		return []need{{p, c.this}}
	}
	root := simulator.Map.Get(types.ManagedObjectReference{Type: "ServiceInstance", Value: "ServiceInstance"}).(*simulator.ServiceInstance).Content.RootFolder
	if p, ok := globalPrivileges[c.method]; ok {
		return []need{{p, root}}
	}
	machine := c.this.Type == "VirtualMachine"
	switch q := c.body.(type) {
	case *types.Destroy_Task:
		if machine {
			return []need{{"VirtualMachine.Inventory.Delete", c.this}}
		}
		return []need{{c.this.Type + ".Delete", c.this}}
	case *types.Rename_Task:
		if machine {
			return []need{{"VirtualMachine.Config.Rename", c.this}}
		}
		return []need{{c.this.Type + ".Rename", c.this}}
	case *types.ReconfigVM_Task:
		return reconfigureNeeds(c.this, &q.Spec)
	case *types.MoveIntoFolder_Task:
		var list []need
		for _, r := range q.List {
			if r.Type == "VirtualMachine" {
				list = append(list, need{"VirtualMachine.Inventory.Move", r})
			} else {
				list = append(list, need{"Folder.Move", r})
			}
		}
		return list
	case *types.SetField:
		return []need{{"Global.SetCustomField", q.Entity}}
	case *types.SetEntityPermissions:
		return []need{{"Authorization.ModifyPermissions", q.Entity}}
	case *types.RemoveEntityPermission:
		return []need{{"Authorization.ModifyPermissions", q.Entity}}
	case *types.RemoveSnapshot_Task:
		if s, ok := simulator.Map.Get(c.this).(*simulator.VirtualMachineSnapshot); ok {
			return []need{{"VirtualMachine.State.RemoveSnapshot", s.Vm}}
		}
	}
	if !mutates(c.method) {
		return nil
	}
	return []need{{"Global.Settings", root}}
}

func reconfigureNeeds(on ref, spec *types.VirtualMachineConfigSpec) []need {
	var list []need
	add := func(wanted bool, privilege string) {
		if wanted {
			list = append(list, need{privilege, on})
		}
	}
	add(spec.Name != "", "VirtualMachine.Config.Rename")
	add(spec.Annotation != "", "VirtualMachine.Config.Annotation")
	add(spec.NumCPUs != 0, "VirtualMachine.Config.CPUCount")
	add(spec.MemoryMB != 0, "VirtualMachine.Config.Memory")
	add(spec.ManagedBy != nil, "VirtualMachine.Config.ManagedBy")
	add(len(spec.ExtraConfig) > 0, "VirtualMachine.Config.AdvancedConfig")
	for _, change := range spec.DeviceChange {
		_, disk := change.GetVirtualDeviceConfigSpec().Device.(*types.VirtualDisk)
		switch op := change.GetVirtualDeviceConfigSpec().Operation; {
		case !disk:
			add(true, "VirtualMachine.Config.EditDevice")
		case op == types.VirtualDeviceConfigSpecOperationRemove:
			add(true, "VirtualMachine.Config.RemoveDisk")
		default:
			add(true, "VirtualMachine.Config.AddNewDisk")
		}
	}
	if len(list) == 0 {
		add(true, "VirtualMachine.Config.Settings")
	}
	return list
}
