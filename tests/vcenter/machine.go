package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// guestFacts is what the tools report while they run.
type guestFacts struct {
	IPs        []string
	HostName   string
	Tools      string
	GuestID    string
	ShutdownMs *int
}

var powerStates = map[string]types.VirtualMachinePowerState{"on": types.VirtualMachinePowerStatePoweredOn,
	"off": types.VirtualMachinePowerStatePoweredOff, "suspended": types.VirtualMachinePowerStateSuspended}

func powerName(state types.VirtualMachinePowerState) string {
	for name, s := range powerStates {
		if s == state {
			return name
		}
	}
	return string(state)
}

// factsOf answers an empty report for a machine that a client created.
func (v *vcenter) factsOf(r ref) *guestFacts {
	f := v.facts[r]
	if f == nil {
		f = &guestFacts{Tools: toolsNotInstalled}
	}
	return f
}

// addMachine puts a machine into the inventory. It builds the object itself:
// the library's CreateVM makes files and takes a millisecond. Callers hold mu.
func (v *vcenter) addMachine(m machineSpec) (ref, error) {
	m.defaults()
	if err := m.check(); err != nil {
		return ref{}, err
	}
	place, err := v.placeFor(m.Cluster)
	if err != nil {
		return ref{}, err
	}
	parent, err := v.folder(m.Folder)
	if err != nil {
		return ref{}, err
	}
	if m.InstanceUUID == "" {
		m.InstanceUUID = v.identity.uuid()
	}
	if m.BiosUUID == "" {
		m.BiosUUID = v.identity.uuid()
	}
	vm := &simulator.VirtualMachine{}
	if m.MoRef != "" {
		vm.Self = ref{Type: "VirtualMachine", Value: m.MoRef}
		if exists(vm.Self) {
			return ref{}, fmt.Errorf("%s exists already", m.MoRef)
		}
	}
	if err := v.describeMachine(vm, &m, place); err != nil {
		return ref{}, err
	}
	self := v.attach(vm, parent, place)
	v.facts[self] = &guestFacts{IPs: m.IPs, HostName: m.HostName, Tools: m.Tools, GuestID: m.ToolsGuest, ShutdownMs: m.ShutdownMs}
	v.setPower(vm, powerStates[m.Power])
	if booted, err := time.Parse(time.RFC3339, m.Booted); err == nil && m.Power == "on" {
		vm.Runtime.BootTime, vm.Summary.Runtime.BootTime = &booted, &booted
	}
	for _, name := range sortedKeys(m.Attributes) {
		v.setAttribute(self, v.attributeKey(name), m.Attributes[name])
	}
	for _, t := range m.Tags {
		if err := v.tags.attachByName(t, self); err != nil {
			return ref{}, err
		}
	}
	for _, s := range m.Snapshots {
		v.addSnapshot(vm, nil, s)
	}
	for _, p := range m.ACL {
		p.On = self.Value
		if err := v.permit(p); err != nil {
			return ref{}, err
		}
	}
	v.changes.mark(self)
	return self, nil
}

