package main

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

var moTypes = map[string]reflect.Type{}

func init() {
	for _, o := range []interface{}{mo.ManagedEntity{}, mo.Folder{}, mo.StoragePod{}, mo.Datacenter{}, mo.ComputeResource{},
		mo.ClusterComputeResource{}, mo.HostSystem{}, mo.ResourcePool{}, mo.VirtualApp{}, mo.VirtualMachine{}, mo.Datastore{},
		mo.Network{}, mo.OpaqueNetwork{}, mo.DistributedVirtualPortgroup{}, mo.DistributedVirtualSwitch{},
		mo.VmwareDistributedVirtualSwitch{}} {
		moTypes[reflect.TypeOf(o).Name()] = reflect.TypeOf(o)
	}
}

// object finds what a session sees under a reference: its own objects, the
// session's side of singletons, or the inventory. Callers hold mu.
func (v *vcenter) object(s *session, r ref) mo.Reference {
	if own := s.object(r); own != nil {
		switch o := own.(type) {
		case *containerView:
			shown := o.ContainerView
			shown.View = o.members(v)
			return &shown
		case *taskCollector:
			return v.latestPage(o)
		case *collector:
			return &mo.PropertyCollector{Self: r}
		}
		return own
	}
	switch r.Type {
	case "SessionManager":
		return v.sessionManager(s, r)
	case "PropertyCollector":
		if r == v.content.PropertyCollector {
			return &mo.PropertyCollector{Self: r}
		}
		return nil
	case "AuthorizationManager":
		return v.rights.shown(r)
	}
	if s != nil {
		if own := s.library.Registry.Get(r); own != nil {
			if shown, ok := own.(interface{ Get() mo.Reference }); ok {
				return shown.Get()
			}
			return own
		}
		if !v.rights.visible(s.user(), r) && v.settings.Unreadable == "not_found" {
			return nil
		}
	}
	return simulator.Map.Get(r)
}

// seen says whether a reference leads anywhere for this session. Callers hold mu.
func (v *vcenter) seen(s *session, r ref) bool { return v.object(s, r) != nil }

// selection collects the objects that a filter spec chooses.
type selection struct {
	v     *vcenter
	s     *session
	named map[string]*types.TraversalSpec
	refs  []ref
	has   map[ref]bool
	been  map[step]bool
}

type step struct {
	at   ref
	spec *types.TraversalSpec
}

// choose answers the objects in the order found, each once. Callers hold mu.
func (v *vcenter) choose(s *session, spec *types.PropertyFilterSpec) ([]ref, *fault) {
	x := &selection{v: v, s: s, named: map[string]*types.TraversalSpec{}, has: map[ref]bool{}, been: map[step]bool{}}
	for _, o := range spec.ObjectSet {
		x.learn(o.SelectSet)
	}
	for _, o := range spec.ObjectSet {
		found := v.object(s, o.Obj)
		if found == nil {
			if spec.ReportMissingObjectsInResults != nil && *spec.ReportMissingObjectsInResults {
				continue
			}
			return nil, faultOf(&types.ManagedObjectNotFound{Obj: o.Obj})
		}
		if o.Skip == nil || !*o.Skip || len(o.SelectSet) == 0 {
			x.add(o.Obj)
		}
		if f := x.follow(o.Obj, found, o.SelectSet); f != nil {
			return nil, f
		}
	}
	return x.refs, nil
}

func (x *selection) learn(specs []types.BaseSelectionSpec) {
	for _, s := range specs {
		if t, ok := s.(*types.TraversalSpec); ok {
			if t.Name != "" {
				x.named[t.Name] = t
			}
			x.learn(t.SelectSet)
		}
	}
}

func (x *selection) add(r ref) {
	if !x.has[r] {
		x.has[r] = true
		x.refs = append(x.refs, r)
	}
}

func (x *selection) follow(at ref, o mo.Reference, specs []types.BaseSelectionSpec) *fault {
	for _, s := range specs {
		t, ok := s.(*types.TraversalSpec)
		if !ok {
			if t = x.named[s.GetSelectionSpec().Name]; t == nil {
				return faultOf(&types.InvalidArgument{InvalidProperty: "undefined TraversalSpec name"})
			}
		}
		if x.been[step{at, t}] {
			continue
		}
		x.been[step{at, t}] = true
		value := managed(o)
		if !isKind(value.Type(), t.Type) {
			continue
		}
		for _, next := range references(readPath(value, t.Path)) {
			found := x.v.object(x.s, next)
			if found == nil {
				continue
			}
			if t.Skip == nil || !*t.Skip {
				x.add(next)
			}
			if f := x.follow(next, found, t.SelectSet); f != nil {
				return f
			}
		}
	}
	return nil
}

func references(value interface{}) []ref {
	switch x := value.(type) {
	case ref:
		return []ref{x}
	case *types.ArrayOfManagedObjectReference:
		return x.ManagedObjectReference
	}
	return nil
}

// plan is what specs want of one type of object.
type plan struct {
	wanted  bool
	paths   []string
	missing []string // asked for, but the type has no such property
	key     string   // of the list, for the cache
}

// plans works them out once for a request or a filter.
type plans struct {
	specs  []types.PropertyFilterSpec
	byType map[reflect.Type]*plan
}

func newPlans(specs ...types.PropertyFilterSpec) *plans {
	return &plans{specs, make(map[reflect.Type]*plan)}
}

func (p *plans) of(t reflect.Type, kind string) *plan {
	if known, ok := p.byType[t]; ok {
		return known
	}
	made := &plan{}
	seen := make(map[string]bool)
	for _, spec := range p.specs {
		for _, set := range spec.PropSet {
			if set.Type != kind && !isKind(t, set.Type) {
				continue
			}
			made.wanted = true
			list := set.PathSet
			if set.All != nil && *set.All {
				list = allPaths(t)
			}
			for _, path := range list {
				if seen[path] {
					continue
				}
				seen[path] = true
				if hasPath(t, path) {
					made.paths = append(made.paths, path)
				} else {
					made.missing = append(made.missing, path)
				}
			}
		}
	}
	made.key = strings.Join(made.paths, " ")
	p.byType[t] = made
	return made
}

// checkPaths refuses a property that a type of ours does not have, as vCenter does.
func checkPaths(spec *types.PropertyFilterSpec) *fault {
	for _, p := range spec.PropSet {
		t, ok := moTypes[p.Type]
		if !ok {
			continue
		}
		for _, path := range p.PathSet {
			if !hasPath(t, path) {
				return faultOf(&types.InvalidProperty{Name: path})
			}
		}
	}
	return nil
}
