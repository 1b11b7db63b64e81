package main

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// valuesOf answers the encoded values of a plan, nil for what is unset. Callers hold mu.
func (v *vcenter) valuesOf(s *session, o mo.Reference, r ref, p *plan) [][]byte {
	cached := r.Type == "VirtualMachine"
	if cached {
		if list := v.values.get(r, p.key); list != nil {
			return list
		}
	}
	list := make([][]byte, len(p.paths))
	from := managed(o)
	for i, path := range p.paths {
		list[i] = encodeValue(v.hideFrom(s, readPath(from, path)))
	}
	if cached {
		v.values.put(r, p.key, list)
	}
	return list
}

// hideFrom leaves out of a list the machines that the session must not see.
func (v *vcenter) hideFrom(s *session, value interface{}) interface{} {
	list, ok := value.(*types.ArrayOfManagedObjectReference)
	if !ok || s == nil {
		return value
	}
	shown := &types.ArrayOfManagedObjectReference{}
	for _, r := range list.ManagedObjectReference {
		if r.Type != "VirtualMachine" || v.rights.visible(s.user(), r) {
			shown.ManagedObjectReference = append(shown.ManagedObjectReference, r)
		}
	}
	return shown
}

// writeObject encodes one ObjectContent; nothing if the specs want nothing of it. Callers hold mu.
func (v *vcenter) writeObject(out *bytes.Buffer, s *session, r ref, wanted *plans) {
	o := v.object(s, r)
	if o == nil {
		return
	}
	p := wanted.of(managed(o).Type(), r.Type)
	if !p.wanted {
		return
	}
	writeRef(out, `<objects><obj type="`, r, `</obj>`)
	if s == nil && r.Type != "SessionManager" || s != nil && !v.rights.visible(s.user(), r) {
		for _, path := range p.paths {
			missingPath{path, noRead(s, r)}.write(out)
		}
	} else {
		for i, value := range v.valuesOf(s, o, r, p) {
			if value != nil {
				out.WriteString(`<propSet><name>`)
				out.WriteString(p.paths[i])
				out.WriteString(`</name>`)
				out.Write(value)
				out.WriteString(`</propSet>`)
			}
		}
	}
	for _, path := range p.missing {
		missingPath{path, &types.InvalidProperty{Name: path}}.write(out)
	}
	out.WriteString(`</objects>`)
}

func writeRef(out *bytes.Buffer, before string, r ref, after string) {
	out.WriteString(before)
	out.WriteString(r.Type)
	out.WriteString(`">`)
	out.WriteString(r.Value)
	out.WriteString(after)
}

type missingPath struct {
	path  string
	fault types.BaseMethodFault
}

func noRead(s *session, r ref) types.BaseMethodFault {
	denied := types.NoPermission{Object: r, PrivilegeId: "System.Read"}
	if s == nil {
		return &types.NotAuthenticated{NoPermission: denied}
	}
	return &denied
}

func (m missingPath) write(out *bytes.Buffer) {
	value := types.MissingProperty{Path: m.path, Fault: types.LocalizedMethodFault{Fault: m.fault, LocalizedMessage: faultText(m.fault)}}
	var b bytes.Buffer
	if err := xml.NewEncoder(&b).EncodeElement(value, xml.StartElement{Name: xml.Name{Local: "missingSet"}}); err != nil {
		panic(err)
	}
	out.Write(shortPrefix(b.Bytes()))
}

// page is the rest of a retrieval that did not fit into one answer.
type page struct {
	refs   []ref
	wanted *plans
	limit  int
}

// retrievals are a session's open tokens.
type retrievals struct {
	mo.ManagedObjectView
	mu   sync.Mutex
	next int
	open map[string]page
}

var retrievalsRef = ref{Type: "Retrievals", Value: "retrievals"}

func (s *session) retrievals() *retrievals {
	s.mu.Lock()
	defer s.mu.Unlock()
	if own, ok := s.objects[retrievalsRef]; ok {
		return own.(*retrievals)
	}
	own := &retrievals{open: make(map[string]page)}
	s.objects[retrievalsRef] = own
	return own
}