// describeMachine fills in what does not depend on the machine's number.
func (v *vcenter) describeMachine(vm *simulator.VirtualMachine, m *machineSpec, at *place) error {
	created := v.now().Add(-24 * time.Hour)
	if m.Created != "" {
		var err error
		if created, err = time.Parse(time.RFC3339, m.Created); err != nil {
			return fmt.Errorf("%s: created: %w", m.Name, err)
		}
	}
	dir := fmt.Sprintf("[%s] %s", at.datastoreName, strings.ReplaceAll(m.Name, "/", "%2f"))
	files := types.VirtualMachineFileInfo{VmPathName: dir + "/" + m.Name + ".vmx", SnapshotDirectory: dir, SuspendDirectory: dir, LogDirectory: dir}
	resources := types.DefaultResourceConfigSpec()
	vm.Name = m.Name
	vm.Config = &types.VirtualMachineConfigInfo{ChangeVersion: created.Format("2006-01-02T15:04:05.000000Z"), Modified: created, Name: m.Name,
		GuestId: m.GuestID, GuestFullName: m.GuestName, Version: esx.HardwareVersion, Uuid: m.BiosUUID, InstanceUuid: m.InstanceUUID,
		CreateDate: &created, Template: m.Template, Annotation: m.Annotation, Files: files, Tools: &types.ToolsConfigInfo{},
		MemoryAllocation: &resources.MemoryAllocation, CpuAllocation: &resources.CpuAllocation, Firmware: "bios",
		BootOptions:        &types.VirtualMachineBootOptions{},
		LatencySensitivity: &types.LatencySensitivity{Level: types.LatencySensitivitySensitivityLevelNormal}}
	vm.Config.Hardware = types.VirtualHardware{NumCPU: int32(m.CPUs), NumCoresPerSocket: 1, MemoryMB: int32(m.MemoryMB)}
	if m.ManagedBy != nil {
		vm.Config.ManagedBy = &types.ManagedByInfo{ExtensionKey: m.ManagedBy.Extension, Type: m.ManagedBy.Type}
	}
	devices, disks, err := v.devices(m, dir, at)
	if err != nil {
		return err
	}
	vm.Config.Hardware.Device = devices
	vm.Guest = &types.GuestInfo{}
	vm.Layout, vm.LayoutEx = &types.VirtualMachineFileLayout{}, &types.VirtualMachineFileLayoutEx{Timestamp: created}
	vm.LayoutEx.File = []types.VirtualMachineFileLayoutExFileInfo{{Key: 0, Name: files.VmPathName, Type: "config", Size: 4096, UniqueSize: 4096}}
	vm.Storage = &types.VirtualMachineStorageInfo{Timestamp: created, PerDatastoreUsage: []types.VirtualMachineUsageOnDatastore{
		{Datastore: at.datastore, Committed: disks << 29, Uncommitted: disks << 29, Unshared: disks << 29}}}
	vm.Runtime = types.VirtualMachineRuntimeInfo{ConnectionState: types.VirtualMachineConnectionStateConnected, Host: &at.host}
	vm.ResourcePool = &at.pool
	if m.Template {
		vm.ResourcePool = nil
	}
	vm.Datastore, vm.Network = datastoresOf(m, at), []ref{at.network}
	vm.Summary.Config = types.VirtualMachineConfigSummary{Name: m.Name, Template: m.Template, VmPathName: files.VmPathName,
		MemorySizeMB: int32(m.MemoryMB), NumCpu: int32(m.CPUs), NumEthernetCards: 1, NumVirtualDisks: int32(len(m.Disks)), Uuid: m.BiosUUID,
		InstanceUuid: m.InstanceUUID, GuestId: m.GuestID, GuestFullName: m.GuestName, Annotation: m.Annotation, ManagedBy: vm.Config.ManagedBy}
	vm.Summary.Runtime, vm.Summary.Guest = vm.Runtime, &types.VirtualMachineGuestSummary{}
	vm.Summary.Storage = &types.VirtualMachineStorageSummary{Committed: disks << 29, Uncommitted: disks << 29, Unshared: disks << 29, Timestamp: created}
	vm.Summary.OverallStatus, vm.Summary.QuickStats.GuestHeartbeatStatus = types.ManagedEntityStatusGreen, types.ManagedEntityStatusGray
	return nil
}

// datastoresOf lists the machine's own datastore and those that hold a file of its disks or of their parents.
func datastoresOf(m *machineSpec, at *place) []ref {
	list := []ref{at.datastore}
	for _, d := range m.Disks {
		for _, file := range append([]string{d.File}, d.Parents...) {
			for _, e := range sorted("Datastore") {
				r := e.Reference()
				if strings.HasPrefix(file, "["+entityName(r)+"]") && !contains(list, r) {
					list = append(list, r)
				}
			}
		}
	}
	return list
}

func contains(list []ref, r ref) bool {
	for _, have := range list {
		if have == r {
			return true
		}
	}
	return false
}

// attach numbers the machine and hangs it into the tree.
func (v *vcenter) attach(vm *simulator.VirtualMachine, parent *simulator.Folder, at *place) ref {
	if vm.Self.Value == "" {
		simulator.Map.NewEntity(vm)
	}
	simulator.Map.PutEntity(&parent.Folder, vm)
	self := vm.Self
	vm.Summary.Vm = &self
	vm.EnvironmentBrowser = at.browser
	parent.ChildEntity = append(parent.ChildEntity, self)
	if host, ok := simulator.Map.Get(at.host).(*simulator.HostSystem); ok {
		host.Vm = append(host.Vm, self)
	}
	if pool, ok := simulator.Map.Get(at.pool).(*simulator.ResourcePool); ok && !vm.Config.Template {
		pool.Vm = append(pool.Vm, self)
	}
	for _, r := range vm.Datastore {
		if ds, ok := simulator.Map.Get(r).(*simulator.Datastore); ok {
			ds.Vm = append(ds.Vm, self)
		}
	}
	v.changes.mark(self, parent.Self)
	return self
}

func (v *vcenter) addSnapshot(vm *simulator.VirtualMachine, parent *types.VirtualMachineSnapshotTree, s snapshotSpec) {
	object := &simulator.VirtualMachineSnapshot{VirtualMachineSnapshot: mo.VirtualMachineSnapshot{Vm: vm.Self, Config: *vm.Config}}
	simulator.Map.Put(object)
	if vm.Snapshot == nil {
		vm.Snapshot = &types.VirtualMachineSnapshotInfo{}
	}
	self := object.Self
	vm.RootSnapshot = append(vm.RootSnapshot, self)
	node := types.VirtualMachineSnapshotTree{Snapshot: self, Vm: vm.Self, Name: s.Name, Description: s.Description,
		Id: int32(len(vm.RootSnapshot)), CreateTime: v.now(), State: vm.Runtime.PowerState, ReplaySupported: types.NewBool(false)}
	for _, child := range s.Children {
		v.addSnapshot(vm, &node, child)
	}
	if parent != nil {
		parent.ChildSnapshotList = append(parent.ChildSnapshotList, node)
		return
	}
	vm.Snapshot.RootSnapshotList = append(vm.Snapshot.RootSnapshotList, node)
	vm.Snapshot.CurrentSnapshot = &self
}
