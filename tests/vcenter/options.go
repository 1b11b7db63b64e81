package main

import (
	"flag"
	"fmt"
	"net"
	"strings"
)

type options struct {
	listen, control  string
	plain            bool
	cert, key        string
	certOut, badCert string
	inventory, users string
	user             userFlags
	generate         int
	seed             int64
	identitySeed     string
	taskStart        int
	clusters         int
	ledger           string
	apiVersion       string
	stdinLeash       bool
	settings         settings
	noUserPrivileges bool
}

// userFlags collects --user NAME:PASSWORD:ROLE; a role is granted on everything.
type userFlags []string

func (u *userFlags) String() string     { return strings.Join(*u, " ") }
func (u *userFlags) Set(s string) error { *u = append(*u, s); return nil }

func parseOptions() (*options, error) {
	o := &options{}
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback `address` of the vCenter; port 0 picks one")
	flag.StringVar(&o.control, "control", "127.0.0.1:0", "loopback `address` of the plain HTTP control listener")
	flag.BoolVar(&o.plain, "plain", false, "serve without TLS")
	flag.StringVar(&o.cert, "cert", "", "server certificate `file` (PEM), instead of one made at start")
	flag.StringVar(&o.key, "key", "", "its private key `file`")
	flag.StringVar(&o.certOut, "cert-out", "", "write the authority to trust to this `file`")
	flag.StringVar(&o.badCert, "bad-cert", "", "serve a certificate that is wrong: "+strings.Join(badCertificates, ", "))
	flag.StringVar(&o.inventory, "inventory", "", "JSON inventory `file`")
	flag.Var(&o.user, "user", "add a login `name:password:role`; may be repeated")
	flag.IntVar(&o.generate, "generate", 0, "invent this many machines")
	flag.Int64Var(&o.seed, "seed", 1, "which machines are invented")
	flag.StringVar(&o.identitySeed, "identity-seed", "", "same UUIDs and MoRefs at every start with this `word`; random without")
	flag.IntVar(&o.taskStart, "task-start", 0, "number of the first task; random without")
	flag.IntVar(&o.clusters, "clusters", 2, "number of clusters, three hosts each")
	flag.StringVar(&o.ledger, "ledger", "", "append the ledger of mutating calls to this `file`")
	flag.StringVar(&o.apiVersion, "api-version", "7.0.3.0", "the API `version` that the server claims")
	flag.BoolVar(&o.stdinLeash, "stdin-leash", false, "end when standard input is closed")
	flag.IntVar(&o.settings.TaskMs, "task-ms", 0, "every task takes this many milliseconds; 0: finished when the call returns")
	flag.IntVar(&o.settings.GuestShutdownMs, "guest-shutdown-ms", 200, "a guest takes this long to shut down; -1 never does")
	flag.IntVar(&o.settings.PageSize, "page-size", 1000, "most objects in one answer; 0 no limit")
	flag.BoolVar(&o.settings.TasksCancelable, "tasks-cancelable", true, "running tasks can be cancelled")
	flag.BoolVar(&o.noUserPrivileges, "no-user-privileges", false, "lack HasUserPrivilegeOnEntities, as servers before 6.5")
	flag.Parse()
	if flag.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	for _, address := range []string{o.listen, o.control} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
			return nil, fmt.Errorf("%s is not a loopback address", address)
		}
	}
	o.settings.UserPrivileges = !o.noUserPrivileges
	o.settings.GoneEntityInFilter, o.settings.Unreadable, o.settings.RetrieveWithout = "ok", "not_found", "missing_set"
	return o, nil
}

// addUsers adds the logins given by --user, or an administrator where nothing names any.
func (v *vcenter) addUsers() error {
	list := v.opts.user
	if len(list) == 0 && len(v.rights.passwords) == 0 {
		list = userFlags{"administrator@vsphere.local:VMware1!:Admin"}
	}
	inv := &inventory{}
	for _, entry := range list {
		role := strings.LastIndexByte(entry, ':')
		name := strings.IndexByte(entry, ':')
		if name <= 0 || role == name {
			return fmt.Errorf("--user %q is not name:password:role", entry)
		}
		inv.Users = append(inv.Users, userSpec{entry[:name], entry[name+1 : role]})
		inv.Permissions = append(inv.Permissions, permissionSpec{On: "/", Principal: entry[:name], Role: entry[role+1:]})
	}
	return v.load(inv)
}
