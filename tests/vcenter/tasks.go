package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// taskTable numbers tasks and remembers all of them. Guarded by vcenter.mu.
type taskTable struct {
	next    int
	history []*task
	running map[ref]*task // by the entity that it works on
	byRef   map[ref]*task
}

// task is one vCenter task. What clients read of it lies in the library's
// registry; a finished one stays there until the control API forgets it.
type task struct {
	*simulator.Task
	cancel chan struct{} // closed by CancelTask
}

// taskOutcome is what the work of a task came to.
type taskOutcome struct {
	result  interface{}
	failure types.BaseMethodFault // the task ends in error
	refused *fault                // the call itself is refused and there is no task
}

var descriptionNames = map[string]string{"PowerOffVM": "powerOff", "PowerOnVM": "powerOn", "SuspendVM": "suspend",
	"ResetVM": "reset", "ReconfigVM": "reconfigure", "CloneVM": "clone", "RelocateVM": "relocate", "MigrateVM": "migrate",
	"CreateVM": "createVm", "RegisterVM": "registerVm", "UnregisterVM": "unregister", "MoveIntoFolder": "moveInto"}

func descriptionID(kind, method string) string {
	name := strings.TrimSuffix(method, "_Task")
	if known, ok := descriptionNames[name]; ok {
		name = known
	} else {
		name = strings.ToLower(name[:1]) + name[1:]
	}
	return kind + "." + name
}

func newTaskTable(first int) *taskTable {
	return &taskTable{next: first, running: make(map[ref]*task), byRef: make(map[ref]*task)}
}

// newTask queues a task for a call. Callers hold mu.
func (v *vcenter) newTask(c *call, cancelable bool) *task {
	t := &task{Task: &simulator.Task{}, cancel: make(chan struct{})}
	self := ref{Type: "Task", Value: fmt.Sprintf("task-%d", v.tasks.next)}
	v.tasks.next++
	target := c.this
	t.Self = self
	t.Info = types.TaskInfo{Key: self.Value, Task: self, Name: c.method, DescriptionId: descriptionID(c.this.Type, c.method),
		Entity: &target, EntityName: entityName(c.this), State: types.TaskInfoStateQueued, Cancelable: cancelable,
		Reason: &types.TaskReasonUser{UserName: c.session.user()}, QueueTime: v.now(), EventChainId: int32(v.tasks.next)}
	v.tasks.byRef[self] = t
	v.tasks.history = append(v.tasks.history, t)
	simulator.Map.Put(t.Task)
	v.watcher.tasks = nil // ours, not the library's
	manager := simulator.Map.Get(*v.content.TaskManager).(*simulator.TaskManager)
	manager.RecentTask = append(manager.RecentTask, self)
	if len(manager.RecentTask) > 200 { // what a vCenter keeps there
		manager.RecentTask = manager.RecentTask[len(manager.RecentTask)-200:]
	}
	v.changes.mark(self, manager.Self)
	return t
}

func (v *vcenter) startTask(t *task) {
	started := v.now()
	t.Info.StartTime, t.Info.State = &started, types.TaskInfoStateRunning
	v.changes.mark(t.Self)
}

func (v *vcenter) finishTask(t *task, o taskOutcome) {
	done := v.now()
	t.Info.CompleteTime, t.Info.Progress, t.Info.Cancelable = &done, 0, false
	if o.failure != nil {
		t.Info.State = types.TaskInfoStateError
		t.Info.Error = &types.LocalizedMethodFault{Fault: o.failure, LocalizedMessage: faultText(o.failure)}
		_, t.Info.Cancelled = o.failure.(*types.RequestCanceled)
	} else {
		t.Info.State, t.Info.Result = types.TaskInfoStateSuccess, o.result
	}
	v.changes.mark(t.Self)
}

// runTask answers a task for a call. Without delay it is finished when the
// answer leaves, as the library's are; else it runs in the background and does
// its work at the end.
func (v *vcenter) runTask(c *call, work func() taskOutcome) interface{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if f := v.admissible(c); f != nil {
		v.executed(c, "", f.name())
		return f
	}
	wait := time.Duration(v.settings.TaskMs) * time.Millisecond
	cancelable := v.settings.TasksCancelable
	background := wait > 0
	if c.rule.does("slow_task") || c.rule.does("hold_task") || c.rule.does("task_fault") {
		wait, background = time.Duration(c.rule.Ms)*time.Millisecond, true
		if c.rule.Cancelable != nil {
			cancelable = *c.rule.Cancelable
		}
	}
	if other := v.tasks.running[c.this]; other != nil {
		t := v.newTask(c, false)
		v.startTask(t)
		v.executed(c, t.Self.Value, "TaskInProgress")
		v.finishTask(t, taskOutcome{failure: &types.TaskInProgress{Task: other.Self}})
		return v.taskAnswer(c, t)
	}
	if !background {
		return v.runTaskNow(c, work)
	}
	t := v.newTask(c, cancelable)
	v.startTask(t)
	v.tasks.running[c.this] = t
	go v.runTaskLater(c, t, wait, work)
	return v.taskAnswer(c, t)
}

