package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// destroy removes a machine from the inventory. The library would also walk its
// disks on the way, and panics at raw mappings.
func (v *vcenter) destroy(c *call) interface{} {
	switch c.this.Type {
	case "VirtualMachine":
	case "Folder":
		return v.runTask(c, func() taskOutcome { return v.destroyFolder(c) })
	default:
		return v.runTask(c, func() taskOutcome { return v.libraryTask(c) })
	}
	return v.runTask(c, func() taskOutcome {
		if f := v.removeMachine(c.this, v.libraryContext(c)); f != nil {
			return taskOutcome{failure: f.detail}
		}
		return taskOutcome{}
	})
}

// destroyFolder destroys what is in it first, as a vCenter does; the library leaves machines without a parent.
func (v *vcenter) destroyFolder(c *call) taskOutcome {
	machines := v.machinesBelow(c.this)
	for _, r := range machines {
		if state := virtualMachine(r).Runtime.PowerState; state == types.VirtualMachinePowerStatePoweredOn {
			return taskOutcome{failure: powerFault(virtualMachine(r)).detail}
		}
	}
	for _, r := range machines {
		if f := v.removeMachine(r, v.libraryContext(c)); f != nil {
			return taskOutcome{failure: f.detail}
		}
	}
	return v.libraryTask(c)
}

// machinesBelow lists the machines of a folder and of all folders in it. Callers hold mu.
func (v *vcenter) machinesBelow(r ref) []ref {
	var found []ref
	for _, child := range append([]ref{}, children(r)...) {
		if child.Type == "VirtualMachine" {
			found = append(found, child)
		} else if child.Type == "Folder" {
			found = append(found, v.machinesBelow(child)...)
		}
	}
	return found
}

// move tells filters about the machines of a folder that moves.
func (v *vcenter) move(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		o := v.libraryTask(c)
		for _, r := range c.body.(*types.MoveIntoFolder_Task).List {
			v.changes.mark(v.machinesBelow(r)...)
		}
		return o
	})
}

func (v *vcenter) unregister(c *call) interface{} {
	if f := v.removeMachine(c.this, v.libraryContext(c)); f != nil {
		return f
	}
	return &types.UnregisterVMResponse{}
}

// removeMachine takes a machine that is off out of the inventory. Callers hold mu.
func (v *vcenter) removeMachine(r ref, ctx *simulator.Context) *fault {
	var body soap.HasFault = virtualMachine(r).UnregisterVM(ctx, &types.UnregisterVM{This: r})
	if f, ok := fromLibrary(body).(*fault); ok {
		return f
	}
	delete(v.facts, r)
	v.rights.forget(r)
	v.tags.forget(r)
	v.changes.mark(r)
	return nil
}

func (v *vcenter) rename(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		return taskOutcome{failure: v.renameEntity(c.this, c.body.(*types.Rename_Task).NewName)}
	})
}

// renameEntity refuses a name that a sibling has. Callers hold mu.
func (v *vcenter) renameEntity(r ref, name string) types.BaseMethodFault {
	if name == "" {
		return &types.InvalidName{Name: name}
	}
	e := entity(r)
	if e.Parent != nil {
		if folder, ok := simulator.Map.Get(*e.Parent).(*simulator.Folder); ok {
			if other := simulator.Map.FindByName(name, folder.ChildEntity); other != nil && other.Reference() != r {
				return &types.DuplicateName{Name: name, Object: other.Reference()}
			}
		}
	}
	setName(r, name)
	v.changes.mark(r)
	return nil
}

func setName(r ref, name string) {
	entity(r).Name = name
	if vm := virtualMachine(r); vm != nil {
		vm.Config.Name, vm.Summary.Config.Name = name, name
	}
}

