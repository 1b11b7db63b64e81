package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

const sessionCookie = "vmware_soap_session"

// session is one login. Views, filters and collectors belong to it and die with it.
type session struct {
	types.UserSession
	library *simulator.Session // for library methods that keep per-session objects
	done    chan struct{}      // closed when the session ends

	mu      sync.Mutex
	objects map[ref]mo.Reference
	next    int
}

type sessionTable struct {
	mu   sync.Mutex
	byID map[string]*session
}

func newSessionTable() *sessionTable { return &sessionTable{byID: make(map[string]*session)} }

// of finds the session of a request's cookie, quoted or not; nil where there is none.
func (t *sessionTable) of(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	s := t.get(strings.Trim(cookie.Value, `"`))
	if s != nil {
		s.mu.Lock()
		s.LastActiveTime = time.Now().UTC()
		s.CallCount++
		s.mu.Unlock()
	}
	return s
}

func (t *sessionTable) get(id string) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

func (t *sessionTable) open(user, id, agent, address, locale string, now time.Time) *session {
	if locale == "" {
		locale = "en"
	}
	s := &session{
		UserSession: types.UserSession{Key: id, UserName: user, FullName: user, LoginTime: now, LastActiveTime: now,
			Locale: locale, MessageLocale: locale, ExtensionSession: types.NewBool(false), UserAgent: agent, IpAddress: address},
		done:    make(chan struct{}),
		objects: make(map[ref]mo.Reference),
	}
	s.library = &simulator.Session{UserSession: s.UserSession, Registry: simulator.NewRegistry()}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID[id] = s
	return s
}

// end forgets a session and wakes what waits in it. False if there was none.
func (t *sessionTable) end(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byID[id]
	if s == nil {
		return false
	}
	delete(t.byID, id)
	close(s.done)
	return true
}

func (t *sessionTable) list() []types.UserSession {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []types.UserSession
	for _, s := range t.byID {
		s.mu.Lock()
		all = append(all, s.UserSession)
		s.mu.Unlock()
	}
	return all
}

// add names a new object of this session.
func (s *session) add(kind string, make func(ref) mo.Reference) ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	self := ref{Type: kind, Value: fmt.Sprintf("session[%s]%08x", s.Key, s.next)}
	s.objects[self] = make(self)
	return self
}

func (s *session) object(r ref) mo.Reference {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[r]
}

// libraryObject finds what the library keeps for this session, such as event collectors.
func (s *session) libraryObject(r ref) mo.Reference {
	if s == nil {
		return nil
	}
	return s.library.Registry.Get(r)
}

func (s *session) remove(r ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, r)
}

func (s *session) user() string {
	if s == nil {
		return ""
	}
	return s.UserName
}

// short names a session in records without giving its secret away.
func (s *session) short() string {
	if s == nil {
		return ""
	}
	return s.Key[:8]
}

func (v *vcenter) login(c *call) interface{} {
	q := c.body.(*types.Login)
	v.mu.RLock()
	ok := v.rights.checkPassword(q.UserName, q.Password)
	v.mu.RUnlock()
	if c.session != nil || !ok {
		return faultOf(&types.InvalidLogin{})
	}
	s := v.sessions.open(q.UserName, randomUUID(), c.agent, c.peer, q.Locale, v.now())
	c.newSession = s
	return &types.LoginResponse{Returnval: s.UserSession}
}

func (v *vcenter) logout(c *call) interface{} {
	v.sessions.end(c.session.Key)
	return &types.LogoutResponse{}
}

func (v *vcenter) terminateSession(c *call) interface{} {
	for _, id := range c.body.(*types.TerminateSession).SessionId {
		if id == c.session.Key {
			return faultOf(&types.InvalidArgument{InvalidProperty: "sessionId"})
		}
		if !v.sessions.end(id) {
			return faultOf(&types.NotFound{})
		}
	}
	return &types.TerminateSessionResponse{}
}

func (v *vcenter) sessionIsActive(c *call) interface{} {
	q := c.body.(*types.SessionIsActive)
	s := v.sessions.get(q.SessionID)
	return &types.SessionIsActiveResponse{Returnval: s != nil && s.UserName == q.UserName}
}

// sessionManager is the singleton as one session sees it.
func (v *vcenter) sessionManager(s *session, self ref) mo.Reference {
	m := &mo.SessionManager{Self: self}
	if s != nil {
		m.SessionList = v.sessions.list()
		current := s.UserSession
		m.CurrentSession = &current
	}
	return m
}
