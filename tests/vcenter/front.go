package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const maxRequest = 32 << 20

// callCounter counts calls by method and numbers them.
type callCounter struct {
	mu     sync.Mutex
	last   int64
	counts map[string]int
}

func (n *callCounter) add(method string) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last++
	n.counts[method]++
	return n.last
}

func (n *callCounter) copy(clear bool) map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make(map[string]int, len(n.counts))
	for m, count := range n.counts {
		all[m] = count
	}
	if clear {
		n.counts = make(map[string]int)
	}
	return all
}

// serveSOAP reads a call, applies the first rule that matches it, executes it,
// and answers, or breaks the answer as the rule wants.
func (v *vcenter) serveSOAP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	method, this, request, err := decodeRequest(body)
	if err != nil {
		status, out := encodeResult("", &fault{detail: invalidRequest(), message: err.Error()})
		send(w, status, out)
		return
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	c := &call{id: v.calls.add(method), ctx: r.Context(), method: method, this: this, body: request,
		session: v.sessions.of(r), agent: r.UserAgent(), peer: host}
	v.mu.RLock()
	c.name, c.instanceUUID = entityName(c.this), instanceUUID(c.this)
	v.mu.RUnlock()
	if mutates(c.method) {
		v.ledger.sync(v.ledger.add(c.record("received")))
	}
	c.rule = v.rules.take(c)
	v.answer(w, c)
}

func (v *vcenter) answer(w http.ResponseWriter, c *call) {
	switch {
	case c.rule.does("delay"):
		pause(c.rule)
	case c.rule.does("hold"):
		<-c.rule.release
	}
	var result interface{}
	if c.rule.does("fault") {
		result = &fault{detail: faultAbout(c.rule.Fault, c.this), message: c.rule.Message}
	} else if c.rule.executes() || c.rule.does("task_fault") {
		result = v.execute(c)
	}
	switch {
	case c.rule.does("late"):
		pause(c.rule)
	case c.rule.does("hold_answer"):
		<-c.rule.release
	}
	status, out := 0, []byte(nil)
	if result != nil {
		status, out = encodeResult(c.method, result)
	}
	v.mu.RLock()
	if v.settings.XsiPerElement {
		out = longPrefix(out)
	}
	v.mu.RUnlock()

	how := "sent"
	switch {
	case c.rule.does("drop_before"), c.rule.does("drop_after"):
		how = "dropped"
	case c.rule.does("drop_during"):
		how = "half"
	case c.rule.does("http"):
		how = "http-" + strconv.Itoa(c.rule.Status)
	case c.rule.does("garbage"):
		how = "garbage"
	case c.rule.does("truncate"):
		how = "truncated"
	}
	// The record comes first: whoever has the answer finds it in the ledger.
	if mutates(c.method) {
		a := c.record("answered")
		a.Answer, a.Task, a.Fault, a.Result = how, c.task, faultName(result), "ok"
		if a.Fault != "" {
			a.Result = "fault"
		}
		v.ledger.sync(v.ledger.add(a))
	}
	if c.newSession != nil {
		cookie := fmt.Sprintf(`%s="%s"; Path=/; HttpOnly;`, sessionCookie, c.newSession.Key)
		if !v.opts.plain {
			cookie += " Secure;"
		}
		w.Header().Set("Set-Cookie", cookie)
	}
	switch how {
	case "sent":
		send(w, status, out)
	case "dropped":
		hangUp(w, nil, c.rule.Reset)
	case "half":
		hangUp(w, halfAnswer(status, out), c.rule.Reset)
	case "garbage":
		send(w, 200, []byte("<html><head><title>Service</title><body><p>&nbsp;it works<br></html>"))
	case "truncated": // a whole HTTP answer around half a document
		send(w, status, out[:len(out)/2])
	default:
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(c.rule.Status)
		fmt.Fprintf(w, "%d %s\n", c.rule.Status, http.StatusText(c.rule.Status))
	}
}

func pause(r *rule) {
	select {
	case <-time.After(time.Duration(r.Ms) * time.Millisecond):
	case <-r.release:
	}
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", `text/xml; charset="utf-8"`)
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func halfAnswer(status int, body []byte) []byte {
	head := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nContent-Length: %d\r\n\r\n",
		status, http.StatusText(status), len(body))
	return append([]byte(head), body[:len(body)/2]...)
}

// hangUp closes the connection behind the server's back, after writing what is given.
func hangUp(w http.ResponseWriter, last []byte, reset bool) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write(last)
	if tcp := underlying(conn); reset && tcp != nil {
		_ = tcp.SetLinger(0)
		_ = tcp.Close() // below TLS: no close_notify, a plain RST
		return
	}
	_ = conn.Close()
}

func underlying(conn net.Conn) *net.TCPConn {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn()
	}
	tcp, _ := conn.(*net.TCPConn)
	return tcp
}

// serveVersions tells a client which API versions it may ask for.
func (v *vcenter) serveVersions(w http.ResponseWriter, _ *http.Request) {
	all := []string{"8.0.0.0", "7.0.3.0", "7.0.0.0", "6.7.3", "6.7", "6.5", "6.0", "5.5", "5.1", "5.0", "4.1", "4.0", "2.5u2", "2.5", "2.0"}
	own := v.content.About.ApiVersion
	var prior []string
	for i, version := range all {
		if strings.TrimSuffix(version, ".0") == strings.TrimSuffix(own, ".0") || version == own {
			prior = all[i+1:]
		}
	}
	if prior == nil {
		prior = all[4:]
	}
	var out strings.Builder
	fmt.Fprintf(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<namespaces version=\"1.0\">\n <namespace>\n  <name>urn:vim25</name>\n"+
		"  <version>%s</version>\n  <priorVersions>\n", own)
	for _, version := range prior {
		fmt.Fprintf(&out, "   <version>%s</version>\n", version)
	}
	out.WriteString("  </priorVersions>\n </namespace>\n</namespaces>\n")
	w.Header().Set("Content-Type", "text/xml")
	_, _ = io.WriteString(w, out.String())
}
