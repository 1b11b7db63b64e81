package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	controllerKey = 1000
	nicKey        = 4000
	firstDiskKey  = 2000
)

// devices makes the hardware of a machine, and answers the size of its disks in GB.
func (v *vcenter) devices(m *machineSpec, dir string, at *place) ([]types.BaseVirtualDevice, int64, error) {
	list := append([]types.BaseVirtualDevice{}, esx.VirtualDevice...) // controllers that every machine has; never changed in place
	controller := &types.ParaVirtualSCSIController{}
	controller.Key, controller.BusNumber, controller.SharedBus = controllerKey, 0, types.VirtualSCSISharingNoSharing
	controller.DeviceInfo = &types.Description{Label: "SCSI controller 0", Summary: "VMware paravirtual SCSI"}
	list = append(list, controller)
	var total int64
	for i, d := range m.Disks {
		disk, err := v.disk(m, i, d, dir, at)
		if err != nil {
			return nil, 0, err
		}
		controller.Device = append(controller.Device, disk.Key)
		list = append(list, disk)
		total += int64(d.SizeGB)
	}
	nic := &types.VirtualVmxnet3{}
	nic.Key, nic.MacAddress, nic.AddressType = nicKey, macOf(m.InstanceUUID), "assigned"
	nic.ControllerKey, nic.UnitNumber = 100, types.NewInt32(7)
	nic.DeviceInfo = &types.Description{Label: "Network adapter 1", Summary: at.networkName}
	nic.Connectable = &types.VirtualDeviceConnectInfo{StartConnected: true, Connected: m.Power == "on", AllowGuestControl: true}
	network := at.network
	nic.Backing = &types.VirtualEthernetCardNetworkBackingInfo{Network: &network,
		VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: at.networkName}}
	return append(list, nic), total, nil
}

// macOf derives an address in VMware's range from a UUID.
func macOf(uuid string) string {
	digits := uuid[len(uuid)-6:]
	return fmt.Sprintf("00:50:56:%s:%s:%s", digits[0:2], digits[2:4], digits[4:6])
}

func (v *vcenter) disk(m *machineSpec, i int, d diskSpec, dir string, at *place) (*types.VirtualDisk, error) {
	if d.File == "" {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprintf("_%d", i)
		}
		d.File = fmt.Sprintf("%s/%s%s.vmdk", dir, m.Name, suffix)
	}
	if d.Mode == "" {
		d.Mode = string(types.VirtualDiskModePersistent)
	}
	sharing := string(types.VirtualDiskSharingSharingNone)
	if d.Sharing == "multi_writer" {
		sharing = string(types.VirtualDiskSharingSharingMultiWriter)
	}
	datastore := at.datastore
	file := types.VirtualDeviceFileBackingInfo{FileName: d.File, Datastore: &datastore}
	disk := &types.VirtualDisk{CapacityInKB: int64(d.SizeGB) << 20, CapacityInBytes: int64(d.SizeGB) << 30}
	disk.Key, disk.ControllerKey, disk.UnitNumber = int32(firstDiskKey+i), controllerKey, types.NewInt32(int32(i+i/7))
	disk.DeviceInfo = &types.Description{Label: fmt.Sprintf("Hard disk %d", i+1), Summary: fmt.Sprintf("%d KB", disk.CapacityInKB)}
	disk.DiskObjectId = fmt.Sprintf("1-%d", disk.Key)
	if d.FCD != "" {
		disk.VDiskId = &types.ID{Id: d.FCD}
	}
	switch d.Backing {
	case "rdm_virtual", "rdm_physical":
		lun := d.LUN
		if lun == "" {
			lun = "0200000000" + v.identity.uuid()[:8]
		}
		mode := string(types.VirtualDiskCompatibilityModeVirtualMode)
		if d.Backing == "rdm_physical" {
			mode = string(types.VirtualDiskCompatibilityModePhysicalMode)
		}
		disk.Backing = &types.VirtualDiskRawDiskMappingVer1BackingInfo{VirtualDeviceFileBackingInfo: file, LunUuid: lun,
			DeviceName: "vml." + lun, CompatibilityMode: mode, DiskMode: d.Mode, Uuid: v.identity.uuid(), Sharing: sharing}
	case "sesparse":
		backing := &types.VirtualDiskSeSparseBackingInfo{VirtualDeviceFileBackingInfo: file, DiskMode: d.Mode, Uuid: v.identity.uuid()}
		at := &backing.Parent
		for _, parent := range d.Parents {
			*at = &types.VirtualDiskSeSparseBackingInfo{VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: parent, Datastore: &datastore}, DiskMode: d.Mode}
			at = &(*at).Parent
		}
		disk.Backing = backing
	default:
		backing := &types.VirtualDiskFlatVer2BackingInfo{VirtualDeviceFileBackingInfo: file, DiskMode: d.Mode, Uuid: v.identity.uuid(),
			ThinProvisioned: types.NewBool(!d.Thick), Split: types.NewBool(false), WriteThrough: types.NewBool(false), Sharing: sharing}
		at := &backing.Parent
		for _, parent := range d.Parents {
			*at = &types.VirtualDiskFlatVer2BackingInfo{VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: parent, Datastore: &datastore}, DiskMode: d.Mode}
			at = &(*at).Parent
		}
		disk.Backing = backing
	}
	return disk, nil
}

// diskSpecOf is the way back, for exports and the witness.
func diskSpecOf(disk *types.VirtualDisk) diskSpec {
	d := diskSpec{SizeGB: int(disk.CapacityInKB >> 20)}
	if disk.VDiskId != nil {
		d.FCD = disk.VDiskId.Id
	}
	sharing := ""
	switch b := disk.Backing.(type) {
	case *types.VirtualDiskFlatVer2BackingInfo:
		d.File, d.Mode, sharing, d.Thick = b.FileName, b.DiskMode, b.Sharing, b.ThinProvisioned == nil || !*b.ThinProvisioned
		for p := b.Parent; p != nil; p = p.Parent {
			d.Parents = append(d.Parents, p.FileName)
		}
	case *types.VirtualDiskSeSparseBackingInfo:
		d.File, d.Mode, d.Backing = b.FileName, b.DiskMode, "sesparse"
		for p := b.Parent; p != nil; p = p.Parent {
			d.Parents = append(d.Parents, p.FileName)
		}
	case *types.VirtualDiskRawDiskMappingVer1BackingInfo:
		d.File, d.Mode, sharing, d.LUN, d.Backing = b.FileName, b.DiskMode, b.Sharing, b.LunUuid, "rdm_virtual"
		if b.CompatibilityMode == string(types.VirtualDiskCompatibilityModePhysicalMode) {
			d.Backing = "rdm_physical"
		}
	}
	if sharing == string(types.VirtualDiskSharingSharingMultiWriter) {
		d.Sharing = "multi_writer"
	}
	return d
}
