package main

import (
	"fmt"
	"sync"
)

// rule makes calls go wrong, or slowly. The first rule that matches a call takes it.
type rule struct {
	ID      string `json:"id"`
	Method  string `json:"method,omitempty"` // "" is any
	Entity  string `json:"entity,omitempty"` // MoRef or name
	User    string `json:"user,omitempty"`
	Skip    int    `json:"skip,omitempty"`  // let this many matching calls pass first
	Times   int    `json:"times,omitempty"` // then take this many; 0 is every one
	Action  string `json:"action"`
	Ms      int    `json:"ms,omitempty"`
	Fault   string `json:"fault,omitempty"`
	Message string `json:"message,omitempty"`
	Status  int    `json:"status,omitempty"`
	Execute *bool  `json:"execute,omitempty"` // http, garbage, truncate: do the work all the same?

	Cancelable *bool `json:"cancelable,omitempty"` // slow_task, hold_task
	Reset      bool  `json:"reset,omitempty"`      // drops send RST instead of FIN
	Hits       int   `json:"hits"`

	release chan struct{}
}

// actions and whether the call is executed unless the rule says otherwise.
var actions = map[string]bool{"delay": true, "late": true, "hold": true, "hold_answer": true, "fault": false, "task_fault": false,
	"slow_task": true, "hold_task": true, "drop_before": false, "drop_during": true, "drop_after": true, "http": false,
	"garbage": true, "truncate": true, "pass": true}

type ruleSet struct {
	mu   sync.Mutex
	next int
	list []*rule
	hit  chan struct{} // closed at the next hit
}

func newRuleSet() *ruleSet { return &ruleSet{hit: make(chan struct{})} }

func (r *rule) executes() bool {
	if r == nil {
		return true
	}
	if r.Execute != nil {
		return *r.Execute
	}
	return actions[r.Action]
}

func (r *rule) does(action string) bool { return r != nil && r.Action == action }

func (r *rule) check() error {
	if _, ok := actions[r.Action]; !ok {
		return fmt.Errorf("no action is called %q", r.Action)
	}
	if r.Action == "fault" || r.Action == "task_fault" {
		if _, err := newFault(r.Fault); err != nil {
			return err
		}
	}
	if r.Action == "http" && r.Status == 0 {
		r.Status = 503
	}
	return nil
}

// add appends rules after checking all of them, and answers their ids.
func (s *ruleSet) add(rules []*rule) ([]string, error) {
	for _, r := range rules {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, r := range rules {
		s.next++
		if r.ID == "" {
			r.ID = fmt.Sprintf("rule-%d", s.next)
		}
		r.release = make(chan struct{})
		s.list = append(s.list, r)
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// take finds the rule for a call and counts the hit.
func (s *ruleSet) take(c *call) *rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.list {
		if !(r.Method == "" || r.Method == c.method) || !(r.User == "" || sameUser(r.User, c.user())) ||
			!(r.Entity == "" || r.Entity == c.this.Value || r.Entity == c.name) {
			continue
		}
		if r.Times > 0 && r.Hits >= r.Skip+r.Times {
			continue
		}
		r.Hits++
		if r.Hits <= r.Skip {
			continue
		}
		close(s.hit)
		s.hit = make(chan struct{})
		return r
	}
	return nil
}

// remove drops one rule, or all for "", and releases what they hold.
func (s *ruleSet) remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []*rule
	for _, r := range s.list {
		if id == "" || r.ID == id {
			r.letGo()
		} else {
			kept = append(kept, r)
		}
	}
	removed := len(kept) < len(s.list)
	s.list = kept
	return removed || id == ""
}

// free releases what one rule holds; the rule stays, and holds nothing any more.
func (s *ruleSet) free(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.list {
		if r.ID == id {
			r.letGo()
			return true
		}
	}
	return false
}

func (r *rule) letGo() {
	select {
	case <-r.release:
	default:
		close(r.release)
	}
}

func (s *ruleSet) copy() []rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]rule, 0, len(s.list))
	for _, r := range s.list {
		list = append(list, *r)
	}
	return list
}

// hits answers how often a rule acted, and a channel that is closed at the next hit of any.
func (s *ruleSet) hits(id string) (int, bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.list {
		if r.ID == id {
			n := r.Hits - r.Skip
			if n < 0 {
				n = 0
			}
			return n, true, s.hit
		}
	}
	return 0, false, s.hit
}
