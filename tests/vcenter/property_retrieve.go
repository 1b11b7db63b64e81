package main

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// values answers the encoded values of the paths, nil for what is unset. Callers hold mu.
func (v *vcenter) valuesOf(s *session, r ref, paths []string) [][]byte {
	list := make([][]byte, len(paths))
	cached := r.Type == "VirtualMachine"
	var o mo.Reference
	for i, path := range paths {
		if cached {
			if value, ok := v.values.get(r, path); ok {
				list[i] = value
				continue
			}
		}
		if o == nil {
			if o = v.object(s, r); o == nil {
				return list
			}
		}
		list[i] = encodeValue(v.hideFrom(s, readPath(managed(o), path)))
		if cached {
			v.values.put(r, path, list[i])
		}
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
func (v *vcenter) writeObject(out *bytes.Buffer, s *session, r ref, specs []types.PropertyFilterSpec) {
	o := v.object(s, r)
	if o == nil {
		return
	}
	t := managed(o).Type()
	var paths []string
	wanted := false
	for i := range specs {
		p, w := pathsFor(&specs[i], t, r.Type)
		paths, wanted = append(paths, p...), wanted || w
	}
	if !wanted {
		return
	}
	fmt.Fprintf(out, `<objects><obj type="%s">%s</obj>`, r.Type, r.Value)
	var missing []missingPath
	readable := s == nil || v.rights.visible(s.user(), r)
	if s == nil && r.Type != "SessionManager" || !readable {
		for _, path := range paths {
			missing = append(missing, missingPath{path, noRead(s, r)})
		}
		paths = nil
	}
	for i, value := range v.valuesOf(s, r, paths) {
		switch {
		case !hasPath(t, paths[i]):
			missing = append(missing, missingPath{paths[i], &types.InvalidProperty{Name: paths[i]}})
		case value != nil:
			fmt.Fprintf(out, `<propSet><name>%s</name>`, paths[i])
			out.Write(value)
			out.WriteString(`</propSet>`)
		}
	}
	for _, m := range missing {
		m.write(out)
	}
	out.WriteString(`</objects>`)
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
	refs  []ref
	specs []types.PropertyFilterSpec
	limit int
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
	return v.onePage(c, page{refs, q.SpecSet, int(q.Options.MaxObjects)})
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
		v.writeObject(&out, c.session, r, p.specs)
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
	open.open[token] = page{rest, p.specs, p.limit}
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
	for _, r := range refs {
		v.writeObject(&out, c.session, r, q.SpecSet)
	}
	return raw(bytes.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte("<objects>"), []byte("<returnval>")), []byte("</objects>"), []byte("</returnval>")))
}
