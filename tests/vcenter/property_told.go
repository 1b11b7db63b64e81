package main

// state is what a client was told, up to which change, and what waits for the next set.
type state struct {
	seq     uint64
	started bool
	objects map[ref]told
	queue   []ref
	mixed   bool // also tells of objects other than machines and tasks
}

// told is what a client knows of one object: encoded values, in the order of the plan.
type told [][]byte

// undo leads back to the state before the last update set, for a client that never got it.
type undo struct {
	seq     uint64
	started bool
	queue   []ref
	objects map[ref]*told // nil: was not known
}

func (f *filter) note(r ref) {
	if _, noted := f.lost.objects[r]; noted {
		return
	}
	if old, known := f.told.objects[r]; known {
		f.lost.objects[r] = &old
	} else {
		f.lost.objects[r] = nil
	}
}

func (f *filter) takeBack() {
	if f.lost == nil {
		return
	}
	for r, old := range f.lost.objects {
		if old == nil {
			delete(f.told.objects, r)
		} else {
			f.told.objects[r] = *old
		}
	}
	f.told.seq, f.told.started, f.told.queue = f.lost.seq, f.lost.started, f.lost.queue
	f.lost = nil
}
