package main

import (
	"encoding/json"
	"net/http"
	"strings"
)

// The tagging service, as /rest/com/vmware/cis and as /api/cis of newer servers.
// They differ in paths, in the name of the action, and in a wrapper around values.

type objectID struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

func (o objectID) ref() ref { return ref{Type: o.Type, Value: o.ID} }

type taggingRequest struct {
	v      *vcenter
	user   string
	method string
	path   []string // behind …/cis
	action string
	body   struct {
		ObjectID   *objectID  `json:"object_id"`
		ObjectIDs  []objectID `json:"object_ids"`
		TagIDs     []string   `json:"tag_ids"`
		CategoryID string     `json:"category_id"`
	}
}

func (v *vcenter) serveTagging(w http.ResponseWriter, r *http.Request) {
	old := strings.HasPrefix(r.URL.Path, "/rest/com/vmware/cis/")
	rest := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/rest/com/vmware/cis/"), "/api/")
	answer := func(status int, value interface{}) {
		if old && value != nil {
			value = map[string]interface{}{"value": value}
		}
		if value == nil {
			w.WriteHeader(status)
			return
		}
		reply(w, status, value)
	}
	refuse := func(status int, kind string) {
		answer(status, map[string]interface{}{"error_type": kind, "messages": []interface{}{}})
	}
	c := &call{id: v.calls.add("REST"), method: "REST", this: ref{Value: rest}}
	if rule := v.rules.take(c); rule != nil && !v.restRule(w, rule) {
		return
	}
	if rest == "session" {
		v.tagSession(w, r, answer, refuse)
		return
	}
	user, ok := v.tags.userOf(r.Header.Get("vmware-api-session-id"))
	if !ok {
		refuse(http.StatusUnauthorized, "UNAUTHENTICATED")
		return
	}
	q := &taggingRequest{v: v, user: user, method: r.Method, action: r.URL.Query().Get("action")}
	if old {
		q.action = r.URL.Query().Get("~action")
	}
	for _, part := range strings.Split(strings.TrimPrefix(strings.TrimPrefix(rest, "cis/"), "tagging/"), "/") {
		q.path = append(q.path, strings.TrimPrefix(part, "id:"))
	}
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&q.body); err != nil && r.ContentLength > 0 {
			refuse(http.StatusBadRequest, "INVALID_ARGUMENT")
			return
		}
	}
	value, found := q.serve()
	switch {
	case !found:
		refuse(http.StatusNotFound, "NOT_FOUND")
	case value == nil && !old:
		answer(http.StatusNoContent, nil)
	default:
		answer(http.StatusOK, value)
	}
}

// restRule applies a rule for the method "REST", and says whether the request goes on.
func (v *vcenter) restRule(w http.ResponseWriter, r *rule) bool {
	switch r.Action {
	case "delay", "late":
		pause(r)
	case "hold", "hold_answer":
		<-r.release
	case "drop_before", "drop_during", "drop_after":
		hangUp(w, nil, r.Reset)
		return false
	case "http":
		w.WriteHeader(r.Status)
		return false
	case "garbage", "truncate":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{\"value\": [\"urn:vmomi"))
		return false
	}
	return true
}

// tagSession logs in with a password, out, or tells who one is.
func (v *vcenter) tagSession(w http.ResponseWriter, r *http.Request, answer func(int, interface{}), refuse func(int, string)) {
	token := r.Header.Get("vmware-api-session-id")
	switch r.Method {
	case http.MethodPost:
		user, password, _ := r.BasicAuth()
		v.mu.RLock()
		ok := v.rights.checkPassword(user, password)
		v.mu.RUnlock()
		if !ok {
			refuse(http.StatusUnauthorized, "UNAUTHENTICATED")
			return
		}
		token = strings.ReplaceAll(randomUUID(), "-", "")
		v.tags.mu.Lock()
		v.tags.tokens[token] = user
		v.tags.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: "vmware-api-session-id", Value: token, Path: "/", HttpOnly: true, Secure: true})
		status := http.StatusOK
		if strings.HasPrefix(r.URL.Path, "/api/") {
			status = http.StatusCreated
		}
		answer(status, token)
	case http.MethodDelete:
		v.tags.mu.Lock()
		delete(v.tags.tokens, token)
		v.tags.mu.Unlock()
		answer(http.StatusNoContent, nil)
	default:
		user, ok := v.tags.userOf(token)
		if !ok {
			refuse(http.StatusUnauthorized, "UNAUTHENTICATED")
			return
		}
		answer(http.StatusOK, map[string]string{"user": user})
	}
}

