package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// The control API: JSON, POST /_control/<verb> with an object, or GET. Nobody
// has to log in, which is why both listeners take loopback addresses only.

type verb func(v *vcenter, body []byte) (interface{}, error)

var verbs = map[string]verb{
	"health":          func(*vcenter, []byte) (interface{}, error) { return map[string]bool{"ok": true}, nil },
	"rules":           controlRules,
	"rules/delete":    controlDeleteRules,
	"rules/release":   controlReleaseRule,
	"sessions":        controlSessions,
	"sessions/expire": controlExpire,
	"calls":           controlCalls,
	"ledger":          controlLedger,
	"tasks":           controlTasks,
	"tasks/reset":     controlResetTasks,
	"tasks/forget":    controlForgetTasks,
	"clock":           controlClock,
	"settings":        controlSettings,
	"inventory":       controlInventory,
	"find":            controlFind,
	"permissions":     controlPermissions,
	"permissions/set": controlPermit,
	"permissions/del": controlUnpermit,
	"users":           controlUsers,
	"roles":           controlRoles,
	"hide":            controlHide,
	"unhide":          controlUnhide,
	"vm/create":       controlCreate,
	"vm/set":          controlSet,
	"vm/rename":       controlRename,
	"vm/power":        controlPower,
	"vm/swap":         controlSwap,
	"vm/reidentify":   controlReidentify,
	"vm/unregister":   controlUnregister,
	"vm/destroy":      controlDestroy,
	"vm/export":       controlExport,
	"vm/import":       controlImport,
	"wait":            controlWait,
	"listener":        controlListener,
}

// numeric names the fields of GET queries that are numbers.
var numeric = map[string]bool{"after": true, "count": true, "timeout_ms": true}

func (v *vcenter) controlRoutes() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Trim(strings.TrimPrefix(r.URL.Path, "/_control"), "/")
		do, ok := verbs[name]
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil || !ok {
			reply(w, http.StatusNotFound, map[string]string{"error": "there is no " + name})
			return
		}
		if r.Method == http.MethodGet && len(r.URL.Query()) > 0 { // ?vm=x is the body {"vm":"x"}
			query := make(map[string]interface{})
			for key := range r.URL.Query() {
				query[key] = r.URL.Query().Get(key)
				if n, err := strconv.Atoi(r.URL.Query().Get(key)); err == nil && numeric[key] {
					query[key] = n
				}
			}
			body, _ = json.Marshal(query)
		}
		answer, err := do(v, body)
		if err != nil {
			reply(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		if answer == nil {
			answer = map[string]bool{"ok": true}
		}
		reply(w, http.StatusOK, answer)
	})
}

func reply(w http.ResponseWriter, status int, value interface{}) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func parse(body []byte, into interface{}) error {
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil
	}
	return decodeStrictly(body, into)
}

// controlRules adds a rule or a list of them, and answers all.
func controlRules(v *vcenter, body []byte) (interface{}, error) {
	text := strings.TrimSpace(string(body))
	if text == "" {
		return v.rules.copy(), nil
	}
	var rules []*rule
	if strings.HasPrefix(text, "{") {
		text = "[" + text + "]"
	}
	if err := parse([]byte(text), &rules); err != nil {
		return nil, err
	}
	ids, err := v.rules.add(rules)
	return map[string][]string{"ids": ids}, err
}

type byID struct {
	ID string `json:"id"`
}

func controlDeleteRules(v *vcenter, body []byte) (interface{}, error) {
	var q byID
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	return map[string]bool{"ok": v.rules.remove(q.ID)}, nil
}

func controlReleaseRule(v *vcenter, body []byte) (interface{}, error) {
	var q byID
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	return map[string]bool{"ok": v.rules.free(q.ID)}, nil
}

type sessionView struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	Agent     string    `json:"agent"`
	Login     time.Time `json:"login"`
	CallCount int64     `json:"calls"`
}

func controlSessions(v *vcenter, _ []byte) (interface{}, error) {
	all := []sessionView{}
	for _, s := range v.sessions.list() {
		all = append(all, sessionView{s.Key[:8], s.UserName, s.UserAgent, s.LoginTime, s.CallCount})
	}
	return all, nil
}

// controlExpire ends the sessions of a user, or all.
func controlExpire(v *vcenter, body []byte) (interface{}, error) {
	var q struct {
		User string `json:"user"`
	}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	ended := 0
	for _, s := range v.sessions.list() {
		if (q.User == "" || sameUser(q.User, s.UserName)) && v.sessions.end(s.Key) {
			ended++
		}
	}
	return map[string]int{"ended": ended}, nil
}

func controlCalls(v *vcenter, body []byte) (interface{}, error) {
	var q struct {
		Clear interface{} `json:"clear"`
	}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	return v.calls.copy(q.Clear != nil), nil
}

func controlLedger(v *vcenter, body []byte) (interface{}, error) {
	var q struct {
		After int `json:"after"`
	}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	records, _ := v.ledger.after(q.After)
	return records, nil
}

type taskView struct {
	Task, Entity, EntityName, DescriptionID, State, User string
	Fault                                                string `json:",omitempty"`
	Queued                                               time.Time
}

func controlTasks(v *vcenter, _ []byte) (interface{}, error) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	all := []taskView{}
	for _, t := range v.tasks.history {
		view := taskView{Task: t.Self.Value, Entity: t.Info.Entity.Value, EntityName: t.Info.EntityName, DescriptionID: t.Info.DescriptionId,
			State: string(t.Info.State), User: t.Info.Reason.(*types.TaskReasonUser).UserName, Queued: t.Info.QueueTime}
		if t.Info.Error != nil {
			view.Fault = faultOf(t.Info.Error.Fault).name()
		}
		all = append(all, view)
	}
	return all, nil
}

// controlResetTasks forgets history and numbers, as a vCenter restored from a backup does.
func controlResetTasks(v *vcenter, body []byte) (interface{}, error) {
	q := struct {
		Next int `json:"next"`
	}{1}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropTaskObjects()
	v.tasks.history, v.tasks.byRef, v.tasks.next = nil, make(map[ref]*task), q.Next
	return nil, nil
}

// controlForgetTasks removes finished task objects, as a vCenter does after some minutes; the history keeps them.
func controlForgetTasks(v *vcenter, _ []byte) (interface{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.dropTaskObjects()
	return nil, nil
}

func (v *vcenter) dropTaskObjects() {
	for r, t := range v.tasks.byRef {
		if t.Info.CompleteTime != nil {
			simulator.Map.Remove(r)
			v.changes.mark(r)
		}
	}
	simulator.Map.Get(*v.content.TaskManager).(*simulator.TaskManager).RecentTask = nil
}

func controlClock(v *vcenter, body []byte) (interface{}, error) {
	var q struct {
		OffsetMs *int64 `json:"offset_ms"`
	}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	if q.OffsetMs != nil {
		atomic.StoreInt64(&v.clockOffset, *q.OffsetMs*int64(time.Millisecond))
	}
	return map[string]interface{}{"now": v.now(), "offset_ms": atomic.LoadInt64(&v.clockOffset) / int64(time.Millisecond)}, nil
}

// controlSettings changes what is named, and answers all.
func controlSettings(v *vcenter, body []byte) (interface{}, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.settings
	if err := parse(body, &s); err != nil {
		return nil, err
	}
	v.settings = s
	return s, nil
}
