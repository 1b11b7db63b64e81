package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// places is where machines live: one datacenter, its clusters, its folders.
type places struct {
	datacenter ref
	vmFolder   ref
	clusters   []*cluster
	folders    map[string]ref // by path below the vm folder
}

type cluster struct {
	name  string
	sites []place
	turn  int
}

// place is what a new machine points at.
type place struct {
	host, pool, datastore, network, browser ref
	datastoreName, networkName              string
}

// build makes a datacenter with the library's model and gives it believable names.
func (v *vcenter) build(clusters int) error {
	model := simulator.VPX()
	model.Host, model.Machine, model.Cluster, model.ClusterHost, model.Datastore = 0, 0, clusters, 3, 2
	model.ServiceContent.About = v.content.About
	if err := model.Create(); err != nil {
		return err
	}
	instance := simulator.Map.Get(ref{Type: "ServiceInstance", Value: "ServiceInstance"}).(*simulator.ServiceInstance)
	uuid := v.content.About.InstanceUuid
	instance.Content.About.InstanceUuid = uuid
	v.content = instance.Content
	manager := simulator.Map.Get(*v.content.TaskManager).(*simulator.TaskManager)
	simulator.Map.RemoveHandler(manager) // the list of recent tasks is ours
	for _, t := range manager.RecentTask {
		simulator.Map.Remove(t)
	}
	manager.RecentTask = nil
	v.places = places{folders: make(map[string]ref)}
	dc := simulator.Map.Any("Datacenter").(*simulator.Datacenter)
	v.places.datacenter, v.places.vmFolder = dc.Self, dc.VmFolder
	dc.Name = "dc-main"
	v.nameDatastores()
	for _, e := range sorted("ClusterComputeResource") {
		v.places.clusters = append(v.places.clusters, nameCluster(e.(*simulator.ClusterComputeResource), len(v.places.clusters)+1))
	}
	v.watcher = &tracker{v: v, self: ref{Type: "Tracker", Value: "tracker"}}
	simulator.Map.AddHandler(v.watcher)
	return nil
}

func sorted(kind string) []mo.Entity {
	var refs []ref
	for _, e := range simulator.Map.All(kind) {
		refs = append(refs, e.Reference())
	}
	var all []mo.Entity
	for _, r := range inOrder(refs) {
		all = append(all, simulator.Map.Get(r).(mo.Entity))
	}
	return all
}

func (v *vcenter) nameDatastores() {
	for i, e := range sorted("Datastore") {
		ds := e.(*simulator.Datastore)
		ds.Name = fmt.Sprintf("datastore-%02d", i+1)
		ds.Summary.Name = ds.Name
		ds.Info.GetDatastoreInfo().Name = ds.Name
		ds.Summary.Capacity, ds.Summary.FreeSpace = 200<<40, 120<<40
	}
}

func nameCluster(c *simulator.ClusterComputeResource, n int) *cluster {
	c.Name = fmt.Sprintf("cluster-%02d", n)
	own := &cluster{name: c.Name}
	network := sorted("Network")[0].(*mo.Network)
	stores := sorted("Datastore")
	for i, h := range c.Host {
		host := simulator.Map.Get(h).(*simulator.HostSystem)
		host.Name = fmt.Sprintf("esx-%02d-%02d.corp.example.test", n, i+1)
		host.Summary.Config.Name = host.Name
		ds := stores[i%len(stores)].(*simulator.Datastore)
		own.sites = append(own.sites, place{host: h, pool: *c.ResourcePool, datastore: ds.Self, network: network.Self,
			browser: *c.EnvironmentBrowser, datastoreName: ds.Name, networkName: network.Name})
	}
	return own
}

// placeFor takes the hosts of a cluster in turn; "" is any cluster.
func (v *vcenter) placeFor(name string) (*place, error) {
	var least *cluster
	for _, c := range v.places.clusters {
		if name != "" && c.name != name {
			continue
		}
		if least == nil || c.turn < least.turn {
			least = c
		}
	}
	if least == nil {
		return nil, fmt.Errorf("there is no cluster %q", name)
	}
	least.turn++
	return &least.sites[least.turn%len(least.sites)], nil
}