func (v *vcenter) taskAnswer(c *call, t *task) interface{} {
	c.task = t.Self.Value
	return raw(fmt.Sprintf(`<returnval type="Task">%s</returnval>`, t.Self.Value))
}

func (v *vcenter) runTaskNow(c *call, work func() taskOutcome) interface{} {
	o := v.doWork(c, work)
	if o.refused != nil {
		v.executed(c, "", o.refused.name())
		return o.refused
	}
	t := v.newTask(c, false)
	t.Info.EntityName = c.name // the machine may be gone by now
	v.startTask(t)
	v.executed(c, t.Self.Value, failureName(o))
	v.finishTask(t, o)
	return v.taskAnswer(c, t)
}

func (v *vcenter) runTaskLater(c *call, t *task, wait time.Duration, work func() taskOutcome) {
	cancelled := v.waitForWork(c, t, wait)
	v.mu.Lock()
	defer v.mu.Unlock()
	var o taskOutcome
	switch {
	case cancelled:
		o.failure = &types.RequestCanceled{}
	case c.rule.does("task_fault"):
		o.failure = faultAbout(c.rule.Fault, c.this)
	default:
		o = v.doWork(c, work)
		if o.refused != nil {
			o.failure = o.refused.detail
		}
	}
	delete(v.tasks.running, c.this)
	v.executed(c, t.Self.Value, failureName(o))
	v.finishTask(t, o)
}

// waitForWork lets a task run, showing progress, and says whether it was cancelled.
func (v *vcenter) waitForWork(c *call, t *task, wait time.Duration) bool {
	if c.rule.does("hold_task") {
		select {
		case <-t.cancel:
			return true
		case <-c.rule.release:
			return false
		}
	}
	end := time.NewTimer(wait)
	defer end.Stop()
	step := time.NewTicker(wait/10 + 50*time.Millisecond)
	defer step.Stop()
	begun := time.Now()
	for {
		select {
		case <-t.cancel:
			return true
		case <-end.C:
			return false
		case <-step.C:
			v.mu.Lock()
			if progress := int32(100 * time.Since(begun) / wait); progress < 100 {
				t.Info.Progress = progress
				v.changes.mark(t.Self)
			}
			v.mu.Unlock()
		}
	}
}

// doWork runs the work and marks what it may have changed. Callers hold mu.
func (v *vcenter) doWork(c *call, work func() taskOutcome) (o taskOutcome) {
	defer func() {
		if p := recover(); p != nil {
			o = taskOutcome{failure: &types.SystemError{Reason: fmt.Sprint(p)}}
		}
	}()
	v.watcher.tasks = nil
	if f := v.reachable(c); f != nil { // it may have gone while the task ran
		return taskOutcome{refused: f}
	}
	o = work()
	v.changes.mark(mentioned(c)...)
	return o
}

// libraryTask runs the library's implementation. Its own task objects are read and thrown away.
func (v *vcenter) libraryTask(c *call) taskOutcome {
	v.watcher.tasks = nil
	result := v.library(c)
	inner := v.watcher.tasks
	v.watcher.tasks = nil
	var o taskOutcome
	if f, ok := result.(*fault); ok {
		o.refused = f
	} else if len(inner) > 0 { // the first one is the call's, others are steps of it
		info := inner[0].Info
		o.result = info.Result
		if info.Error != nil {
			o.failure = info.Error.Fault
		}
	}
	for _, t := range inner {
		simulator.Map.Remove(t.Self)
	}
	return o
}

func failureName(o taskOutcome) string {
	if o.failure == nil {
		return ""
	}
	return faultOf(o.failure).name()
}

// noteInHistory lists calls on a machine that are not tasks by signature; a vCenter keeps a task of them all the same.
func (v *vcenter) noteInHistory(c *call, result interface{}, begun time.Time) {
	if c.this.Type != "VirtualMachine" || !mutates(c.method) || faultName(result) != "" {
		return
	}
	t := v.newTask(c, false)
	t.Info.QueueTime, t.Info.EntityName = begun, c.name
	v.startTask(t)
	v.finishTask(t, taskOutcome{})
}

func (v *vcenter) cancelTask(c *call) interface{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	t := v.tasks.byRef[c.this]
	if t == nil || !exists(c.this) {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	reason, _ := t.Info.Reason.(*types.TaskReasonUser)
	own := reason != nil && sameUser(reason.UserName, c.session.user())
	if !own && !v.rights.granted(c.session.user(), "Global.CancelTask", *t.Info.Entity) {
		return faultOf(&types.NoPermission{Object: *t.Info.Entity, PrivilegeId: "Global.CancelTask"})
	}
	var result interface{} = &types.CancelTaskResponse{}
	switch {
	case t.Info.State != types.TaskInfoStateRunning && t.Info.State != types.TaskInfoStateQueued:
		result = faultOf(&types.InvalidState{})
	case !t.Info.Cancelable:
		result = faultOf(&types.NotSupported{})
	default:
		select {
		case <-t.cancel:
		default:
			close(t.cancel)
		}
	}
	v.executed(c, c.this.Value, faultName(result))
	return result
}
