package main

import (
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// rights holds users, roles and permissions; the library grants everything to
// everybody. Guarded by vcenter.mu.
type rights struct {
	passwords   map[string]string // by lower-case user name
	groups      map[string][]string
	roles       []types.AuthorizationRole
	byRole      map[int32]map[string]bool
	permissions map[ref][]types.Permission
	hidden      map[ref]map[string]bool // machines hidden from users by the control API
	restricted  bool                    // some user may be unable to see some machine
}

func newRights() *rights {
	r := &rights{passwords: map[string]string{}, groups: map[string][]string{}, byRole: map[int32]map[string]bool{},
		permissions: map[ref][]types.Permission{}, hidden: map[ref]map[string]bool{}}
	for _, role := range esx.RoleList {
		r.putRole(role)
	}
	return r
}

func sameUser(a, b string) bool { return strings.EqualFold(a, b) }

func (r *rights) checkPassword(user, password string) bool {
	want, ok := r.passwords[strings.ToLower(user)]
	return ok && password != "" && want == password
}

func (r *rights) putRole(role types.AuthorizationRole) {
	set := make(map[string]bool)
	for _, p := range role.Privilege {
		set[p] = true
	}
	r.byRole[role.RoleId] = set
	for i := range r.roles {
		if r.roles[i].RoleId == role.RoleId {
			r.roles[i] = role
			return
		}
	}
	r.roles = append(r.roles, role)
}

func (r *rights) roleNamed(name string) (int32, bool) {
	for _, role := range r.roles {
		if role.Name == name {
			return role.RoleId, true
		}
	}
	return 0, false
}

func (r *rights) roleName(id int32) string {
	for _, role := range r.roles {
		if role.RoleId == id {
			return role.Name
		}
	}
	return ""
}

// newRole gives a role a number; every role can read, as in a vCenter.
func (r *rights) newRole(name string, privileges []string) int32 {
	id := int32(1000)
	for _, role := range r.roles {
		if role.RoleId >= id {
			id = role.RoleId + 1
		}
	}
	r.putRole(types.AuthorizationRole{RoleId: id, Name: name, Info: &types.Description{Label: name, Summary: name},
		Privilege: withSystem(privileges)})
	return id
}

func withSystem(privileges []string) []string {
	all := append([]string{}, privileges...)
	for _, p := range []string{"System.Anonymous", "System.Read", "System.View"} {
		found := false
		for _, have := range privileges {
			found = found || have == p
		}
		if !found {
			all = append(all, p)
		}
	}
	return all
}

func (r *rights) inGroup(user, group string) bool {
	for name, members := range r.groups {
		if !sameUser(name, group) {
			continue
		}
		for _, m := range members {
			if sameUser(m, user) || r.inGroup(user, m) {
				return true
			}
		}
	}
	return false
}

// granted follows a vCenter's rule: the nearest object upwards that says
// anything about the user decides; there, the user's own entry wins over
// groups, and several groups add up.
func (r *rights) granted(user, privilege string, on ref) bool {
	for at, own := on, true; ; own = false {
		var byGroup, allowed bool
		for _, p := range r.permissions[at] {
			if !own && !p.Propagate {
				continue
			}
			if !p.Group && sameUser(p.Principal, user) {
				return r.byRole[p.RoleId][privilege]
			}
			if p.Group && r.inGroup(user, p.Principal) {
				byGroup = true
				allowed = allowed || r.byRole[p.RoleId][privilege]
			}
		}
		if byGroup {
			return allowed
		}
		e := entity(at)
		if e == nil || e.Parent == nil {
			return false
		}
		at = *e.Parent
	}
}

// visible says whether a user may see an object. Only machines are ever hidden.
func (r *rights) visible(user string, on ref) bool {
	if on.Type != "VirtualMachine" || !r.restricted {
		return true
	}
	if r.hidden[on][strings.ToLower(user)] {
		return false
	}
	return r.granted(user, "System.Read", on)
}

// settle works out whether visibility has to be asked at all: not while every
// user can read at the root and nothing below takes that away.
func (r *rights) settle(root ref) {
	r.restricted = len(r.hidden) > 0
	for at, list := range r.permissions {
		for _, p := range list {
			r.restricted = r.restricted || at != root && !r.byRole[p.RoleId]["System.Read"]
		}
	}
	for user := range r.passwords {
		r.restricted = r.restricted || !r.granted(user, "System.Read", root)
	}
}

// set replaces a principal's entry on an object.
func (r *rights) set(on ref, p types.Permission) {
	at := on
	p.Entity = &at
	r.remove(on, p.Principal, p.Group)
	r.permissions[on] = append(r.permissions[on], p)
}

func (r *rights) remove(on ref, principal string, group bool) bool {
	var kept []types.Permission
	for _, p := range r.permissions[on] {
		if p.Group != group || !sameUser(p.Principal, principal) {
			kept = append(kept, p)
		}
	}
	removed := len(kept) < len(r.permissions[on])
	if len(kept) == 0 {
		delete(r.permissions, on)
	} else {
		r.permissions[on] = kept
	}
	return removed
}

// forget drops what was said about a machine that is gone.
func (r *rights) forget(on ref) {
	delete(r.permissions, on)
	delete(r.hidden, on)
}

// shown is the AuthorizationManager as clients read it.
func (r *rights) shown(self ref) mo.Reference {
	m := &mo.AuthorizationManager{Self: self, RoleList: r.roles}
	if library, ok := simulator.Map.Get(self).(*simulator.AuthorizationManager); ok {
		m.PrivilegeList, m.Description = library.PrivilegeList, library.Description
	}
	return m
}
