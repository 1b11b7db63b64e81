package main

import (
	"fmt"
	"sort"
	"strings"
)

type permissionView struct {
	On        string `json:"on"`
	Name      string `json:"name"`
	Principal string `json:"principal"`
	Group     bool   `json:"group"`
	Role      string `json:"role"`
	Propagate bool   `json:"propagate"`
}

func controlPermissions(v *vcenter, _ []byte) (interface{}, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	all := []permissionView{}
	for on, list := range v.rights.permissions {
		for _, p := range list {
			all = append(all, permissionView{on.Value, entityName(on), p.Principal, p.Group, v.rights.roleName(p.RoleId), p.Propagate})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].On+all[i].Principal < all[j].On+all[j].Principal })
	return all, nil
}

func controlPermit(v *vcenter, body []byte) (interface{}, error) {
	var p permissionSpec
	if err := parse(body, &p); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.permit(p); err != nil {
		return nil, err
	}
	v.rightsChanged()
	return nil, nil
}

func controlUnpermit(v *vcenter, body []byte) (interface{}, error) {
	var p permissionSpec
	if err := parse(body, &p); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	on, err := v.find(p.On)
	if err != nil {
		return nil, err
	}
	if !v.rights.remove(on, p.Principal, p.Group) {
		return nil, fmt.Errorf("%s has no permission on %s itself", p.Principal, p.On)
	}
	v.rightsChanged()
	return nil, nil
}

// controlUsers adds or changes logins; an empty password takes the login away.
func controlUsers(v *vcenter, body []byte) (interface{}, error) {
	var users []userSpec
	if err := parse(body, &users); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, u := range users {
		if u.Password == "" {
			delete(v.rights.passwords, strings.ToLower(u.Name))
		} else {
			v.rights.passwords[strings.ToLower(u.Name)] = u.Password
		}
	}
	v.rightsChanged()
	return nil, nil
}

// controlRoles replaces the privileges of roles, by name.
func controlRoles(v *vcenter, body []byte) (interface{}, error) {
	var roles map[string][]string
	if err := parse(body, &roles); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, privileges := range roles {
		id, ok := v.rights.roleNamed(name)
		if !ok {
			v.rights.newRole(name, privileges)
			continue
		}
		for _, role := range v.rights.roles {
			if role.RoleId == id {
				role.Privilege = withSystem(privileges)
				v.rights.putRole(role)
			}
		}
	}
	v.rightsChanged()
	all := make(map[string][]string)
	for _, role := range v.rights.roles {
		all[role.Name] = role.Privilege
	}
	return all, nil
}

type hiding struct {
	VM   string `json:"vm"`
	User string `json:"user"`
}

// controlHide takes one machine out of a user's sight; its folder stays readable.
func controlHide(v *vcenter, body []byte) (interface{}, error) {
	return nil, v.setHidden(body, true)
}

func controlUnhide(v *vcenter, body []byte) (interface{}, error) {
	return nil, v.setHidden(body, false)
}

func (v *vcenter) setHidden(body []byte, hidden bool) error {
	var q hiding
	if err := parse(body, &q); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	r, err := v.find(q.VM)
	if err != nil {
		return err
	}
	if hidden {
		if v.rights.hidden[r] == nil {
			v.rights.hidden[r] = make(map[string]bool)
		}
		v.rights.hidden[r][strings.ToLower(q.User)] = true
	} else if delete(v.rights.hidden[r], strings.ToLower(q.User)); len(v.rights.hidden[r]) == 0 {
		delete(v.rights.hidden, r)
	}
	v.rights.settle(v.content.RootFolder)
	v.changes.mark(r)
	return nil
}