func (t *tagStore) userOf(token string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	user, ok := t.tokens[token]
	return user, ok
}

// serve answers a value, and whether what was asked for exists.
func (q *taggingRequest) serve() (interface{}, bool) {
	q.v.mu.Lock() // attaching a tag changes nothing that the property collector shows, but machines must stay
	defer q.v.mu.Unlock()
	t := q.v.tags
	t.mu.Lock()
	defer t.mu.Unlock()
	id := ""
	if len(q.path) > 1 {
		id = q.path[1]
	}
	switch q.path[0] {
	case "category":
		if id != "" {
			c := t.categories[id]
			return c, c != nil
		}
		ids := []string{}
		for id := range t.categories {
			ids = append(ids, id)
		}
		return ids, true
	case "tag":
		return t.tagRequest(q, id)
	case "tag-association":
		return t.association(q, id)
	}
	return nil, false
}

func (t *tagStore) tagRequest(q *taggingRequest, id string) (interface{}, bool) {
	inCategory := q.action == "list-tags-for-category"
	if id != "" && !inCategory {
		g := t.tags[id]
		return g, g != nil
	}
	if id == "" {
		id = q.body.CategoryID
	}
	ids := []string{}
	for _, g := range t.tags {
		if !inCategory || g.CategoryID == id {
			ids = append(ids, g.ID)
		}
	}
	return ids, true
}

func (t *tagStore) association(q *taggingRequest, id string) (interface{}, bool) {
	visible := func(r ref) bool { return exists(r) && q.v.rights.visible(q.user, r) }
	switch q.action {
	case "attach", "detach":
		if t.tags[id] == nil || q.body.ObjectID == nil || !visible(q.body.ObjectID.ref()) {
			return nil, false
		}
		if q.action == "attach" {
			t.attach(id, q.body.ObjectID.ref())
		} else {
			t.detach(id, q.body.ObjectID.ref())
		}
		return nil, true
	case "list-attached-tags":
		if q.body.ObjectID == nil || !visible(q.body.ObjectID.ref()) {
			return nil, false
		}
		return append([]string{}, t.attached[q.body.ObjectID.ref()]...), true
	case "list-attached-objects":
		return t.objectsOf(id, visible), t.tags[id] != nil
	case "list-attached-tags-on-objects":
		type entry struct {
			ObjectID objectID `json:"object_id"`
			TagIDs   []string `json:"tag_ids"`
		}
		all := []entry{}
		for _, o := range q.body.ObjectIDs {
			if ids := t.attached[o.ref()]; len(ids) > 0 && visible(o.ref()) {
				all = append(all, entry{o, ids})
			}
		}
		return all, true
	case "list-attached-objects-on-tags":
		type entry struct {
			TagID     string     `json:"tag_id"`
			ObjectIDs []objectID `json:"object_ids"`
		}
		all := []entry{}
		for _, tagID := range q.body.TagIDs {
			if t.tags[tagID] != nil {
				all = append(all, entry{tagID, t.objectsOf(tagID, visible)})
			}
		}
		return all, true
	}
	return nil, false
}

func (t *tagStore) objectsOf(id string, visible func(ref) bool) []objectID {
	all := []objectID{}
	for r, ids := range t.attached {
		for _, have := range ids {
			if have == id && visible(r) {
				all = append(all, objectID{r.Value, r.Type})
			}
		}
	}
	return all
}
