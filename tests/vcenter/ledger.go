package main

import (
	"encoding/json"
	"os"
	"sync"
	"time"
)

// ledger is the independent witness of every mutating call. A call leaves three
// records: received when its request was read, executed when the work was done,
// answered when the answer left, or was meant to.
type ledger struct {
	mu      sync.Mutex
	file    *os.File
	records []record
	grown   chan struct{} // closed at the next record

	// Lines are written by one goroutine, with one fsync for all that wait.
	written  *sync.Cond
	durable  int
	failed   error
	pending  chan struct{}
	encoding [][]byte
}

type record struct {
	Seq          int    `json:"seq"`
	At           string `json:"at"`
	Phase        string `json:"phase"` // received, executed, answered; effect for what happens later by itself
	Call         int64  `json:"call"`
	Method       string `json:"method"`
	Entity       string `json:"entity"`
	Type         string `json:"type"`
	Name         string `json:"name"`
	InstanceUUID string `json:"instance_uuid"`
	User         string `json:"user"`
	Session      string `json:"session"`
	Task         string `json:"task,omitempty"`
	Result       string `json:"result,omitempty"` // ok or fault
	Fault        string `json:"fault,omitempty"`
	Answer       string `json:"answer,omitempty"` // sent, dropped, half, http-503, garbage, truncated
}

func openLedger(path string) (*ledger, error) {
	l := &ledger{grown: make(chan struct{}), pending: make(chan struct{}, 1)}
	l.written = sync.NewCond(&l.mu)
	if path == "" {
		return l, nil
	}
	var err error
	if l.file, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return nil, err
	}
	go l.write()
	return l, nil
}

// add appends a record and answers its number. It never waits for the disk.
func (l *ledger) add(r record) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Seq = len(l.records) + 1
	r.At = time.Now().UTC().Format(time.RFC3339Nano)
	l.records = append(l.records, r)
	close(l.grown)
	l.grown = make(chan struct{})
	if l.file != nil {
		line, _ := json.Marshal(r)
		l.encoding = append(l.encoding, append(line, '\n'))
		select {
		case l.pending <- struct{}{}:
		default:
		}
	}
	return r.Seq
}

// sync returns when all records up to seq are on the disk.
func (l *ledger) sync(seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.file != nil && l.durable < seq && l.failed == nil {
		l.written.Wait()
	}
}

func (l *ledger) write() {
	for range l.pending {
		l.mu.Lock()
		lines, upto := l.encoding, len(l.records)
		l.encoding = nil
		l.mu.Unlock()
		var all []byte
		for _, line := range lines {
			all = append(all, line...)
		}
		_, err := l.file.Write(all)
		if err == nil {
			err = l.file.Sync()
		}
		l.mu.Lock()
		l.durable = upto
		if err != nil {
			l.failed = err
		}
		l.written.Broadcast()
		l.mu.Unlock()
	}
}

// after copies the records behind a number, and a channel that is closed when there are more.
func (l *ledger) after(seq int) ([]record, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq < 0 || seq > len(l.records) {
		seq = len(l.records)
	}
	return append([]record{}, l.records[seq:]...), l.grown
}

func (c *call) record(phase string) record {
	return record{Phase: phase, Call: c.id, Method: c.method, Entity: c.this.Value, Type: c.this.Type, Name: c.name,
		InstanceUUID: c.instanceUUID, User: c.session.user(), Session: c.session.short()}
}

// executed notes that the work of a call was done, or that the inventory refused it.
func (v *vcenter) executed(c *call, task, fault string) {
	if !mutates(c.method) {
		return
	}
	r := c.record("executed")
	r.Task, r.Fault, r.Result = task, fault, "ok"
	if fault != "" {
		r.Result = "fault"
	}
	v.ledger.add(r)
}
