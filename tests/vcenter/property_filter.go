package main

import (
	"bytes"
	"strconv"
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// collector is a PropertyCollector of one session: its filters, and the number
// of the last update set. A client that never got that set asks again with the
// number before it, and is told the same things.
type collector struct {
	mo.PropertyCollector
	mu      sync.Mutex // held while an update set is made
	filters []*filter
	version int
	waits   int           // numbers the waits; the last one is the one that counts
	cancel  chan struct{} // closed to end the wait that is under way
}

// filter knows what its client was told of each object.
type filter struct {
	mo.PropertyFilter
	owner *collector
	spec  types.PropertyFilterSpec
	plans *plans

	told state
	lost *undo // nil when the last update set told nothing of this filter
}

func (v *vcenter) collectorOf(s *session, r ref) *collector {
	if own, ok := s.object(r).(*collector); ok {
		return own
	}
	if r != v.content.PropertyCollector {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if own, ok := s.objects[r].(*collector); ok {
		return own
	}
	own := newCollector(r)
	s.objects[r] = own
	return own
}

func newCollector(self ref) *collector {
	c := &collector{cancel: make(chan struct{})}
	c.Self = self
	return c
}

func (v *vcenter) createPropertyCollector(c *call) interface{} {
	self := c.session.add("PropertyCollector", func(self ref) mo.Reference { return newCollector(self) })
	return &types.CreatePropertyCollectorResponse{Returnval: self}
}

func (v *vcenter) destroyPropertyCollector(c *call) interface{} {
	own := v.collectorOf(c.session, c.this)
	if own == nil {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	own.cancelWait()
	c.session.remove(c.this)
	own.mu.Lock()
	defer own.mu.Unlock()
	for _, f := range own.filters {
		c.session.remove(f.Self)
	}
	return &types.DestroyPropertyCollectorResponse{}
}

func (v *vcenter) createFilter(c *call) interface{} {
	q := c.body.(*types.CreateFilter)
	own := v.collectorOf(c.session, c.this)
	if own == nil {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	if f := checkPaths(&q.Spec); f != nil {
		return f
	}
	v.mu.RLock()
	_, fault := v.choose(c.session, &q.Spec)
	v.mu.RUnlock()
	if fault != nil {
		return fault
	}
	f := &filter{owner: own, spec: q.Spec, plans: newPlans(q.Spec), told: state{objects: make(map[ref]told)}}
	self := c.session.add("PropertyFilter", func(self ref) mo.Reference {
		f.Self, f.Spec, f.PartialUpdates = self, q.Spec, q.PartialUpdates
		return f
	})
	own.mu.Lock()
	own.filters = append(own.filters, f)
	own.mu.Unlock()
	v.changes.mark(self) // wakes a wait that is already under way
	return &types.CreateFilterResponse{Returnval: self}
}

func (v *vcenter) destroyFilter(c *call) interface{} {
	f, ok := c.session.object(c.this).(*filter)
	if !ok {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	c.session.remove(c.this)
	f.owner.mu.Lock()
	defer f.owner.mu.Unlock()
	for i, other := range f.owner.filters {
		if other == f {
			f.owner.filters = append(f.owner.filters[:i:i], f.owner.filters[i+1:]...)
			break
		}
	}
	return &types.DestroyPropertyFilterResponse{}
}

// simple says whether membership of one object can be asked without walking:
// the spec names objects, or views and nothing behind them.
func (f *filter) simple() bool {
	for _, o := range f.spec.ObjectSet {
		if len(o.SelectSet) == 0 {
			continue
		}
		t, ok := o.SelectSet[0].(*types.TraversalSpec)
		if len(o.SelectSet) > 1 || !ok || o.Obj.Type != "ContainerView" || t.Path != "view" || len(t.SelectSet) > 0 {
			return false
		}
	}
	return true
}

// selects asks a simple filter for one object. Callers hold vcenter.mu.
func (f *filter) selects(v *vcenter, s *session, r ref) bool {
	for _, o := range f.spec.ObjectSet {
		if o.Obj == r && len(o.SelectSet) == 0 {
			return v.seen(s, r)
		}
		if view, ok := s.object(o.Obj).(*containerView); ok && len(o.SelectSet) > 0 && view.holds(v, r) {
			return true
		}
	}
	return false
}

// candidates lists the objects to look at, and a test of membership. Callers hold vcenter.mu.
func (f *filter) candidates(v *vcenter, s *session) ([]ref, func(ref) bool) {
	changed, now, others := v.changes.since(f.told.seq)
	f.told.seq = now
	if f.told.started && f.simple() {
		list := f.told.queue
		queued := make(map[ref]bool, len(list))
		for _, r := range list {
			queued[r] = true
		}
		for _, r := range changed {
			if !queued[r] {
				list = append(list, r)
			}
		}
		for r := range f.told.objects { // pools, hosts and folders change without notice
			if !others || !f.told.mixed {
				break
			}
			if r.Type != "VirtualMachine" && r.Type != "Task" && !queued[r] {
				list = append(list, r)
			}
		}
		return list, func(r ref) bool { return f.selects(v, s, r) }
	}
	if f.told.started && len(changed) == 0 {
		return f.told.queue, f.isChosen(v, s)
	}
	f.told.started = true
	all, _ := v.choose(s, &f.spec)
	chosen := make(map[ref]bool, len(all))
	for _, r := range all {
		chosen[r] = true
	}
	for r := range f.told.objects {
		if !chosen[r] {
			all = append(all, r)
		}
	}
	return all, func(r ref) bool { return chosen[r] }
}

func (f *filter) isChosen(v *vcenter, s *session) func(ref) bool {
	if len(f.told.queue) == 0 {
		return func(ref) bool { return false }
	}
	all, _ := v.choose(s, &f.spec)
	chosen := make(map[ref]bool, len(all))
	for _, r := range all {
		chosen[r] = true
	}
	return func(r ref) bool { return chosen[r] }
}

// updates writes at most limit object updates, and says how many; what is left waits in the queue.
// Callers hold vcenter.mu and the collector's.
func (f *filter) updates(v *vcenter, s *session, out *bytes.Buffer, limit int) int {
	f.lost = &undo{seq: f.told.seq, started: f.told.started, queue: f.told.queue, objects: make(map[ref]*told)}
	list, member := f.candidates(v, s)
	f.told.queue = nil
	written := 0
	for i, r := range list {
		if written == limit {
			f.told.queue = append([]ref{}, list[i:]...)
			break
		}
		if f.update(v, s, out, r, member(r)) {
			written++
		}
	}
	if written == 0 {
		f.lost = nil
	}
	return written
}

// update writes what changed about one object, if anything did.
func (f *filter) update(v *vcenter, s *session, out *bytes.Buffer, r ref, member bool) bool {
	old, known := f.told.objects[r]
	if !member {
		if known {
			f.note(r)
			delete(f.told.objects, r)
			writeRef(out, `<objectSet><kind>leave</kind><obj type="`, r, `</obj></objectSet>`)
		}
		return known
	}
	o := v.object(s, r)
	if o == nil {
		return false
	}
	p := f.plans.of(managed(o).Type(), r.Type)
	if !p.wanted {
		return false
	}
	now := v.valuesOf(s, o, r, p)
	var changes bytes.Buffer
	for i, value := range now {
		if known && bytes.Equal(old[i], value) || !known && value == nil {
			continue
		}
		changes.WriteString(`<changeSet><name>`)
		changes.WriteString(p.paths[i])
		changes.WriteString(`</name><op>assign</op>`)
		changes.Write(value)
		changes.WriteString(`</changeSet>`)
	}
	if known && changes.Len() == 0 {
		return false
	}
	f.note(r)
	f.told.objects[r] = now
	f.told.mixed = f.told.mixed || r.Type != "VirtualMachine" && r.Type != "Task"
	kind := "enter"
	if known {
		kind = "modify"
	}
	writeRef(out, `<objectSet><kind>`+kind+`</kind><obj type="`, r, `</obj>`)
	out.Write(changes.Bytes())
	out.WriteString(`</objectSet>`)
	return true
}

func parseVersion(version string) (int, bool) {
	if version == "" {
		return 0, true
	}
	n, err := strconv.Atoi(version)
	return n, err == nil && n > 0
}
