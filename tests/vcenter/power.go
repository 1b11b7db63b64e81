package main

import (
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// The library does the power changes; these add what the guest has to do with
// them: its addresses are known only while the tools run.

func (v *vcenter) powerOn(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		return v.afterPower(c, v.libraryTask(c))
	})
}

func (v *vcenter) powerOff(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		return v.afterPower(c, v.libraryTask(c))
	})
}

func (v *vcenter) suspend(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		vm := virtualMachine(c.this)
		if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
			return taskOutcome{failure: &types.InvalidPowerState{ExistingState: vm.Runtime.PowerState,
				RequestedState: types.VirtualMachinePowerStatePoweredOn}}
		}
		return v.afterPower(c, v.libraryTask(c))
	})
}

func (v *vcenter) reset(c *call) interface{} {
	return v.runTask(c, func() taskOutcome {
		vm := virtualMachine(c.this)
		if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
			return taskOutcome{failure: &types.InvalidPowerState{ExistingState: vm.Runtime.PowerState,
				RequestedState: types.VirtualMachinePowerStatePoweredOn}}
		}
		return v.afterPower(c, v.libraryTask(c))
	})
}

func (v *vcenter) afterPower(c *call, o taskOutcome) taskOutcome {
	if o.failure == nil && o.refused == nil {
		v.setPower(virtualMachine(c.this), virtualMachine(c.this).Runtime.PowerState)
	}
	return o
}

// setPower puts a machine into a power state, with all that goes with it. Callers hold mu.
func (v *vcenter) setPower(vm *simulator.VirtualMachine, state types.VirtualMachinePowerState) {
	vm.Runtime.PowerState, vm.Summary.Runtime.PowerState = state, state
	if state == types.VirtualMachinePowerStatePoweredOn {
		if vm.Runtime.BootTime == nil {
			booted := v.now()
			vm.Runtime.BootTime = &booted
		}
	} else {
		vm.Runtime.BootTime = nil
	}
	vm.Summary.Runtime.BootTime = vm.Runtime.BootTime
	v.showGuest(vm)
	v.changes.mark(vm.Self)
}

func powerFault(vm *simulator.VirtualMachine) *fault {
	return faultOf(&types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: vm.Runtime.PowerState})
}

// guestCall says why the guest cannot be asked for something.
func (v *vcenter) guestCall(vm *simulator.VirtualMachine) *fault {
	if vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		return powerFault(vm)
	}
	if v.factsOf(vm.Self).Tools != toolsRunning {
		return faultOf(&types.ToolsUnavailable{})
	}
	return nil
}

// shutdownGuest asks the guest and returns; the machine goes off some time later, or never.
func (v *vcenter) shutdownGuest(c *call) interface{} {
	vm := virtualMachine(c.this)
	if f := v.guestCall(vm); f != nil {
		return f
	}
	wait := v.settings.GuestShutdownMs
	if own := v.factsOf(vm.Self).ShutdownMs; own != nil {
		wait = *own
	}
	if wait >= 0 {
		go v.goOff(c, time.Duration(wait)*time.Millisecond)
	}
	return &types.ShutdownGuestResponse{}
}

func (v *vcenter) goOff(c *call, wait time.Duration) {
	time.Sleep(wait)
	v.mu.Lock()
	defer v.mu.Unlock()
	vm := virtualMachine(c.this)
	if vm == nil || vm.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		return
	}
	v.ledger.add(c.record("effect"))
	v.setPower(vm, types.VirtualMachinePowerStatePoweredOff)
}

func (v *vcenter) standbyGuest(c *call) interface{} {
	vm := virtualMachine(c.this)
	if f := v.guestCall(vm); f != nil {
		return f
	}
	v.setPower(vm, types.VirtualMachinePowerStateSuspended)
	return &types.StandbyGuestResponse{}
}

func (v *vcenter) rebootGuest(c *call) interface{} {
	if f := v.guestCall(virtualMachine(c.this)); f != nil {
		return f
	}
	return &types.RebootGuestResponse{}
}
