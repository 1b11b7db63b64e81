package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// describe is a machine as an inventory file would have it.
func (v *vcenter) describe(vm *simulator.VirtualMachine) machineSpec {
	f := v.factsOf(vm.Self)
	m := machineSpec{Name: vm.Name, Folder: v.pathOf(vm.Self), GuestID: vm.Config.GuestId, GuestName: vm.Config.GuestFullName, ToolsGuest: f.GuestID,
		IPs: f.IPs, HostName: f.HostName, Tools: f.Tools, Power: powerName(vm.Runtime.PowerState), Annotation: vm.Config.Annotation,
		Tags: v.tags.names(vm.Self), CPUs: int(vm.Config.Hardware.NumCPU), MemoryMB: int(vm.Config.Hardware.MemoryMB), Template: vm.Config.Template,
		ShutdownMs: f.ShutdownMs, InstanceUUID: vm.Config.InstanceUuid, BiosUUID: vm.Config.Uuid, MoRef: vm.Self.Value}
	if host, ok := simulator.Map.Get(*vm.Runtime.Host).(*simulator.HostSystem); ok {
		m.Cluster = entityName(*host.Parent)
	}
	for _, value := range vm.CustomValue {
		s := value.(*types.CustomFieldStringValue)
		if m.Attributes == nil {
			m.Attributes = make(map[string]string)
		}
		m.Attributes[v.attributeName(s.Key)] = s.Value
	}
	for _, d := range vm.Config.Hardware.Device {
		if disk, ok := d.(*types.VirtualDisk); ok {
			m.Disks = append(m.Disks, diskSpecOf(disk))
		}
	}
	if vm.Config.ManagedBy != nil {
		m.ManagedBy = &managedBySpec{vm.Config.ManagedBy.ExtensionKey, vm.Config.ManagedBy.Type}
	}
	if vm.Snapshot != nil {
		m.Snapshots = snapshotSpecs(vm.Snapshot.RootSnapshotList)
	}
	if vm.Config.CreateDate != nil {
		m.Created = vm.Config.CreateDate.UTC().Format(time.RFC3339)
	}
	if vm.Runtime.BootTime != nil {
		m.Booted = vm.Runtime.BootTime.UTC().Format(time.RFC3339)
	}
	return m
}

func snapshotSpecs(tree []types.VirtualMachineSnapshotTree) []snapshotSpec {
	var list []snapshotSpec
	for _, node := range tree {
		list = append(list, snapshotSpec{node.Name, node.Description, snapshotSpecs(node.ChildSnapshotList)})
	}
	return list
}
