package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// call is one SOAP request on its way through the server.
type call struct {
	id      int64
	ctx     context.Context // ends when the client goes away
	method  string
	this    ref
	body    interface{} // *types.<Method>
	session *session
	agent   string
	peer    string

	// What the target was called when the request came in.
	name         string
	instanceUUID string

	rule       *rule
	newSession *session
	task       string // the task that the answer names
}

// user is who calls, or wants to log in.
func (c *call) user() string {
	if q, ok := c.body.(*types.Login); ok && c.session == nil {
		return q.UserName
	}
	return c.session.user()
}

// Methods that need no session. Retrieve* answer a missing set instead of a fault, as the library does.
var anonymousMethods = map[string]bool{"RetrieveServiceContent": true, "Login": true, "RetrieveProperties": true,
	"RetrievePropertiesEx": true}

// Reading methods leave no trace in the ledger.
var readingMethods = map[string]bool{"Login": true, "Logout": true, "CurrentTime": true, "SessionIsActive": true,
	"TerminateSession": true, "CreateFilter": true, "DestroyPropertyFilter": true, "CreatePropertyCollector": true,
	"DestroyPropertyCollector": true, "WaitForUpdates": true, "WaitForUpdatesEx": true, "CheckForUpdates": true,
	"CancelWaitForUpdates": true, "ContinueRetrievePropertiesEx": true, "CancelRetrievePropertiesEx": true,
	"CreateContainerView": true, "CreateListView": true, "ModifyListView": true, "ResetListView": true, "DestroyView": true,
	"CreateCollectorForTasks": true, "CreateCollectorForEvents": true, "ReadNextTasks": true, "ReadPreviousTasks": true,
	"ReadNextEvents": true, "ReadPreviousEvents": true, "ResetCollector": true, "RewindCollector": true,
	"SetCollectorPageSize": true, "DestroyCollector": true}

func mutates(method string) bool {
	if readingMethods[method] {
		return false
	}
	for _, prefix := range []string{"Retrieve", "Find", "Has", "Query", "Fetch", "Get", "List", "Validate"} {
		if strings.HasPrefix(method, prefix) {
			return false
		}
	}
	return true
}

// execute does what the call asks for. It takes vcenter.mu itself.
func (v *vcenter) execute(c *call) (result interface{}) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "test-vcenter: %s on %s: %v\n%s", c.method, c.this.Value, p, debug.Stack())
			result = &fault{message: fmt.Sprintf("%s failed inside the server: %v", c.method, p)}
		}
	}()
	if c.session == nil && !anonymousMethods[c.method] {
		return faultOf(&types.NotAuthenticated{NoPermission: types.NoPermission{Object: c.this, PrivilegeId: "System.View"}})
	}
	if h := v.handler(c); h != nil {
		return h(c)
	}
	if strings.HasSuffix(c.method, "_Task") {
		return v.runTask(c, func() taskOutcome { return v.libraryTask(c) })
	}
	if mutates(c.method) {
		return v.writing(func(c *call) interface{} { return v.library(c) })(c)
	}
	v.mu.Lock() // the library also writes while reading
	defer v.mu.Unlock()
	if f := v.reachable(c); f != nil {
		return f
	}
	result = v.library(c)
	if _, refused := result.(*fault); refused {
		return result
	}
	return raw(encodeFields(result)) // now: it may point into the inventory
}

// reading and writing wrap the handlers of objects of the inventory with what
// all of them need: the lock, that the target is there, and the caller's right.
func (v *vcenter) reading(h func(*call) interface{}) func(*call) interface{} {
	return func(c *call) interface{} {
		v.mu.RLock()
		defer v.mu.RUnlock()
		return h(c)
	}
}

func (v *vcenter) writing(h func(*call) interface{}) func(*call) interface{} {
	return func(c *call) interface{} {
		v.mu.Lock()
		defer v.mu.Unlock()
		if f := v.admissible(c); f != nil {
			return f
		}
		begun := v.now()
		result := h(c)
		v.changes.mark(mentioned(c)...)
		v.executed(c, "", faultName(result))
		v.noteInHistory(c, result, begun)
		return result
	}
}

// reachable says why the target cannot be talked to at all.
func (v *vcenter) reachable(c *call) *fault {
	if c.session.libraryObject(c.this) != nil {
		return nil
	}
	visible := v.rights.visible(c.session.user(), c.this)
	if exists(c.this) && !visible && v.settings.Unreadable == "no_permission" {
		return faultOf(&types.NoPermission{Object: c.this, PrivilegeId: "System.View"})
	}
	if !exists(c.this) || !visible {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	return nil
}

// admissible is checked before anything changes.
func (v *vcenter) admissible(c *call) *fault {
	if f := v.reachable(c); f != nil {
		return f
	}
	for _, need := range neededPrivileges(c) {
		if !v.rights.granted(c.session.user(), need.privilege, need.on) {
			return faultOf(&types.NoPermission{Object: need.on, PrivilegeId: need.privilege})
		}
	}
	return nil
}

// library calls the library's own implementation by name. Callers hold mu exclusively.
func (v *vcenter) library(c *call) interface{} {
	var target interface{} = simulator.Map.Get(c.this)
	if own := c.session.libraryObject(c.this); own != nil {
		target = own
	}
	name := strings.ToUpper(c.method[:1]) + c.method[1:]
	if strings.HasSuffix(name, "_Task") {
		name = strings.TrimSuffix(name, "_Task") + "Task"
	}
	m := reflect.ValueOf(target).MethodByName(name)
	if !m.IsValid() {
		return faultOf(&types.MethodNotFound{Receiver: c.this, Method: c.method})
	}
	var args []reflect.Value
	if m.Type().NumIn() == 2 {
		args = append(args, reflect.ValueOf(v.libraryContext(c)))
	}
	return fromLibrary(m.Call(append(args, reflect.ValueOf(c.body)))[0].Interface().(soap.HasFault))
}

func (v *vcenter) libraryContext(c *call) *simulator.Context {
	this := c.this
	ctx := &simulator.Context{Context: context.Background(), Map: simulator.Map, Caller: &this}
	if c.session != nil {
		ctx.Session = c.session.library
	}
	return ctx
}

// mentioned lists the target and every object that the request names.
func mentioned(c *call) []ref {
	found := []ref{c.this}
	var walk func(reflect.Value)
	walk = func(x reflect.Value) {
		switch x.Kind() {
		case reflect.Ptr, reflect.Interface:
			if !x.IsNil() {
				walk(x.Elem())
			}
		case reflect.Slice:
			for i := 0; i < x.Len(); i++ {
				walk(x.Index(i))
			}
		case reflect.Struct:
			if r, ok := x.Interface().(ref); ok {
				found = append(found, r)
				return
			}
			for i := 0; i < x.NumField(); i++ {
				if x.Type().Field(i).PkgPath == "" {
					walk(x.Field(i))
				}
			}
		}
	}
	walk(reflect.ValueOf(c.body))
	return found
}
