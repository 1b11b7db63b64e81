package main

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// A result of a call is one of: *fault, raw (an encoded response), or a pointer
// to the response struct of the method.
type fault struct {
	detail  types.BaseMethodFault
	message string
}

// raw is the content of a method's response element.
type raw []byte

func faultOf(detail types.BaseMethodFault) *fault { return &fault{detail: detail} }

func (f *fault) name() string {
	if f.detail == nil {
		return "SystemError"
	}
	return reflect.TypeOf(f.detail).Elem().Name()
}

// text is what a person reads in place of an empty message.
func (f *fault) text() string {
	if f.message != "" {
		return f.message
	}
	return faultText(f.detail)
}

func faultText(detail types.BaseMethodFault) string {
	switch d := detail.(type) {
	case *types.NotAuthenticated:
		return "The session is not authenticated."
	case *types.NoPermission:
		return "Permission to perform this operation was denied."
	case *types.ManagedObjectNotFound:
		return fmt.Sprintf("The object 'vim.%s:%s' has already been deleted or has not been completely created", d.Obj.Type, d.Obj.Value)
	case *types.InvalidLogin:
		return "Cannot complete login due to an incorrect user name or password."
	case *types.InvalidPowerState:
		return fmt.Sprintf("The attempted operation cannot be performed in the current state (%s).", d.ExistingState)
	case *types.ToolsUnavailable:
		return "Cannot complete operation because VMware Tools is not running in this virtual machine."
	case *types.DuplicateName:
		return fmt.Sprintf("The name '%s' already exists.", d.Name)
	case *types.RequestCanceled:
		return "The task was canceled by a user."
	case *types.TaskInProgress:
		return "Another task is already in progress."
	}
	return ""
}

// newFault makes an empty fault by its name, for rules.
func newFault(name string) (types.BaseMethodFault, error) {
	t, ok := typeByName(name)
	if !ok {
		t, ok = typeByName(strings.TrimSuffix(name, "Fault")) // the element's name is as good
	}
	if !ok {
		return nil, fmt.Errorf("no fault is called %q", name)
	}
	detail, ok := reflect.New(t).Interface().(types.BaseMethodFault)
	if !ok {
		return nil, fmt.Errorf("%q is not a fault", name)
	}
	return detail, nil
}

// faultAbout is a fault by name that says whom it is about, for clients that read all of it.
func faultAbout(name string, about ref) types.BaseMethodFault {
	detail, err := newFault(name)
	if err != nil {
		return &types.SystemError{Reason: err.Error()}
	}
	fill(reflect.ValueOf(detail).Elem(), about)
	return detail
}

func fill(v reflect.Value, about ref) {
	for i := 0; i < v.NumField(); i++ {
		switch f := v.Field(i); f.Interface().(type) {
		case ref:
			f.Set(reflect.ValueOf(about))
		case types.VirtualMachinePowerState:
			f.Set(reflect.ValueOf(types.VirtualMachinePowerStatePoweredOn))
		default:
			if v.Type().Field(i).Anonymous && f.Kind() == reflect.Struct {
				fill(f, about)
			}
		}
	}
}

func requestType(name string) (reflect.Type, bool) {
	if t, ok := typeByName(name); ok {
		return t, true
	}
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return typeByName(name[i+1:]) // xsi:type="vim25:TraversalSpec"
	}
	return nil, false
}

// decodeRequest reads the method in an envelope's body. One decoder reads all
// of the document, so that prefixes may be declared on any element.
func decodeRequest(text []byte) (string, ref, interface{}, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.TypeFunc = requestType
	inBody := false
	for {
		token, err := d.Token()
		if err != nil {
			return "", ref{}, nil, fmt.Errorf("while parsing SOAP envelope: %w", err)
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case !inBody:
			inBody = start.Name.Local == "Body"
		default:
			name := start.Name.Local
			t, ok := typeByName(name)
			if !ok {
				return name, ref{}, nil, fmt.Errorf("Unable to resolve WSDL method name %s for namespace name %s", name, start.Name.Space)
			}
			body := reflect.New(t)
			if err := d.DecodeElement(body.Interface(), &start); err != nil {
				return name, ref{}, nil, fmt.Errorf("while parsing call %s: %w", name, err)
			}
			this := body.Elem().FieldByName("This")
			if !this.IsValid() {
				return name, ref{}, nil, fmt.Errorf("%s is not a method", name)
			}
			return name, this.Interface().(ref), body.Interface(), nil
		}
	}
}

const envelopeOpen = xml.Header + `<soapenv:Envelope xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"` +
	` xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema"` +
	` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` + "\n<soapenv:Body>\n"

const envelopeClose = "\n</soapenv:Body>\n</soapenv:Envelope>"

// encodeResult makes the envelope and the HTTP status for a method's result.
func encodeResult(method string, result interface{}) (int, []byte) {
	var out bytes.Buffer
	out.WriteString(envelopeOpen)
	status := 200
	switch r := result.(type) {
	case *fault:
		status = 500
		fmt.Fprint(&out, `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>`)
		_ = xml.EscapeText(&out, []byte(r.text()))
		out.WriteString(`</faultstring><detail>`)
		out.Write(encodeFault(r))
		out.WriteString(`</detail></soapenv:Fault>`)
	case raw:
		fmt.Fprintf(&out, `<%sResponse xmlns="urn:vim25">`, method)
		out.Write(r)
		fmt.Fprintf(&out, `</%sResponse>`, method)
	default:
		fmt.Fprintf(&out, `<%sResponse xmlns="urn:vim25">`, method)
		out.Write(encodeFields(result))
		fmt.Fprintf(&out, `</%sResponse>`, method)
	}
	out.WriteString(envelopeClose)
	return status, out.Bytes()
}

func encodeFault(f *fault) []byte {
	detail := f.detail
	if detail == nil {
		detail = &types.SystemError{Reason: f.message}
	}
	name := reflect.TypeOf(detail).Elem().Name()
	inner := encodeFields(detail)
	return []byte(fmt.Sprintf(`<%sFault xmlns="urn:vim25" xsi:type="%s">%s</%sFault>`, name, name, inner, name))
}

// encodeFields encodes what is inside a struct's element.
func encodeFields(value interface{}) []byte {
	var out bytes.Buffer
	if err := xml.NewEncoder(&out).EncodeElement(value, xml.StartElement{Name: xml.Name{Local: "r"}}); err != nil {
		panic(err)
	}
	b := bytes.TrimSuffix(out.Bytes(), []byte("</r>"))
	return shortPrefix(b[bytes.IndexByte(b, '>')+1:])
}

// fromLibrary turns the library's answer into a result.
func fromLibrary(body soap.HasFault) interface{} {
	if f := body.Fault(); f != nil {
		detail, _ := f.VimFault().(types.BaseMethodFault)
		if detail == nil {
			return &fault{message: f.String}
		}
		return &fault{detail: detail, message: f.String}
	}
	return reflect.ValueOf(body).Elem().FieldByName("Res").Interface()
}

// faultName is "" for anything but a fault.
func faultName(result interface{}) string {
	if f, ok := result.(*fault); ok {
		return f.name()
	}
	return ""
}
