package main

import (
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// The library's index knows neither FindAllByUuid nor whom it may show what.

// machines lists the machines that the caller sees and that match, by their number.
func (v *vcenter) machines(c *call, matches func(*simulator.VirtualMachine) bool) []ref {
	var found []ref
	for _, e := range simulator.Map.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		if matches(vm) && v.rights.visible(c.session.user(), vm.Self) {
			found = append(found, vm.Self)
		}
	}
	return inOrder(found)
}

func first(found []ref) *ref {
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

func hasUUID(uuid string, instance *bool) func(*simulator.VirtualMachine) bool {
	return func(vm *simulator.VirtualMachine) bool {
		if instance != nil && *instance {
			return strings.EqualFold(vm.Config.InstanceUuid, uuid)
		}
		return strings.EqualFold(vm.Config.Uuid, uuid)
	}
}

func (v *vcenter) findByUUID(c *call) interface{} {
	q := c.body.(*types.FindByUuid)
	if !q.VmSearch {
		return fromLibrary(simulator.Map.SearchIndex().FindByUuid(q))
	}
	return &types.FindByUuidResponse{Returnval: first(v.machines(c, hasUUID(q.Uuid, q.InstanceUuid)))}
}

func (v *vcenter) findAllByUUID(c *call) interface{} {
	q := c.body.(*types.FindAllByUuid)
	if !q.VmSearch {
		return &types.FindAllByUuidResponse{}
	}
	return &types.FindAllByUuidResponse{Returnval: v.machines(c, hasUUID(q.Uuid, q.InstanceUuid))}
}

func hasIP(ip string) func(*simulator.VirtualMachine) bool {
	return func(vm *simulator.VirtualMachine) bool {
		if vm.Guest.IpAddress == ip {
			return true
		}
		for _, nic := range vm.Guest.Net {
			for _, address := range nic.IpAddress {
				if address == ip {
					return true
				}
			}
		}
		return false
	}
}

func (v *vcenter) findByIP(c *call) interface{} {
	return &types.FindByIpResponse{Returnval: first(v.machines(c, hasIP(c.body.(*types.FindByIp).Ip)))}
}

func (v *vcenter) findAllByIP(c *call) interface{} {
	return &types.FindAllByIpResponse{Returnval: v.machines(c, hasIP(c.body.(*types.FindAllByIp).Ip))}
}

func hasHostName(name string) func(*simulator.VirtualMachine) bool {
	return func(vm *simulator.VirtualMachine) bool {
		return name != "" && strings.EqualFold(vm.Guest.HostName, name)
	}
}

func (v *vcenter) findByDNSName(c *call) interface{} {
	return &types.FindByDnsNameResponse{Returnval: first(v.machines(c, hasHostName(c.body.(*types.FindByDnsName).DnsName)))}
}

func (v *vcenter) findAllByDNSName(c *call) interface{} {
	return &types.FindAllByDnsNameResponse{Returnval: v.machines(c, hasHostName(c.body.(*types.FindAllByDnsName).DnsName))}
}
