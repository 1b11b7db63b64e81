package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

type ref = types.ManagedObjectReference

// vcenter is one running server. The library keeps the inventory in its global
// registry and is not safe for concurrent calls, so every use of it happens
// under mu: writers exclusively, readers shared. Nothing waits, sleeps or does
// network input or output while holding mu.
type vcenter struct {
	opts     options
	settings settings

	mu      sync.RWMutex
	content types.ServiceContent
	places  places
	facts   map[ref]*guestFacts

	changes  *changeLog
	values   *valueCache
	sessions *sessionTable
	rights   *rights
	tasks    *taskTable
	rules    *ruleSet
	ledger   *ledger
	calls    *callCounter
	tags     *tagStore
	identity *identity
	watcher  *tracker
	door     *door

	byType   map[string]func(*call) interface{}
	byMethod map[string]func(*call) interface{}

	clockOffset int64 // nanoseconds, atomic
}

// settings can be changed while the server runs; guarded by vcenter.mu.
type settings struct {
	TaskMs             int    `json:"task_ms"`
	GuestShutdownMs    int    `json:"guest_shutdown_ms"`
	PageSize           int    `json:"page_size"`
	GoneEntityInFilter string `json:"gone_entity_in_task_filter"` // "ok" or "not_found"
	Unreadable         string `json:"unreadable"`                 // "not_found" or "no_permission"
	UserPrivileges     bool   `json:"user_privileges"`            // false: a server older than 6.5
	XsiPerElement      bool   `json:"xsi_per_element"`            // declare the schema instance prefix on every element
	TasksCancelable    bool   `json:"tasks_cancelable"`
	RetrieveWithout    string `json:"retrieve_without_session"` // "missing_set" or "fault"
}

// now is the server's own time, which may be off.
func (v *vcenter) now() time.Time {
	return time.Now().Add(time.Duration(atomic.LoadInt64(&v.clockOffset))).UTC()
}

// exists asks the library's registry. Callers hold mu.
func exists(r ref) bool { return simulator.Map.Get(r) != nil }

func virtualMachine(r ref) *simulator.VirtualMachine {
	vm, _ := simulator.Map.Get(r).(*simulator.VirtualMachine)
	return vm
}

func entity(r ref) *mo.ManagedEntity {
	if e, ok := simulator.Map.Get(r).(mo.Entity); ok {
		return e.Entity()
	}
	return nil
}

func entityName(r ref) string {
	if e := entity(r); e != nil {
		return e.Name
	}
	return ""
}

func instanceUUID(r ref) string {
	if vm := virtualMachine(r); vm != nil && vm.Config != nil {
		return vm.Config.InstanceUuid
	}
	return ""
}

// tracker is told by the library of every object that it creates, changes or removes.
type tracker struct {
	v    *vcenter
	self ref
	// tasks collects the library's own task objects of the call that runs now; guarded by vcenter.mu.
	tasks []*simulator.Task
}

func (t *tracker) Reference() ref { return t.self }

func (t *tracker) PutObject(o mo.Reference) {
	if task, ok := o.(*simulator.Task); ok {
		t.tasks = append(t.tasks, task)
		return
	}
	t.v.changes.mark(o.Reference())
}

func (t *tracker) UpdateObject(o mo.Reference, _ []types.PropertyChange) {
	if o.Reference().Type != "Task" {
		t.v.changes.mark(o.Reference())
	}
}

func (t *tracker) RemoveObject(r ref) {
	if r.Type != "Task" {
		t.v.changes.mark(r)
	}
}
