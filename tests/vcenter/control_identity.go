package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// Machines that go, come back, or become others, behind everybody's back.

// takeOut removes a machine behind everybody's back, on or off.
func (v *vcenter) takeOut(vm *simulator.VirtualMachine) error {
	vm.Runtime.PowerState = types.VirtualMachinePowerStatePoweredOff
	ctx := &simulator.Context{Map: simulator.Map, Session: &simulator.Session{UserSession: types.UserSession{UserName: "control"}, Registry: simulator.NewRegistry()}}
	if f := v.removeMachine(vm.Self, ctx); f != nil {
		return fmt.Errorf("cannot remove %s: %s", vm.Self.Value, f.name())
	}
	return nil
}

func (v *vcenter) takenOut(body []byte) (machineSpec, error) {
	var q byVM
	if err := parse(body, &q); err != nil {
		return machineSpec{}, err
	}
	vm, err := v.findMachine(q.VM)
	if err != nil {
		return machineSpec{}, err
	}
	was := v.describe(vm)
	return was, v.takeOut(vm)
}

// controlSwap puts another machine in the place of one: same name and folder, new number, new identity.
func controlSwap(v *vcenter, body []byte) (interface{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	was, err := v.takenOut(body)
	if err != nil {
		return nil, err
	}
	was.MoRef, was.InstanceUUID, was.BiosUUID = "", "", ""
	return v.created(was)
}

// controlReidentify keeps the number and changes who the machine is.
func controlReidentify(v *vcenter, body []byte) (interface{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var q byVM
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	vm, err := v.findMachine(q.VM)
	if err != nil {
		return nil, err
	}
	vm.Config.InstanceUuid, vm.Config.Uuid = v.identity.uuid(), v.identity.uuid()
	vm.Summary.Config.InstanceUuid, vm.Summary.Config.Uuid = vm.Config.InstanceUuid, vm.Config.Uuid
	v.changes.mark(vm.Self)
	return v.describe(vm), nil
}

func controlUnregister(v *vcenter, body []byte) (interface{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.takenOut(body)
}

// controlDestroy is somebody else's Destroy_Task: the machine goes, and the history says how.
func controlDestroy(v *vcenter, body []byte) (interface{}, error) {
	q := struct {
		VM   string `json:"vm"`
		User string `json:"user"`
	}{User: "somebody.else@vsphere.local"}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	vm, err := v.findMachine(q.VM)
	if err != nil {
		return nil, err
	}
	was := v.describe(vm)
	c := &call{method: "Destroy_Task", this: vm.Self, name: vm.Name, session: &session{UserSession: types.UserSession{UserName: q.User}}}
	t := v.newTask(c, false)
	v.startTask(t)
	err = v.takeOut(vm)
	v.finishTask(t, taskOutcome{})
	return was, err
}

// controlExport removes a machine and answers what vm/import of another vCenter takes.
func controlExport(v *vcenter, body []byte) (interface{}, error) {
	return controlUnregister(v, body)
}
