// Command test-vcenter is a vCenter on loopback for the tests and the demo: the
// inventory and calls of govmomi's simulator behind a front of our own.
package main

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator/vpx"
	"github.com/vmware/govmomi/vim25/types"
)

func main() {
	o, err := parseOptions()
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "test-vcenter:", err)
		os.Exit(1)
	}
}

func randomUUID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func run(o *options) error {
	stop := make(chan os.Signal, 2)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	log.SetOutput(io.Discard) // the library talks about everything
	sweep()
	scratch, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", scratchPrefix, os.Getpid()))
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	os.Setenv("TMPDIR", scratch) // the library makes a folder for each datastore
	v, err := newVCenter(o)
	if err != nil {
		return err
	}
	if err := v.listen(); err != nil {
		return err
	}
	if o.stdinLeash {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop <- syscall.SIGTERM
		}()
	}
	<-stop
	return nil
}

const scratchPrefix = "test-vcenter-"

// sweep removes what servers left behind that were killed.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*"))
	for _, path := range left {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(path), scratchPrefix+"%d-", &pid); err == nil && syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.RemoveAll(path)
		}
	}
}

// newVCenter makes a server with its inventory, not yet listening.
func newVCenter(o *options) (*vcenter, error) {
	v := &vcenter{opts: *o, settings: o.settings, facts: make(map[ref]*guestFacts), values: newValueCache(), sessions: newSessionTable(),
		rights: newRights(), rules: newRuleSet(), calls: &callCounter{counts: make(map[string]int)}, identity: newIdentity(o.identitySeed)}
	v.changes = newChangeLog(v.values)
	v.tags = newTagStore(v.identity)
	v.byType, v.byMethod = v.typeHandlers(), v.methodHandlers()
	var err error
	if v.ledger, err = openLedger(o.ledger); err != nil {
		return nil, err
	}
	v.content.About = about(o.apiVersion, v.identity.uuid())
	first := o.taskStart
	if first == 0 {
		first = newIdentity("").between(100, 90000) // a restarted server goes on counting elsewhere
	}
	v.tasks = newTaskTable(first)
	if err := v.build(o.clusters); err != nil {
		return nil, err
	}
	skipNumbers(v.identity.between(1000, 50000))
	inv := &inventory{}
	if o.inventory != "" {
		if inv, err = readInventory(o.inventory); err != nil {
			return nil, err
		}
	}
	epoch := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // fixed, so that a seed means the same machines for ever
	inv.VMs = append(inv.VMs, generate(o.generate, o.seed, epoch)...)
	if err := v.load(inv); err != nil {
		return nil, err
	}
	return v, v.addUsers()
}

func about(version, uuid string) types.AboutInfo {
	a := vpx.ServiceContent.About
	a.ApiVersion, a.InstanceUuid = version, uuid
	a.Version, a.Build = version, "20051473"
	if len(version) > 5 {
		a.Version = version[:5]
	}
	a.FullName = "VMware vCenter Server " + a.Version + " build-" + a.Build
	return a
}

type ready struct {
	URL          string `json:"url"`
	Control      string `json:"control"`
	PID          int    `json:"pid"`
	Thumbprint   string `json:"thumbprint"`
	InstanceUUID string `json:"instance_uuid"`
}

// listen opens both listeners and prints the one line that says where they are.
func (v *vcenter) listen() error {
	cert, err := v.certificate()
	if err != nil {
		return err
	}
	scheme, config := "https", &tls.Config{Certificates: []tls.Certificate{cert.server}, MinVersion: tls.VersionTLS12}
	if v.opts.plain {
		scheme, config = "http", nil
	}
	// Without a TLS configuration of its own the server speaks HTTP/1.1 only, as a vCenter's SDK does.
	if v.door, err = openDoor(v.opts.listen, config, &http.Server{Handler: v.routes(), ErrorLog: log.Default()}); err != nil {
		return err
	}
	side, err := net.Listen("tcp", v.opts.control)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(side, v.controlRoutes()) }()
	line, err := json.Marshal(ready{scheme + "://" + v.door.address + "/sdk", "http://" + side.Addr().String() + "/_control",
		os.Getpid(), cert.thumbprint(), v.content.About.InstanceUuid})
	fmt.Println(string(line))
	return err
}

func (v *vcenter) certificate() (*issued, error) {
	var cert *issued
	var err error
	if v.opts.cert != "" {
		cert, err = loadCertificate(v.opts.cert, v.opts.key)
	} else {
		cert, err = issue(v.opts.badCert)
	}
	if err == nil && v.opts.certOut != "" {
		err = os.WriteFile(v.opts.certOut, cert.authority, 0o644)
	}
	return cert, err
}

func (v *vcenter) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/sdk", v.serveSOAP)
	mux.HandleFunc("/sdk/", v.serveSOAP)
	mux.HandleFunc("/sdk/vimServiceVersions.xml", v.serveVersions)
	mux.HandleFunc("/sdk/vimService", v.serveSOAP)
	mux.Handle("/_control/", v.controlRoutes())
	mux.HandleFunc("/rest/", v.serveTagging)
	mux.HandleFunc("/api/", v.serveTagging)
	return mux
}
