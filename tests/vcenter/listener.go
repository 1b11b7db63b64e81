package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// door is the vCenter's own listener. It can be shut and opened again on the
// same port, with all state kept: a vCenter that is away for a while.
type door struct {
	mu       sync.Mutex
	address  string
	config   *tls.Config // nil: plain
	server   *http.Server
	listener net.Listener
	idle     map[net.Conn]bool
	doomed   map[net.Conn]bool // to be cut once they are idle
}

func openDoor(address string, config *tls.Config, server *http.Server) (*door, error) {
	d := &door{address: address, config: config, server: server, idle: make(map[net.Conn]bool), doomed: make(map[net.Conn]bool)}
	server.ConnState = d.track
	return d, d.open()
}

func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", d.address)
	if err != nil {
		return err
	}
	d.listener, d.address = listener, listener.Addr().String()
	if d.config != nil {
		listener = tls.NewListener(listener, d.config)
	}
	go func() { _ = d.server.Serve(listener) }()
	return nil
}

// shut refuses new connections and cuts all that are open.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener == nil {
		return
	}
	_ = d.listener.Close()
	d.listener = nil
	for conn := range d.idle {
		_ = conn.Close()
	}
}

// track remembers every open connection, and whether it is between two requests.
func (d *door) track(conn net.Conn, state http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch state {
	case http.StateClosed, http.StateHijacked:
		delete(d.idle, conn)
		delete(d.doomed, conn)
	default:
		d.idle[conn] = state == http.StateIdle
		if d.listener == nil || (d.idle[conn] && d.doomed[conn]) {
			_ = conn.Close()
		}
	}
}

// closeIdle cuts the connections that wait for a next request, and the others
// once they do: a client has its answer a moment before the server is done with
// it. It counts both.
func (d *door) closeIdle() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn, idle := range d.idle {
		if idle {
			_ = conn.Close()
		} else {
			d.doomed[conn] = true
		}
	}
	return len(d.idle)
}

// controlListener shuts or opens the vCenter's port: {"open": false}.
func controlListener(v *vcenter, body []byte) (interface{}, error) {
	q := struct {
		Open      bool `json:"open"`
		CloseIdle bool `json:"close_idle"`
	}{Open: true}
	if err := parse(body, &q); err != nil {
		return nil, err
	}
	cut := 0
	if q.CloseIdle {
		cut = v.door.closeIdle()
	}
	if !q.Open {
		v.door.shut()
		return nil, nil
	}
	return map[string]int{"closed": cut}, v.door.open()
}
