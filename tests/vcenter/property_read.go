package main

import (
	"reflect"
	"strings"
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

var typeByName = types.TypeFunc()

// managed digs the API's managed object out of a library object that embeds it.
func managed(o mo.Reference) reflect.Value {
	v := reflect.ValueOf(o)
	for v.Kind() == reflect.Ptr {
		v = v.Elem()
	}
	for !strings.HasSuffix(v.Type().PkgPath(), "/mo") {
		v = v.Field(0)
		for v.Kind() == reflect.Ptr {
			v = v.Elem()
		}
	}
	return v
}

// isKind says whether a managed object type is the named one or derives from it.
func isKind(t reflect.Type, name string) bool {
	if t.Name() == name {
		return true
	}
	f, ok := t.FieldByName(name)
	return ok && f.Anonymous
}

func fieldName(property string) string {
	return strings.ToUpper(property[:1]) + property[1:]
}

type pathKey struct {
	t    reflect.Type
	path string
}

var knownPaths sync.Map

// hasPath says whether the type declares such a property. Behind an interface anything goes.
func hasPath(t reflect.Type, path string) bool {
	key := pathKey{t, path}
	if known, ok := knownPaths.Load(key); ok {
		return known.(bool)
	}
	known := true
	for _, part := range strings.Split(path, ".") {
		for t.Kind() == reflect.Ptr {
			t = t.Elem()
		}
		if t.Kind() == reflect.Interface {
			break
		}
		if t.Kind() != reflect.Struct || part == "" {
			known = false
			break
		}
		f, ok := t.FieldByName(fieldName(part))
		if !ok {
			known = false
			break
		}
		t = f.Type
	}
	knownPaths.Store(key, known)
	return known
}

// readPath answers nil where the property, or something on the way to it, is unset.
func readPath(v reflect.Value, path string) interface{} {
	var declared reflect.Type
	for _, part := range strings.Split(path, ".") {
		for v.Kind() == reflect.Ptr || v.Kind() == reflect.Interface {
			if v.IsNil() {
				return nil
			}
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return nil
		}
		f, ok := v.Type().FieldByName(fieldName(part))
		if !ok {
			return nil
		}
		declared = f.Type
		v = v.FieldByIndex(f.Index)
	}
	return plain(v, declared)
}

// plain turns a field into what a property value is on the wire: arrays have types of their own.
func plain(v reflect.Value, declared reflect.Type) interface{} {
	switch v.Kind() {
	case reflect.Ptr:
		if v.IsNil() {
			return nil
		}
		return v.Elem().Interface()
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return v.Interface()
	case reflect.String:
		if v.Len() == 0 {
			return nil
		}
		return v.Interface()
	case reflect.Slice:
		return arrayOf(v, declared)
	}
	return v.Interface()
}

func arrayOf(v reflect.Value, declared reflect.Type) interface{} {
	switch s := v.Interface().(type) {
	case []string:
		return &types.ArrayOfString{String: s}
	case []uint8:
		return &types.ArrayOfByte{Byte: s}
	case []int16:
		return &types.ArrayOfShort{Short: s}
	case []int32:
		return &types.ArrayOfInt{Int: s}
	case []int64:
		return &types.ArrayOfLong{Long: s}
	}
	element := strings.TrimPrefix(declared.Elem().Name(), "Base")
	t, ok := typeByName("ArrayOf" + element)
	if !ok {
		return nil
	}
	array := reflect.New(t)
	array.Elem().Field(0).Set(v)
	return array.Interface()
}

// allPaths lists the top-level properties of a managed object type.
func allPaths(t reflect.Type) []string {
	var paths []string
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		switch {
		case f.Anonymous:
			paths = append(paths, allPaths(f.Type)...)
		case f.Name != "Self":
			paths = append(paths, strings.ToLower(f.Name[:1])+f.Name[1:])
		}
	}
	return paths
}
