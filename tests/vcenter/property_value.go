package main

import (
	"bytes"
	"encoding/xml"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/types"
	vimxml "github.com/vmware/govmomi/vim25/xml"
)

// valueCache keeps the encoded property values of machines, by the list of
// properties. Encoding is by far the dearest part of an answer at 10,000 machines.
type valueCache struct {
	mu     sync.Mutex
	values map[ref]map[string][][]byte
}

const listsCached = 4 // path lists for one machine

func newValueCache() *valueCache { return &valueCache{values: make(map[ref]map[string][][]byte)} }

func (c *valueCache) forget(r ref) {
	c.mu.Lock()
	delete(c.values, r)
	c.mu.Unlock()
}

func (c *valueCache) get(r ref, list string) [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[r][list]
}

func (c *valueCache) put(r ref, list string, values [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lists := c.values[r]
	if lists == nil || len(lists) >= listsCached {
		lists = make(map[string][][]byte, 1)
		c.values[r] = lists
	}
	lists[list] = values
}

// encodeValue makes the <val> element of a property; nothing for an unset one.
// What most properties are is written by hand, everything else by the library.
func encodeValue(value interface{}) []byte {
	switch x := value.(type) {
	case nil:
		return nil
	case string:
		return element("xsd:string", x)
	case bool:
		return element("xsd:boolean", strconv.FormatBool(x))
	case int32:
		return element("xsd:int", strconv.FormatInt(int64(x), 10))
	case int64:
		return element("xsd:long", strconv.FormatInt(x, 10))
	case time.Time:
		return element("xsd:dateTime", x.Format(time.RFC3339Nano))
	case ref:
		return element(`ManagedObjectReference" type="`+x.Type, x.Value)
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.String { // an enumeration
		return element(v.Type().Name(), v.String())
	}
	var out bytes.Buffer
	property := types.DynamicProperty{Name: "x", Val: value}
	if err := vimxml.NewEncoder(&out).EncodeElement(property, vimxml.StartElement{Name: vimxml.Name{Local: "p"}}); err != nil {
		panic(err) // only a type that the library itself cannot encode
	}
	inner := bytes.TrimSuffix(bytes.TrimPrefix(out.Bytes(), []byte("<p><name>x</name>")), []byte("</p>"))
	return append([]byte{}, shortPrefix(inner)...)
}

func element(kind, text string) []byte {
	var out bytes.Buffer
	out.WriteString(`<val xsi:type="`)
	out.WriteString(kind)
	out.WriteString(`">`)
	_ = xml.EscapeText(&out, []byte(text))
	out.WriteString(`</val>`)
	return out.Bytes()
}

const (
	instanceSpace  = "http://www.w3.org/2001/XMLSchema-instance"
	declarePrefix  = ` xmlns:XMLSchema-instance="` + instanceSpace + `"`
	declarePrefix2 = ` xmlns:_XMLSchema-instance="` + instanceSpace + `"`
)

// shortPrefix writes type attributes as vCenter does, with the prefix that the
// envelope declares. The encoder declares one of its own, again and again.
// Quotes in text are escaped, so the patterns occur in tags only.
func shortPrefix(b []byte) []byte {
	for _, p := range [][2]string{{declarePrefix, ""}, {declarePrefix2, ""},
		{" XMLSchema-instance:type=", " xsi:type="}, {" _XMLSchema-instance:type=", " xsi:type="}} {
		if bytes.Contains(b, []byte(p[0])) {
			b = bytes.ReplaceAll(b, []byte(p[0]), []byte(p[1]))
		}
	}
	return b
}

// longPrefix declares a prefix at every use, for clients that must cope with that too.
func longPrefix(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte(" xsi:type="), []byte(declarePrefix+" XMLSchema-instance:type="))
}
