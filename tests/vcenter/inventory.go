package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

// inventory is what --inventory reads, and what the control API shows, exports and imports.
type inventory struct {
	Users       []userSpec            `json:"users,omitempty"`
	Groups      map[string][]string   `json:"groups,omitempty"`
	Roles       map[string][]string   `json:"roles,omitempty"`
	Permissions []permissionSpec      `json:"permissions,omitempty"`
	Categories  map[string]categories `json:"categories,omitempty"`
	Attributes  []string              `json:"attributes,omitempty"`
	Folders     []string              `json:"folders,omitempty"`
	VMs         []machineSpec         `json:"vms,omitempty"`
}

type userSpec struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

type categories struct {
	Cardinality string `json:"cardinality,omitempty"` // SINGLE or MULTIPLE
	Description string `json:"description,omitempty"`
}

// permissionSpec grants a role. On is "/" (everything), "/Folder/Below", or the name or MoRef of a machine.
type permissionSpec struct {
	On        string `json:"on,omitempty"`
	Principal string `json:"principal"`
	Group     bool   `json:"group,omitempty"`
	Role      string `json:"role"`
	Propagate *bool  `json:"propagate,omitempty"` // true unless said otherwise
}

type machineSpec struct {
	Name       string            `json:"name"`
	Folder     string            `json:"folder,omitempty"` // path below the datacenter's vm folder
	Cluster    string            `json:"cluster,omitempty"`
	GuestID    string            `json:"guest_id,omitempty"`
	GuestName  string            `json:"guest_name,omitempty"`
	ToolsGuest string            `json:"tools_guest_id,omitempty"` // what the tools say the guest is, if not guest_id
	IPs        []string          `json:"ips,omitempty"`
	HostName   string            `json:"host_name,omitempty"`
	Tools      string            `json:"tools,omitempty"` // running, not_running, not_installed
	Power      string            `json:"power,omitempty"` // on, off, suspended
	Annotation string            `json:"annotation,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Tags       []string          `json:"tags,omitempty"` // "Category:Tag"
	CPUs       int               `json:"cpus,omitempty"`
	MemoryMB   int               `json:"memory_mb,omitempty"`
	Disks      []diskSpec        `json:"disks,omitempty"`
	Template   bool              `json:"template,omitempty"`
	ManagedBy  *managedBySpec    `json:"managed_by,omitempty"`
	Snapshots  []snapshotSpec    `json:"snapshots,omitempty"`
	ACL        []permissionSpec  `json:"acl,omitempty"`
	Created    string            `json:"created,omitempty"` // RFC 3339
	Booted     string            `json:"booted,omitempty"`
	ShutdownMs *int              `json:"shutdown_ms,omitempty"` // how long the guest takes; -1 never

	InstanceUUID string `json:"instance_uuid,omitempty"`
	BiosUUID     string `json:"bios_uuid,omitempty"`
	MoRef        string `json:"moref,omitempty"` // shown; read only where it is asked for
}

type managedBySpec struct {
	Extension string `json:"extension"`
	Type      string `json:"type"`
}

type snapshotSpec struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Children    []snapshotSpec `json:"children,omitempty"`
}

type diskSpec struct {
	SizeGB  int      `json:"size_gb"`
	File    string   `json:"file,omitempty"`    // "[datastore] path.vmdk"; below the machine's folder unless given
	Backing string   `json:"backing,omitempty"` // flat (default), sesparse, rdm_virtual, rdm_physical
	Mode    string   `json:"mode,omitempty"`    // persistent (default), independent_persistent, …
	Sharing string   `json:"sharing,omitempty"` // multi_writer
	Thick   bool     `json:"thick,omitempty"`
	FCD     string   `json:"fcd_id,omitempty"`  // first-class disk, as CNS makes them
	Parents []string `json:"parents,omitempty"` // files of the backing chain, nearest first
	LUN     string   `json:"lun_uuid,omitempty"`
}

const (
	toolsRunning      = "running"
	toolsNotRunning   = "not_running"
	toolsNotInstalled = "not_installed"
)

var uuidForm = regexp.MustCompile(`^$|^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// readInventory reads a file; a key that it does not know is an error.
func readInventory(path string) (*inventory, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var inv inventory
	if err := decodeStrictly(text, &inv); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &inv, nil
}

func decodeStrictly(text []byte, into interface{}) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func (m *machineSpec) defaults() {
	if m.GuestID == "" {
		m.GuestID = "otherGuest64"
	}
	if m.GuestName == "" {
		m.GuestName = guestNames[m.GuestID]
	}
	if m.GuestName == "" {
		m.GuestName = m.GuestID
	}
	if m.Power == "" {
		m.Power = "on"
		if m.Template {
			m.Power = "off"
		}
	}
	if m.Tools == "" {
		m.Tools = toolsNotInstalled
		if m.HostName != "" || len(m.IPs) > 0 {
			m.Tools = toolsRunning
		}
	}
	if m.CPUs == 0 {
		m.CPUs = 2
	}
	if m.MemoryMB == 0 {
		m.MemoryMB = 4096
	}
	if len(m.Disks) == 0 {
		m.Disks = []diskSpec{{SizeGB: 40}}
	}
}

func (m *machineSpec) check() error {
	switch {
	case m.Name == "":
		return fmt.Errorf("a machine has no name")
	case m.Tools != toolsRunning && m.Tools != toolsNotRunning && m.Tools != toolsNotInstalled:
		return fmt.Errorf("%s: tools %q is not running, not_running or not_installed", m.Name, m.Tools)
	case powerStates[m.Power] == "":
		return fmt.Errorf("%s: power %q is not on, off or suspended", m.Name, m.Power)
	case !uuidForm.MatchString(m.InstanceUUID) || !uuidForm.MatchString(m.BiosUUID):
		return fmt.Errorf("%s: a UUID has 32 hexadecimal digits and four dashes", m.Name)
	case m.Template && m.Power != "off":
		return fmt.Errorf("%s: a template is off", m.Name)
	}
	for _, d := range m.Disks {
		switch d.Backing {
		case "", "flat", "sesparse", "rdm_virtual", "rdm_physical":
		default:
			return fmt.Errorf("%s: disk backing %q is not known", m.Name, d.Backing)
		}
	}
	return nil
}
