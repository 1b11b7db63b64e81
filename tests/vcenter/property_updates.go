package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

const longestWait = 30 * time.Minute // a client that names none

func (v *vcenter) waitForUpdatesEx(c *call) interface{} {
	q := c.body.(*types.WaitForUpdatesEx)
	wait, limit := longestWait, 0
	if o := q.Options; o != nil {
		limit = int(o.MaxObjectUpdates)
		if o.MaxWaitSeconds != nil {
			wait = time.Duration(*o.MaxWaitSeconds) * time.Second
		}
	}
	return v.await(c, q.Version, wait, limit)
}

func (v *vcenter) waitForUpdates(c *call) interface{} {
	return v.await(c, c.body.(*types.WaitForUpdates).Version, longestWait, 0)
}

func (v *vcenter) checkForUpdates(c *call) interface{} {
	return v.await(c, c.body.(*types.CheckForUpdates).Version, 0, 0)
}

func (v *vcenter) cancelWait(c *call) interface{} {
	own := v.collectorOf(c.session, c.this)
	if own == nil {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	own.cancelWait()
	return &types.CancelWaitForUpdatesResponse{}
}

func (k *collector) cancelWait() { k.takeOver() }

// takeOver ends an earlier wait: its client has gone, or it must not take what
// belongs to the next one.
func (k *collector) takeOver() (int, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.cancel)
	k.cancel = make(chan struct{})
	k.waits++
	return k.waits, k.cancel
}

// await answers the next update set, or nothing when the time is up.
func (v *vcenter) await(c *call, version string, wait time.Duration, limit int) interface{} {
	own := v.collectorOf(c.session, c.this)
	if own == nil {
		return faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	number, cancelled := own.takeOver()
	asked, ok := parseVersion(version)
	if ok {
		ok = own.rewind(asked)
	}
	if !ok {
		return faultOf(&types.InvalidCollectorVersion{})
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		grown := v.changes.grown()
		if set := v.nextSet(c.session, own, number, limit); set != nil {
			return raw(set)
		}
		if wait == 0 {
			return raw(nil)
		}
		select {
		case <-grown:
		case <-timeout.C:
			return raw(nil)
		case <-cancelled:
			return faultOf(&types.RequestCanceled{})
		case <-c.session.done:
			return faultOf(&types.NotAuthenticated{NoPermission: types.NoPermission{Object: c.this, PrivilegeId: "System.View"}})
		case <-c.ctx.Done():
			return raw(nil)
		}
	}
}

// rewind makes the collector ready to answer what comes after a version: the
// last one (its set arrived), the one before (it was lost), or none (all again).
func (k *collector) rewind(version int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case version == 0:
		for _, f := range k.filters {
			f.told = state{objects: make(map[ref]told)}
		}
	case version == k.version:
	case version == k.version-1:
		for _, f := range k.filters {
			f.takeBack()
		}
	default:
		return false
	}
	for _, f := range k.filters {
		f.lost = nil
	}
	return true
}

// nextSet makes an update set, nil if there is nothing to tell.
func (v *vcenter) nextSet(s *session, k *collector, wait, limit int) []byte {
	v.mu.RLock()
	defer v.mu.RUnlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	if wait != k.waits {
		return nil // another wait has taken over
	}
	if server := v.settings.PageSize; server > 0 && (limit <= 0 || limit > server) {
		limit = server
	}
	var sets bytes.Buffer
	truncated := false
	left := limit
	for _, f := range k.filters {
		if limit > 0 && left == 0 {
			truncated = truncated || len(f.told.queue) > 0 || !f.told.started
			continue
		}
		var objects bytes.Buffer
		room := left
		if limit <= 0 {
			room = -1
		}
		n := f.updates(v, s, &objects, room)
		truncated = truncated || len(f.told.queue) > 0
		left -= n
		if n > 0 {
			fmt.Fprintf(&sets, `<filterSet><filter type="PropertyFilter">%s</filter>`, f.Self.Value)
			sets.Write(objects.Bytes())
			sets.WriteString(`</filterSet>`)
		}
	}
	if sets.Len() == 0 {
		return nil
	}
	k.version++
	out := fmt.Sprintf(`<returnval><version>%d</version>%s`, k.version, sets.String())
	if truncated {
		out += `<truncated>true</truncated>`
	}
	return []byte(out + `</returnval>`)
}