// reconfigure lets the library apply the change, and keeps from it the disks that it panics at: all but flat ones.
func (v *vcenter) reconfigure(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		vm := virtualMachine(c.this)
		spec := c.body.(*types.ReconfigVM_Task).Spec
		if spec.Name != "" && spec.Name != vm.Name {
			if f := v.renameEntity(c.this, spec.Name); f != nil {
				return taskOutcome{failure: f}
			}
		}
		special := takeSpecialDisks(vm)
		o := v.libraryTask(c)
		if o.failure == nil && o.refused == nil {
			special = withoutRemoved(special, spec.DeviceChange)
			vm.Summary.Config.Annotation = vm.Config.Annotation
			vm.Summary.Config.ManagedBy = vm.Config.ManagedBy
			vm.Config.ChangeVersion = v.now().Format("2006-01-02T15:04:05.000000Z")
		}
		vm.Config.Hardware.Device = append(vm.Config.Hardware.Device, special...)
		return o
	})
}

func isSpecialDisk(d types.BaseVirtualDevice) bool {
	_, disk := d.(*types.VirtualDisk)
	_, flat := d.GetVirtualDevice().Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	return disk && !flat
}

func takeSpecialDisks(vm *simulator.VirtualMachine) []types.BaseVirtualDevice {
	var special, rest []types.BaseVirtualDevice
	for _, d := range vm.Config.Hardware.Device {
		if isSpecialDisk(d) {
			special = append(special, d)
		} else {
			rest = append(rest, d)
		}
	}
	vm.Config.Hardware.Device = rest
	return special
}

func withoutRemoved(devices []types.BaseVirtualDevice, changes []types.BaseVirtualDeviceConfigSpec) []types.BaseVirtualDevice {
	var kept []types.BaseVirtualDevice
	for _, d := range devices {
		removed := false
		for _, change := range changes {
			spec := change.GetVirtualDeviceConfigSpec()
			removed = removed || spec.Operation == types.VirtualDeviceConfigSpecOperationRemove &&
				spec.Device.GetVirtualDevice().Key == d.GetVirtualDevice().Key
		}
		if !removed {
			kept = append(kept, d)
		}
	}
	return kept
}

// setField replaces the value of a custom attribute; the library appends a second one.
func (v *vcenter) setField(c *call) interface{} {
	q := c.body.(*types.SetField)
	if entity(q.Entity) == nil || !v.rights.visible(c.session.user(), q.Entity) {
		return faultOf(&types.ManagedObjectNotFound{Obj: q.Entity})
	}
	if !v.setAttribute(q.Entity, q.Key, q.Value) {
		return faultOf(&types.InvalidArgument{InvalidProperty: "key"})
	}
	return &types.SetFieldResponse{}
}

func (v *vcenter) setCustomValue(c *call) interface{} {
	q := c.body.(*types.SetCustomValue)
	v.setAttribute(c.this, v.attributeKey(q.Key), q.Value)
	return &types.SetCustomValueResponse{}
}

func (v *vcenter) fields() *simulator.CustomFieldsManager { return simulator.Map.CustomFieldsManager() }

// attributeKey finds a custom attribute by its name and makes it where there is none. Callers hold mu.
func (v *vcenter) attributeKey(name string) int32 {
	m := v.fields()
	for _, f := range m.Field {
		if f.Name == name {
			return f.Key
		}
	}
	key := int32(100)
	for _, f := range m.Field {
		if f.Key >= key {
			key = f.Key + 1
		}
	}
	m.Field = append(m.Field, types.CustomFieldDef{Key: key, Name: name, Type: "string", ManagedObjectType: "VirtualMachine"})
	v.changes.mark(m.Self)
	return key
}

func (v *vcenter) attributeName(key int32) string {
	for _, f := range v.fields().Field {
		if f.Key == key {
			return f.Name
		}
	}
	return ""
}

// setAttribute is false for a key that is not defined. Callers hold mu.
func (v *vcenter) setAttribute(r ref, key int32, value string) bool {
	if v.attributeName(key) == "" {
		return false
	}
	e := entity(r)
	var values []types.BaseCustomFieldValue
	for _, old := range e.CustomValue {
		if old.GetCustomFieldValue().Key != key {
			values = append(values, old)
		}
	}
	if value != "" {
		values = append(values, &types.CustomFieldStringValue{CustomFieldValue: types.CustomFieldValue{Key: key}, Value: value})
	}
	e.CustomValue, e.Value = values, values
	v.changes.mark(r)
	return true
}

func (v *vcenter) currentTime(*call) interface{} {
	return &types.CurrentTimeResponse{Returnval: v.now()}
}