func (v *vcenter) retrieve(c *call, specs []types.PropertyFilterSpec) ([]ref, *fault) {
	if c.session == nil && v.settings.RetrieveWithout == "fault" {
		return nil, faultOf(&types.NotAuthenticated{NoPermission: types.NoPermission{Object: c.this, PrivilegeId: "System.View"}})
	}
	if c.this != v.content.PropertyCollector && !v.seen(c.session, c.this) {
		return nil, faultOf(&types.ManagedObjectNotFound{Obj: c.this})
	}
	var all []ref
	has := make(map[ref]bool)
	for i := range specs {
		if f := checkPaths(&specs[i]); f != nil {
			return nil, f
		}
		refs, f := v.choose(c.session, &specs[i])
		if f != nil {
			return nil, f
		}
		for _, r := range refs {
			if !has[r] {
				has[r] = true
				all = append(all, r)
			}
		}
	}
	return all, nil
}

func (v *vcenter) retrievePropertiesEx(c *call) interface{} {
	q := c.body.(*types.RetrievePropertiesEx)
	v.mu.RLock()
	defer v.mu.RUnlock()
	refs, f := v.retrieve(c, q.SpecSet)
	if f != nil {
		return f
	}
	return v.onePage(c, page{refs, newPlans(q.SpecSet...), int(q.Options.MaxObjects)})
}

// onePage answers as many objects as fit and keeps the rest under a token. Callers hold mu.
func (v *vcenter) onePage(c *call, p page) interface{} {
	limit := p.limit
	if server := v.settings.PageSize; server > 0 && (limit <= 0 || limit > server) {
		limit = server
	}
	if limit <= 0 || c.session == nil {
		limit = len(p.refs)
	}
	rest := p.refs[clamp(limit, len(p.refs)):]
	var out bytes.Buffer
	for _, r := range p.refs[:len(p.refs)-len(rest)] {
		v.writeObject(&out, c.session, r, p.wanted)
	}
	if len(rest) == 0 {
		if out.Len() == 0 {
			return raw(nil) // nothing at all: no returnval
		}
		return raw(`<returnval>` + out.String() + `</returnval>`)
	}
	open := c.session.retrievals()
	open.mu.Lock()
	defer open.mu.Unlock()
	open.next++
	token := fmt.Sprint(open.next)
	open.open[token] = page{rest, p.wanted, p.limit}
	return raw(`<returnval><token>` + token + `</token>` + out.String() + `</returnval>`)
}

func (v *vcenter) continueRetrieve(c *call) interface{} {
	p, ok := takePage(c.session, c.body.(*types.ContinueRetrievePropertiesEx).Token)
	if !ok {
		return faultOf(&types.InvalidArgument{InvalidProperty: "token"})
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.onePage(c, p)
}

func (v *vcenter) cancelRetrieve(c *call) interface{} {
	if _, ok := takePage(c.session, c.body.(*types.CancelRetrievePropertiesEx).Token); !ok {
		return faultOf(&types.InvalidArgument{InvalidProperty: "token"})
	}
	return &types.CancelRetrievePropertiesExResponse{}
}

func takePage(s *session, token string) (page, bool) {
	open := s.retrievals()
	open.mu.Lock()
	defer open.mu.Unlock()
	p, ok := open.open[token]
	delete(open.open, token)
	return p, ok
}

// retrieveProperties is the old form, never paged.
func (v *vcenter) retrieveProperties(c *call) interface{} {
	q := c.body.(*types.RetrieveProperties)
	v.mu.RLock()
	defer v.mu.RUnlock()
	refs, f := v.retrieve(c, q.SpecSet)
	if f != nil {
		return f
	}
	var out bytes.Buffer
	wanted := newPlans(q.SpecSet...)
	for _, r := range refs {
		v.writeObject(&out, c.session, r, wanted)
	}
	return raw(bytes.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte("<objects>"), []byte("<returnval>")), []byte("</objects>"), []byte("</returnval>")))
}
