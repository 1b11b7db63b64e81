package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

func (v *vcenter) availability(user string, e ref, privileges []string) types.EntityPrivilege {
	answer := types.EntityPrivilege{Entity: e}
	for _, p := range privileges {
		answer.PrivAvailability = append(answer.PrivAvailability, types.PrivilegeAvailability{PrivId: p, IsGranted: v.rights.granted(user, p, e)})
	}
	return answer
}

func (v *vcenter) hasUserPrivilegeOnEntities(c *call) interface{} {
	if !v.settings.UserPrivileges {
		// What servers older than 6.5 answer to the name of a newer method.
		return &fault{detail: invalidRequest(), message: "Unable to resolve WSDL method name " + c.method + " for namespace name urn:vim25"}
	}
	q := c.body.(*types.HasUserPrivilegeOnEntities)
	answer := &types.HasUserPrivilegeOnEntitiesResponse{}
	for _, e := range q.Entities {
		if !v.seen(c.session, e) {
			return faultOf(&types.ManagedObjectNotFound{Obj: e})
		}
		answer.Returnval = append(answer.Returnval, v.availability(q.UserName, e, q.PrivId))
	}
	return answer
}

func (v *vcenter) fetchUserPrivilegeOnEntities(c *call) interface{} {
	if !v.settings.UserPrivileges {
		return &fault{detail: invalidRequest(), message: "Unable to resolve WSDL method name " + c.method + " for namespace name urn:vim25"}
	}
	q := c.body.(*types.FetchUserPrivilegeOnEntities)
	answer := &types.FetchUserPrivilegeOnEntitiesResponse{}
	for _, e := range q.Entities {
		if !v.seen(c.session, e) {
			return faultOf(&types.ManagedObjectNotFound{Obj: e})
		}
		result := types.UserPrivilegeResult{Entity: e}
		for p := range v.rights.byRole[-1] {
			if v.rights.granted(q.UserName, p, e) {
				result.Privileges = append(result.Privileges, p)
			}
		}
		answer.Returnval = append(answer.Returnval, result)
	}
	return answer
}

// sessionUser is whose rights a HasPrivilege call asks about; a caller knows sessions by their key.
func (v *vcenter) sessionUser(id string) string { return v.sessions.get(id).user() }

func (v *vcenter) hasPrivilegeOnEntities(c *call) interface{} {
	q := c.body.(*types.HasPrivilegeOnEntities)
	answer := &types.HasPrivilegeOnEntitiesResponse{}
	for _, e := range q.Entity {
		if !v.seen(c.session, e) {
			return faultOf(&types.ManagedObjectNotFound{Obj: e})
		}
		answer.Returnval = append(answer.Returnval, v.availability(v.sessionUser(q.SessionId), e, q.PrivId))
	}
	return answer
}

func (v *vcenter) hasPrivilegeOnEntity(c *call) interface{} {
	q := c.body.(*types.HasPrivilegeOnEntity)
	if !v.seen(c.session, q.Entity) {
		return faultOf(&types.ManagedObjectNotFound{Obj: q.Entity})
	}
	answer := &types.HasPrivilegeOnEntityResponse{}
	for _, p := range q.PrivId {
		answer.Returnval = append(answer.Returnval, v.rights.granted(v.sessionUser(q.SessionId), p, q.Entity))
	}
	return answer
}

func (v *vcenter) retrieveEntityPermissions(c *call) interface{} {
	q := c.body.(*types.RetrieveEntityPermissions)
	if !v.seen(c.session, q.Entity) {
		return faultOf(&types.ManagedObjectNotFound{Obj: q.Entity})
	}
	all := append([]types.Permission{}, v.rights.permissions[q.Entity]...)
	for e := entity(q.Entity); q.Inherited && e != nil && e.Parent != nil; e = entity(*e.Parent) {
		for _, p := range v.rights.permissions[*e.Parent] {
			if p.Propagate {
				all = append(all, p)
			}
		}
	}
	return &types.RetrieveEntityPermissionsResponse{Returnval: all}
}

func (v *vcenter) retrieveAllPermissions(*call) interface{} {
	answer := &types.RetrieveAllPermissionsResponse{}
	for _, list := range v.rights.permissions {
		answer.Returnval = append(answer.Returnval, list...)
	}
	return answer
}

func (v *vcenter) retrieveRolePermissions(c *call) interface{} {
	answer := &types.RetrieveRolePermissionsResponse{}
	for _, list := range v.rights.permissions {
		for _, p := range list {
			if p.RoleId == c.body.(*types.RetrieveRolePermissions).RoleId {
				answer.Returnval = append(answer.Returnval, p)
			}
		}
	}
	return answer
}

// rightsChanged lets filters see what appears and disappears. Callers hold mu.
func (v *vcenter) rightsChanged() {
	v.rights.settle(v.content.RootFolder)
	var all []ref
	for _, e := range simulator.Map.All("VirtualMachine") {
		all = append(all, e.Reference())
	}
	v.changes.mark(all...)
}

func (v *vcenter) setEntityPermissions(c *call) interface{} {
	q := c.body.(*types.SetEntityPermissions)
	if !exists(q.Entity) {
		return faultOf(&types.ManagedObjectNotFound{Obj: q.Entity})
	}
	for _, p := range q.Permission {
		if v.rights.byRole[p.RoleId] == nil {
			return faultOf(&types.NotFound{})
		}
		v.rights.set(q.Entity, p)
	}
	v.rightsChanged()
	return &types.SetEntityPermissionsResponse{}
}

func (v *vcenter) removeEntityPermission(c *call) interface{} {
	q := c.body.(*types.RemoveEntityPermission)
	if !v.rights.remove(q.Entity, q.User, q.IsGroup) {
		return faultOf(&types.NotFound{})
	}
	v.rightsChanged()
	return &types.RemoveEntityPermissionResponse{}
}

func (v *vcenter) addAuthorizationRole(c *call) interface{} {
	q := c.body.(*types.AddAuthorizationRole)
	if _, taken := v.rights.roleNamed(q.Name); taken {
		return faultOf(&types.AlreadyExists{Name: q.Name})
	}
	for _, p := range q.PrivIds {
		if !v.rights.byRole[-1][p] {
			return faultOf(&types.InvalidArgument{InvalidProperty: "privIds"})
		}
	}
	return &types.AddAuthorizationRoleResponse{Returnval: v.rights.newRole(q.Name, q.PrivIds)}
}

func (v *vcenter) updateAuthorizationRole(c *call) interface{} {
	q := c.body.(*types.UpdateAuthorizationRole)
	if v.rights.byRole[q.RoleId] == nil || q.RoleId < 0 {
		return faultOf(&types.NotFound{})
	}
	v.rights.putRole(types.AuthorizationRole{RoleId: q.RoleId, Name: q.NewName, Privilege: withSystem(q.PrivIds),
		Info: &types.Description{Label: q.NewName, Summary: q.NewName}})
	v.rightsChanged()
	return &types.UpdateAuthorizationRoleResponse{}
}

func (v *vcenter) removeAuthorizationRole(c *call) interface{} {
	q := c.body.(*types.RemoveAuthorizationRole)
	if v.rights.byRole[q.RoleId] == nil || q.RoleId < 0 {
		return faultOf(&types.NotFound{})
	}
	delete(v.rights.byRole, q.RoleId)
	for i := range v.rights.roles {
		if v.rights.roles[i].RoleId == q.RoleId {
			v.rights.roles = append(v.rights.roles[:i:i], v.rights.roles[i+1:]...)
			break
		}
	}
	v.rightsChanged()
	return &types.RemoveAuthorizationRoleResponse{}
}
