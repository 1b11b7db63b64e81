package main

import (
	"sort"
	"sync"
)

// changeLog numbers every change of an object, so that a property filter reads
// only what changed since it last looked. Entries are never dropped: a test's
// vCenter does not live long enough.
type changeLog struct {
	mu      sync.Mutex
	entries []change
	other   uint64 // the last change of anything but a virtual machine or a task
	wake    chan struct{}
	values  *valueCache
}

type change struct {
	seq uint64
	ref ref
}

func newChangeLog(values *valueCache) *changeLog {
	return &changeLog{wake: make(chan struct{}), values: values}
}

// mark records that these objects may look different now. Call it after the change, under vcenter.mu.
func (l *changeLog) mark(refs ...ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range refs {
		seq := uint64(len(l.entries)) + 1
		l.entries = append(l.entries, change{seq, r})
		if r.Type != "VirtualMachine" && r.Type != "Task" {
			l.other = seq
		}
		l.values.forget(r)
	}
	close(l.wake)
	l.wake = make(chan struct{})
}

// since answers each object changed after seq once, the newest number, and whether other kinds of objects changed.
func (l *changeLog) since(seq uint64) (changed []ref, now uint64, others bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now = uint64(len(l.entries))
	from := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].seq > seq })
	seen := make(map[ref]bool)
	for _, c := range l.entries[from:] {
		if !seen[c.ref] {
			seen[c.ref] = true
			changed = append(changed, c.ref)
		}
	}
	return changed, now, l.other > seq
}

// grown is closed at the next change.
func (l *changeLog) grown() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wake
}
