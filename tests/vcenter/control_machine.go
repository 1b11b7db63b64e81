package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

type byVM struct {
	VM string `json:"vm"`
}

func (v *vcenter) findMachine(name string) (*simulator.VirtualMachine, error) {
	r, err := v.find(name)
	if err != nil {
		return nil, err
	}
	if vm := virtualMachine(r); vm != nil {
		return vm, nil
	}
	return nil, fmt.Errorf("%s is not a machine", name)
}

// controlInventory is the independent witness: what there is, whatever anybody may see.
func controlInventory(v *vcenter, _ []byte) (interface{}, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	all := []machineSpec{}
	for _, e := range sorted("VirtualMachine") {
		all = append(all, v.describe(e.(*simulator.VirtualMachine)))
	}
	return map[string]interface{}{"instance_uuid": v.content.About.InstanceUuid, "vms": all}, nil
}

func controlFind(v *vcenter, body []byte) (interface{}, error) {
	var q byVM
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	vm, err := v.findMachine(q.VM)
	if err != nil {
		return nil, err
	}
	return v.describe(vm), nil
}

func controlCreate(v *vcenter, body []byte) (interface{}, error) {
	var m machineSpec
	if err := parse(body, &m); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.created(m)
}

// controlImport takes what vm/export of another vCenter answered; its number means nothing here.
func controlImport(v *vcenter, body []byte) (interface{}, error) {
	var m machineSpec
	if err := parse(body, &m); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	m.MoRef = ""
	return v.created(m)
}

func (v *vcenter) created(m machineSpec) (interface{}, error) {
	r, err := v.addMachine(m)
	if err != nil {
		return nil, err
	}
	return v.describe(virtualMachine(r)), nil
}

// machineChange sets what is named and leaves the rest.
type machineChange struct {
	VM         string            `json:"vm"`
	Annotation *string           `json:"annotation"`
	IPs        *[]string         `json:"ips"`
	HostName   *string           `json:"host_name"`
	Tools      *string           `json:"tools"`
	ToolsGuest *string           `json:"tools_guest_id"`
	GuestID    *string           `json:"guest_id"`
	Attributes map[string]string `json:"attributes"`
	Tags       *[]string         `json:"tags"`
	Template   *bool             `json:"template"`
	ManagedBy  *managedBySpec    `json:"managed_by"`
	ShutdownMs *int              `json:"shutdown_ms"`
	Folder     *string           `json:"folder"`
	Snapshot   *snapshotSpec     `json:"snapshot"`
	Disks      *[]diskSpec       `json:"disks"`
	Connection *string           `json:"connection"` // connected, disconnected, inaccessible, orphaned
}

func controlSet(v *vcenter, body []byte) (interface{}, error) {
	var q machineChange
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	vm, err := v.findMachine(q.VM)
	if err != nil {
		return nil, err
	}
	if err := v.change(vm, &q); err != nil {
		return nil, err
	}
	v.showGuest(vm)
	v.changes.mark(vm.Self)
	return v.describe(vm), nil
}

func (v *vcenter) change(vm *simulator.VirtualMachine, q *machineChange) error {
	f := v.factsOf(vm.Self)
	v.facts[vm.Self] = f
	if q.Annotation != nil {
		vm.Config.Annotation, vm.Summary.Config.Annotation = *q.Annotation, *q.Annotation
	}
	if q.IPs != nil {
		f.IPs = *q.IPs
	}
	if q.HostName != nil {
		f.HostName = *q.HostName
	}
	if q.Tools != nil {
		f.Tools = *q.Tools
	}
	if q.ToolsGuest != nil {
		f.GuestID = *q.ToolsGuest
	}
	if q.ShutdownMs != nil {
		f.ShutdownMs = q.ShutdownMs
	}
	if q.GuestID != nil {
		vm.Config.GuestId, vm.Summary.Config.GuestId = *q.GuestID, *q.GuestID
		vm.Config.GuestFullName, vm.Summary.Config.GuestFullName = guestNames[*q.GuestID], guestNames[*q.GuestID]
	}
	for name, value := range q.Attributes {
		v.setAttribute(vm.Self, v.attributeKey(name), value)
	}
	if q.Template != nil {
		vm.Config.Template, vm.Summary.Config.Template = *q.Template, *q.Template
	}
	if q.ManagedBy != nil {
		vm.Config.ManagedBy = &types.ManagedByInfo{ExtensionKey: q.ManagedBy.Extension, Type: q.ManagedBy.Type}
		if q.ManagedBy.Extension == "" {
			vm.Config.ManagedBy = nil
		}
		vm.Summary.Config.ManagedBy = vm.Config.ManagedBy
	}
	if q.Snapshot != nil {
		v.addSnapshot(vm, nil, *q.Snapshot)
	}
	if q.Connection != nil {
		vm.Runtime.ConnectionState = types.VirtualMachineConnectionState(*q.Connection)
		vm.Summary.Runtime.ConnectionState = vm.Runtime.ConnectionState
	}
	if q.Disks != nil {
		if err := v.changeDisks(vm, *q.Disks); err != nil {
			return err
		}
	}
	if q.Tags != nil {
		v.tags.forget(vm.Self)
		for _, t := range *q.Tags {
			if err := v.tags.attachByName(t, vm.Self); err != nil {
				return err
			}
		}
	}
	if q.Folder != nil {
		return v.moveTo(vm, *q.Folder)
	}
	return nil
}

func (v *vcenter) changeDisks(vm *simulator.VirtualMachine, disks []diskSpec) error {
	m := v.describe(vm)
	m.Disks = disks
	at, err := v.placeFor(m.Cluster)
	if err != nil {
		return err
	}
	devices, _, err := v.devices(&m, vm.Config.Files.LogDirectory, at)
	if err == nil {
		vm.Config.Hardware.Device = devices
		vm.Summary.Config.NumVirtualDisks = int32(len(disks))
	}
	return err
}

func (v *vcenter) moveTo(vm *simulator.VirtualMachine, path string) error {
	to, err := v.folder(path)
	if err != nil {
		return err
	}
	from := simulator.Map.Get(*vm.Parent).(*simulator.Folder)
	simulator.RemoveReference(&from.ChildEntity, vm.Self)
	to.ChildEntity = append(to.ChildEntity, vm.Self)
	parent := to.Self
	vm.Parent = &parent
	v.changes.mark(from.Self, to.Self)
	return nil
}

func controlRename(v *vcenter, body []byte) (interface{}, error) {
	var q struct {
		VM string `json:"vm"`
		To string `json:"to"`
	}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r, err := v.find(q.VM)
	if err != nil {
		return nil, err
	}
	setName(r, q.To)
	v.changes.mark(r)
	return nil, nil
}

func controlPower(v *vcenter, body []byte) (interface{}, error) {
	var q struct {
		VM    string `json:"vm"`
		Power string `json:"power"`
	}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	vm, err := v.findMachine(q.VM)
	if err != nil {
		return nil, err
	}
	state, ok := powerStates[q.Power]
	if !ok {
		return nil, fmt.Errorf("power %q is not on, off or suspended", q.Power)
	}
	v.setPower(vm, state)
	return nil, nil
}
