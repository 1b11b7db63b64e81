package main

import (
	"bytes"
	"sync"

	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// valueCache keeps the encoded property values of virtual machines. Encoding
// is by far the dearest part of an answer at 10,000 machines.
type valueCache struct {
	mu     sync.Mutex
	values map[ref]map[string][]byte
}

func newValueCache() *valueCache { return &valueCache{values: make(map[ref]map[string][]byte)} }

func (c *valueCache) forget(r ref) {
	c.mu.Lock()
	delete(c.values, r)
	c.mu.Unlock()
}

func (c *valueCache) get(r ref, path string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok := c.values[r][path]
	return value, ok
}

func (c *valueCache) put(r ref, path string, value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	paths := c.values[r]
	if paths == nil {
		paths = make(map[string][]byte)
		c.values[r] = paths
	}
	paths[path] = value
}

// encodeValue makes the <val> element of a property; nothing for an unset one.
func encodeValue(value interface{}) []byte {
	if value == nil {
		return nil
	}
	var out bytes.Buffer
	element := types.DynamicProperty{Name: "x", Val: value}
	if err := xml.NewEncoder(&out).EncodeElement(element, xml.StartElement{Name: xml.Name{Local: "p"}}); err != nil {
		panic(err) // only a type that the library itself cannot encode
	}
	inner := bytes.TrimSuffix(bytes.TrimPrefix(out.Bytes(), []byte("<p><name>x</name>")), []byte("</p>"))
	return shortPrefix(inner)
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
		b = bytes.ReplaceAll(b, []byte(p[0]), []byte(p[1]))
	}
	return b
}

// longPrefix declares a prefix at every use, for clients that must cope with that too.
func longPrefix(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte(" xsi:type="), []byte(declarePrefix+" XMLSchema-instance:type="))
}
