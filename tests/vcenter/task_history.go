package main

import (
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// taskCollector is a TaskHistoryCollector: a filter and a position in the tasks
// that match it, oldest first.
type taskCollector struct {
	mo.TaskHistoryCollector
	filter types.TaskFilterSpec
	page   int
	at     int // number of matching tasks that ReadNextTasks has passed
}

func (v *vcenter) createTaskCollector(c *call) interface{} {
	q := c.body.(*types.CreateCollectorForTasks)
	v.mu.RLock()
	defer v.mu.RUnlock()
	if e := q.Filter.Entity; e != nil && v.settings.GoneEntityInFilter == "not_found" && !v.seen(c.session, e.Entity) {
		return faultOf(&types.ManagedObjectNotFound{Obj: e.Entity})
	}
	if t := q.Filter.Time; t != nil && t.TimeType == "" {
		return &fault{detail: invalidRequest(), message: "Not initialized: vim.TaskFilterSpec.TimeOption timeType"}
	}
	self := c.session.add("TaskHistoryCollector", func(self ref) mo.Reference {
		h := &taskCollector{filter: q.Filter, page: 10}
		h.Self, h.Filter = self, q.Filter
		return h
	})
	return &types.CreateCollectorForTasksResponse{Returnval: self}
}

func invalidRequest() types.BaseMethodFault { return &types.InvalidRequest{} }

// taskCollectorOf finds the collector, or the fault that a dead session's collector answers.
func taskCollectorOf(c *call) (*taskCollector, *fault) {
	if h, ok := c.session.object(c.this).(*taskCollector); ok {
		return h, nil
	}
	return nil, faultOf(&types.ManagedObjectNotFound{Obj: c.this})
}

// matching lists the task infos of a filter, oldest first. Callers hold mu.
func (v *vcenter) matching(f *types.TaskFilterSpec) []types.TaskInfo {
	var found []types.TaskInfo
	for _, t := range v.tasks.history {
		if v.taskMatches(f, &t.Info) {
			found = append(found, t.Info)
		}
	}
	return found
}

func (v *vcenter) taskMatches(f *types.TaskFilterSpec, info *types.TaskInfo) bool {
	if len(f.State) > 0 {
		ok := false
		for _, state := range f.State {
			ok = ok || state == info.State
		}
		if !ok {
			return false
		}
	}
	if f.UserName != nil && len(f.UserName.UserList) > 0 {
		ok := false
		for _, user := range f.UserName.UserList {
			ok = ok || sameUser(user, info.Reason.(*types.TaskReasonUser).UserName)
		}
		if !ok {
			return false
		}
	}
	if f.Time != nil {
		at := &info.QueueTime
		switch f.Time.TimeType {
		case types.TaskFilterSpecTimeOptionStartedTime:
			at = info.StartTime
		case types.TaskFilterSpecTimeOptionCompletedTime:
			at = info.CompleteTime
		}
		if at == nil || f.Time.BeginTime != nil && at.Before(*f.Time.BeginTime) || f.Time.EndTime != nil && at.After(*f.Time.EndTime) {
			return false
		}
	}
	return f.Entity == nil || v.entityMatches(f.Entity, *info.Entity)
}

func (v *vcenter) entityMatches(f *types.TaskFilterSpecByEntity, e ref) bool {
	if e == f.Entity {
		return f.Recursion != types.TaskFilterSpecRecursionOptionChildren
	}
	if f.Recursion == types.TaskFilterSpecRecursionOptionSelf {
		return false
	}
	for me := entity(e); me != nil && me.Parent != nil; me = entity(*me.Parent) {
		if *me.Parent == f.Entity {
			return true
		}
	}
	return f.Entity == v.content.RootFolder // what is gone was somewhere below it
}

func (v *vcenter) readNextTasks(c *call) interface{} {
	h, f := taskCollectorOf(c)
	if f != nil {
		return f
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.matching(&h.filter)
	from, to := clamp(h.at, len(all)), clamp(h.at+int(c.body.(*types.ReadNextTasks).MaxCount), len(all))
	h.at = to
	return &types.ReadNextTasksResponse{Returnval: all[from:to]}
}

func (v *vcenter) readPreviousTasks(c *call) interface{} {
	h, f := taskCollectorOf(c)
	if f != nil {
		return f
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	all := v.matching(&h.filter)
	to := clamp(h.at, len(all))
	from := clamp(to-int(c.body.(*types.ReadPreviousTasks).MaxCount), len(all))
	h.at = from
	page := append([]types.TaskInfo{}, all[from:to]...)
	for i, j := 0, len(page)-1; i < j; i, j = i+1, j-1 {
		page[i], page[j] = page[j], page[i]
	}
	return &types.ReadPreviousTasksResponse{Returnval: page}
}

func clamp(n, high int) int {
	if n < 0 {
		return 0
	}
	if n > high {
		return high
	}
	return n
}

// resetTaskCollector puts the position behind the newest task, for reading backwards.
func (v *vcenter) resetTaskCollector(c *call) interface{} {
	h, f := taskCollectorOf(c)
	if f != nil {
		return f
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	h.at = len(v.matching(&h.filter))
	return &types.ResetCollectorResponse{}
}

func (v *vcenter) rewindTaskCollector(c *call) interface{} {
	h, f := taskCollectorOf(c)
	if f != nil {
		return f
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	h.at = 0
	return &types.RewindCollectorResponse{}
}

func (v *vcenter) setTaskCollectorPageSize(c *call) interface{} {
	h, f := taskCollectorOf(c)
	if f != nil {
		return f
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	h.page = int(c.body.(*types.SetCollectorPageSize).MaxCount)
	return &types.SetCollectorPageSizeResponse{}
}

func (v *vcenter) destroyTaskCollector(c *call) interface{} {
	if _, f := taskCollectorOf(c); f != nil {
		return f
	}
	c.session.remove(c.this)
	return &types.DestroyCollectorResponse{}
}

// latestPage answers the collector as its properties show it. Callers hold mu.
func (v *vcenter) latestPage(h *taskCollector) mo.Reference {
	seen := h.TaskHistoryCollector
	all := v.matching(&h.filter)
	seen.LatestPage = all[clamp(len(all)-h.page, len(all)):]
	return &seen
}
