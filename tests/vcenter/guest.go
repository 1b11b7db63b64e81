package main

import (
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

var guestNames = map[string]string{
	"windows9Server64Guest":      "Microsoft Windows Server 2016 (64-bit)",
	"windows2019srv_64Guest":     "Microsoft Windows Server 2019 (64-bit)",
	"windows2019srvNext_64Guest": "Microsoft Windows Server 2022 (64-bit)",
	"windows9_64Guest":           "Microsoft Windows 10 (64-bit)",
	"rhel7_64Guest":              "Red Hat Enterprise Linux 7 (64-bit)",
	"rhel8_64Guest":              "Red Hat Enterprise Linux 8 (64-bit)",
	"ubuntu64Guest":              "Ubuntu Linux (64-bit)",
	"debian11_64Guest":           "Debian GNU/Linux 11 (64-bit)",
	"sles15_64Guest":             "SUSE Linux Enterprise 15 (64-bit)",
	"freebsd12_64Guest":          "FreeBSD 12 (64-bit)",
	"otherGuest64":               "Other (64-bit)",
}

// guestFamilyOf is the tools' word for a guest id.
func guestFamilyOf(id string) string {
	linux := []string{"rhel", "ubuntu", "debian", "sles", "centos", "oracleLinux", "fedora", "vmwarePhoton", "amazonlinux", "rocky", "alma", "other3xLinux", "other4xLinux", "otherLinux"}
	if strings.HasPrefix(id, "win") {
		return "windowsGuest"
	}
	for _, prefix := range linux {
		if strings.HasPrefix(id, prefix) {
			return "linuxGuest"
		}
	}
	return "otherGuestFamily"
}

// showGuest makes the machine report what its tools know now: everything while
// it is on and they run, nothing of the guest otherwise. Callers hold mu.
func (v *vcenter) showGuest(vm *simulator.VirtualMachine) {
	f := v.factsOf(vm.Self)
	on := vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
	g := &types.GuestInfo{GuestState: "notRunning", ToolsRunningStatus: "guestToolsNotRunning",
		ToolsStatus: types.VirtualMachineToolsStatusToolsNotRunning, ToolsVersionStatus2: "guestToolsCurrent", ToolsVersion: "11365"}
	g.GuestOperationsReady, g.InteractiveGuestOperationsReady = types.NewBool(false), types.NewBool(false)
	if on {
		g.GuestState = "running"
	}
	if f.Tools == toolsNotInstalled {
		g.ToolsStatus, g.ToolsVersionStatus2, g.ToolsVersion = types.VirtualMachineToolsStatusToolsNotInstalled, "guestToolsNotInstalled", "0"
	}
	if on && f.Tools == toolsRunning {
		g.ToolsStatus, g.ToolsRunningStatus, g.GuestOperationsReady = types.VirtualMachineToolsStatusToolsOk, "guestToolsRunning", types.NewBool(true)
		g.GuestId, g.GuestFullName = vm.Config.GuestId, vm.Config.GuestFullName
		if f.GuestID != "" {
			g.GuestId, g.GuestFullName = f.GuestID, guestNames[f.GuestID]
		}
		g.GuestFamily, g.HostName = guestFamilyOf(g.GuestId), f.HostName
		g.Net = []types.GuestNicInfo{nicOf(vm, f.IPs)}
		if len(f.IPs) > 0 {
			g.IpAddress = f.IPs[0]
		}
	}
	vm.Guest = g
	vm.Summary.Guest = &types.VirtualMachineGuestSummary{GuestId: g.GuestId, GuestFullName: g.GuestFullName, ToolsStatus: g.ToolsStatus,
		ToolsVersionStatus2: g.ToolsVersionStatus2, ToolsRunningStatus: g.ToolsRunningStatus, HostName: g.HostName, IpAddress: g.IpAddress}
	vm.GuestHeartbeatStatus = types.ManagedEntityStatusGray
	if on && f.Tools == toolsRunning {
		vm.GuestHeartbeatStatus = types.ManagedEntityStatusGreen
	}
}

func nicOf(vm *simulator.VirtualMachine, ips []string) types.GuestNicInfo {
	nic := types.GuestNicInfo{Network: "VM Network", Connected: true, DeviceConfigId: nicKey, IpAddress: ips, MacAddress: macOf(vm.Config.InstanceUuid)}
	nic.IpConfig = &types.NetIpConfigInfo{}
	for _, ip := range ips {
		prefix := int32(24)
		if strings.Contains(ip, ":") {
			prefix = 64
		}
		nic.IpConfig.IpAddress = append(nic.IpConfig.IpAddress, types.NetIpConfigInfoIpAddress{IpAddress: ip, PrefixLength: prefix, State: "preferred"})
	}
	return nic
}
