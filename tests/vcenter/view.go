package main

import (
	"sort"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// containerView lists nothing: who is in it is worked out when somebody looks.
// The library keeps the list of every view up to date at every change, and
// re-collects all of it at every update.
type containerView struct {
	mo.ContainerView
	owner *session
}

type listView struct{ mo.ListView }

func (v *vcenter) createContainerView(c *call) interface{} {
	q := c.body.(*types.CreateContainerView)
	v.mu.RLock()
	defer v.mu.RUnlock()
	if !v.seen(c.session, q.Container) {
		return faultOf(&types.ManagedObjectNotFound{Obj: q.Container})
	}
	switch q.Container.Type {
	case "Folder", "Datacenter", "ComputeResource", "ClusterComputeResource", "ResourcePool", "HostSystem", "VirtualApp":
	default:
		return faultOf(&types.InvalidArgument{InvalidProperty: "container"})
	}
	for _, kind := range q.Type {
		if _, ok := moTypes[kind]; !ok {
			return faultOf(&types.InvalidArgument{InvalidProperty: "type"})
		}
	}
	self := c.session.add("ContainerView", func(self ref) mo.Reference {
		view := &containerView{owner: c.session}
		view.Self, view.Container, view.Type, view.Recursive = self, q.Container, q.Type, q.Recursive
		return view
	})
	return &types.CreateContainerViewResponse{Returnval: self}
}

func (v *vcenter) createListView(c *call) interface{} {
	q := c.body.(*types.CreateListView)
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, r := range q.Obj {
		if !v.seen(c.session, r) {
			return faultOf(&types.ManagedObjectNotFound{Obj: r})
		}
	}
	self := c.session.add("ListView", func(self ref) mo.Reference {
		view := &listView{}
		view.Self, view.View = self, q.Obj
		return view
	})
	return &types.CreateListViewResponse{Returnval: self}
}

func (v *vcenter) modifyListView(c *call) interface{} {
	q := c.body.(*types.ModifyListView)
	view, ok := c.session.object(c.this).(*listView)
	if !ok {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	gone := make(map[ref]bool)
	for _, r := range q.Remove {
		gone[r] = true
	}
	var kept, unresolved []ref
	for _, r := range view.View {
		if !gone[r] {
			kept = append(kept, r)
		}
	}
	for _, r := range q.Add {
		if v.seen(c.session, r) {
			kept = append(kept, r)
		} else {
			unresolved = append(unresolved, r)
		}
	}
	view.View = kept
	v.changes.mark(view.Self)
	return &types.ModifyListViewResponse{Returnval: unresolved}
}

func (v *vcenter) resetListView(c *call) interface{} {
	q := c.body.(*types.ResetListView)
	view, ok := c.session.object(c.this).(*listView)
	if !ok {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	view.View = q.Obj
	v.changes.mark(view.Self)
	return &types.ResetListViewResponse{}
}

func (v *vcenter) destroyView(c *call) interface{} {
	if c.session.object(c.this) == nil {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	c.session.remove(c.this)
	return &types.DestroyViewResponse{}
}

// children lists the objects right below one, by their own fields.
func children(r ref) []ref {
	switch o := simulator.Map.Get(r).(type) {
	case *simulator.Folder:
		return o.ChildEntity
	case *simulator.Datacenter:
		return []ref{o.VmFolder, o.HostFolder, o.DatastoreFolder, o.NetworkFolder}
	case *simulator.ClusterComputeResource:
		return append(append([]ref{}, o.Host...), *o.ResourcePool)
	case *mo.ComputeResource:
		return append(append([]ref{}, o.Host...), *o.ResourcePool)
	case *simulator.ResourcePool:
		return append(append([]ref{}, o.ResourcePool.ResourcePool...), o.Vm...)
	case *simulator.HostSystem:
		return o.Vm
	}
	return nil
}

// includes asks the view's types only.
func (w *containerView) includes(r ref) bool {
	if len(w.Type) == 0 {
		return true
	}
	for _, kind := range w.Type {
		if r.Type == kind || isKind(moTypes[r.Type], kind) {
			return true
		}
	}
	return false
}

// members walks the view. Callers hold vcenter.mu.
func (w *containerView) members(v *vcenter) []ref {
	var found []ref
	seen := make(map[ref]bool)
	// Machines hang below folders; below hosts and pools they are the same ones again.
	foldersOnly := len(w.Type) == 1 && w.Type[0] == "VirtualMachine" && w.byParents()
	var walk func(ref)
	walk = func(r ref) {
		for _, child := range children(r) {
			if seen[child] || foldersOnly && (child.Type == "ClusterComputeResource" || child.Type == "ComputeResource") {
				continue
			}
			seen[child] = true
			if w.includes(child) && v.rights.visible(w.owner.user(), child) {
				found = append(found, child)
			}
			if w.Recursive {
				walk(child)
			}
		}
	}
	walk(w.Container)
	return found
}

// byParents says whether membership can be read off an object's parents.
func (w *containerView) byParents() bool {
	return w.Container.Type == "Folder" || w.Container.Type == "Datacenter"
}

// holds asks for one object, without a walk where that is possible. Callers hold vcenter.mu.
func (w *containerView) holds(v *vcenter, r ref) bool {
	e := entity(r)
	if e == nil || !w.includes(r) || !v.rights.visible(w.owner.user(), r) {
		return false
	}
	if !w.byParents() {
		for _, member := range w.members(v) {
			if member == r {
				return true
			}
		}
		return false
	}
	for ; e != nil && e.Parent != nil; e = entity(*e.Parent) {
		if *e.Parent == w.Container {
			return true
		}
		if !w.Recursive {
			return false
		}
	}
	return false
}

// inOrder sorts references by type and number, so that pages and answers are stable.
func inOrder(refs []ref) []ref {
	number := func(r ref) int {
		n, _ := strconv.Atoi(r.Value[strings.LastIndexByte(r.Value, '-')+1:])
		return n
	}
	sort.SliceStable(refs, func(i, j int) bool {
		if refs[i].Type != refs[j].Type {
			return refs[i].Type < refs[j].Type
		}
		return number(refs[i]) < number(refs[j])
	})
	return refs
}