// folder finds a folder by its path and makes what is missing. Callers hold mu.
func (v *vcenter) folder(path string) (*simulator.Folder, error) {
	parent := simulator.Map.Get(v.places.vmFolder).(*simulator.Folder)
	at := ""
	for _, name := range strings.Split(strings.Trim(path, "/"), "/") {
		if name == "" {
			continue
		}
		at += "/" + name
		if f := v.childFolder(parent, at, name); f != nil {
			parent = f
			continue
		}
		child := &simulator.Folder{}
		child.Name, child.ChildType = name, parent.ChildType
		simulator.Map.PutEntity(&parent.Folder, child)
		parent.ChildEntity = append(parent.ChildEntity, child.Self)
		v.changes.mark(child.Self, parent.Self)
		v.places.folders[at] = child.Self
		parent = child
	}
	return parent, nil
}

// childFolder finds a folder in another; the map is a short cut that renames and moves make wrong.
func (v *vcenter) childFolder(parent *simulator.Folder, path, name string) *simulator.Folder {
	f, ok := simulator.Map.Get(v.places.folders[path]).(*simulator.Folder)
	if ok && f.Name == name && *f.Parent == parent.Self {
		return f
	}
	for _, r := range parent.ChildEntity {
		if f, ok := simulator.Map.Get(r).(*simulator.Folder); ok && f.Name == name {
			v.places.folders[path] = r
			return f
		}
	}
	return nil
}

// pathOf is the way from the vm folder to an object's parent.
func (v *vcenter) pathOf(r ref) string {
	var names []string
	for e := entity(r); e != nil && e.Parent != nil && *e.Parent != v.places.vmFolder; e = entity(*e.Parent) {
		if e.Parent.Type != "Folder" {
			break
		}
		names = append([]string{entityName(*e.Parent)}, names...)
	}
	return strings.Join(names, "/")
}

// find resolves what a person or a test calls an object: a MoRef, "/", a folder's path, or a machine's name. Callers hold mu.
func (v *vcenter) find(name string) (ref, error) {
	if name == "/" {
		return v.content.RootFolder, nil
	}
	if strings.HasPrefix(name, "/") {
		f, at := simulator.Map.Get(v.places.vmFolder).(*simulator.Folder), ""
		for _, part := range strings.Split(strings.Trim(name, "/"), "/") {
			at += "/" + part
			if f = v.childFolder(f, at, part); f == nil {
				return ref{}, fmt.Errorf("there is no folder %s", name)
			}
		}
		return f.Self, nil
	}
	for _, kind := range []string{"VirtualMachine", "Folder", "Task", "Datacenter", "ClusterComputeResource", "HostSystem", "ResourcePool", "Datastore"} {
		if r := (ref{Type: kind, Value: name}); exists(r) {
			return r, nil
		}
	}
	var found []ref
	for _, e := range simulator.Map.All("VirtualMachine") {
		if e.Entity().Name == name {
			found = append(found, e.Reference())
		}
	}
	switch len(found) {
	case 0:
		return ref{}, fmt.Errorf("there is no machine %q", name)
	case 1:
		return found[0], nil
	}
	return ref{}, fmt.Errorf("%d machines are called %q", len(found), name)
}

// sortedKeys makes what is numbered at loading come out the same every time.
func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// permit grants a role. Callers hold mu.
func (v *vcenter) permit(p permissionSpec) error {
	on, err := v.find(p.On)
	if err != nil {
		return err
	}
	role, ok := v.rights.roleNamed(p.Role)
	if !ok {
		return fmt.Errorf("there is no role %q", p.Role)
	}
	v.rights.set(on, types.Permission{Principal: p.Principal, Group: p.Group, RoleId: role, Propagate: p.Propagate == nil || *p.Propagate})
	return nil
}

// load adds an inventory to what is there.
func (v *vcenter) load(inv *inventory) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, u := range inv.Users {
		v.rights.passwords[strings.ToLower(u.Name)] = u.Password
	}
	for name, members := range inv.Groups {
		v.rights.groups[name] = members
	}
	for _, name := range sortedKeys(inv.Roles) {
		privileges := inv.Roles[name]
		for _, p := range privileges {
			if !v.rights.byRole[-1][p] {
				return fmt.Errorf("role %s: there is no privilege %q", name, p)
			}
		}
		v.rights.newRole(name, privileges)
	}
	for _, f := range inv.Folders {
		if _, err := v.folder(f); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(inv.Categories) {
		c := inv.Categories[name]
		v.tags.addCategory(name, c.Description, c.Cardinality)
	}
	for _, name := range inv.Attributes {
		v.attributeKey(name)
	}
	for _, m := range inv.VMs {
		if _, err := v.addMachine(m); err != nil {
			return err
		}
	}
	for _, p := range inv.Permissions {
		if err := v.permit(p); err != nil {
			return err
		}
	}
	v.rightsChanged()
	return nil
}
