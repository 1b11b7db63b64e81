package main

import (
	"fmt"
	"time"
)

// waitFor is an event that a test waits for: records in the ledger, or hits of a rule.
type waitFor struct {
	Phase     string `json:"phase"`
	Method    string `json:"method"`
	Entity    string `json:"entity"` // MoRef or name
	After     int    `json:"after"`  // only records behind this number
	Count     int    `json:"count"`  // 1 unless given
	Rule      string `json:"rule"`
	TimeoutMs int    `json:"timeout_ms"` // 5000 unless given
}

func controlWait(v *vcenter, body []byte) (interface{}, error) {
	q := waitFor{Count: 1, TimeoutMs: 5000}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	timeout := time.NewTimer(time.Duration(q.TimeoutMs) * time.Millisecond)
	defer timeout.Stop()
	for {
		done, grown, err := v.waitedFor(&q)
		if err != nil || done != nil {
			return done, err
		}
		select {
		case <-grown:
		case <-timeout.C:
			return nil, fmt.Errorf("it did not happen within %d ms", q.TimeoutMs)
		}
	}
}

// waitedFor answers what happened, or a channel that tells when to look again.
func (v *vcenter) waitedFor(q *waitFor) (interface{}, <-chan struct{}, error) {
	if q.Rule != "" {
		hits, known, hit := v.rules.hits(q.Rule)
		if !known {
			return nil, nil, fmt.Errorf("there is no rule %q", q.Rule)
		}
		if hits >= q.Count {
			return map[string]int{"hits": hits}, nil, nil
		}
		return nil, hit, nil
	}
	records, grown := v.ledger.after(q.After)
	var found []record
	for _, r := range records {
		if (q.Phase == "" || q.Phase == r.Phase) && (q.Method == "" || q.Method == r.Method) &&
			(q.Entity == "" || q.Entity == r.Entity || q.Entity == r.Name) {
			found = append(found, r)
		}
	}
	if len(found) >= q.Count {
		return found, nil, nil
	}
	return nil, grown, nil
}
