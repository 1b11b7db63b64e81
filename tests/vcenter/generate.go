package main

import (
	"fmt"
	"math/rand"
	"strings"
	"time"
)

// generate invents machines that look like those of a company. The same seed
// and number give the same ones; identities come from elsewhere.
func generate(n int, seed int64, epoch time.Time) []machineSpec {
	g := &generator{rng: rand.New(rand.NewSource(seed)), used: make(map[string]int), epoch: epoch}
	machines := make([]machineSpec, 0, n)
	for i := 0; i < n; i++ {
		machines = append(machines, g.machine(i))
	}
	return machines
}

type generator struct {
	rng   *rand.Rand
	used  map[string]int
	epoch time.Time
}

var (
	windowsRoles = []string{"sql", "iis", "file", "print", "exch", "rds", "sccm", "app"}
	linuxRoles   = []string{"web", "app", "db", "mq", "cache", "build", "log", "k8s", "mon", "git"}
	otherRoles   = []string{"fw", "lb", "appliance"}
	stages       = []string{"prod", "prod", "prod", "test", "dev", "stage"}
	departments  = []string{"fin", "hr", "crm", "erp", "shop", "lab", "it"}
	windowsIDs   = []string{"windows2019srv_64Guest", "windows2019srv_64Guest", "windows9Server64Guest", "windows2019srvNext_64Guest"}
	linuxIDs     = []string{"rhel8_64Guest", "rhel8_64Guest", "ubuntu64Guest", "ubuntu64Guest", "debian11_64Guest", "sles15_64Guest", "rhel7_64Guest"}
	otherIDs     = []string{"freebsd12_64Guest", "otherGuest64"}
	owners       = []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"}
)

func (g *generator) pick(list []string) string { return list[g.rng.Intn(len(list))] }

func (g *generator) chance(percent int) bool { return g.rng.Intn(100) < percent }

func (g *generator) machine(i int) machineSpec {
	var m machineSpec
	role := ""
	family := ""
	switch kind := g.rng.Intn(100); {
	case kind < 40:
		role, m.GuestID, family = g.pick(windowsRoles), g.pick(windowsIDs), "Windows"
	case kind < 94:
		role, m.GuestID, family = g.pick(linuxRoles), g.pick(linuxIDs), "Linux"
	default:
		role, m.GuestID, family = g.pick(otherRoles), g.pick(otherIDs), "Appliances"
	}
	stage, department := g.pick(stages), g.pick(departments)
	second := stage
	if family == "Windows" {
		second = department
	}
	stem := role + "-" + second
	g.used[stem]++
	m.Name = fmt.Sprintf("%s-%02d", stem, g.used[stem])
	m.Folder = strings.Title(stage) + "/" + family + "/" + strings.ToUpper(department)
	m.CPUs, m.MemoryMB = 1<<g.rng.Intn(4), 2048<<g.rng.Intn(5)
	m.Created = g.epoch.Add(-time.Duration(g.rng.Intn(5*365*24)) * time.Hour).Format(time.RFC3339)
	m.Booted = g.epoch.Add(-time.Duration(g.rng.Intn(90*24)) * time.Hour).Format(time.RFC3339)
	m.Power, m.Tools = "on", toolsRunning
	if g.chance(8) {
		m.Power = "off"
	}
	if g.chance(4) || family == "Appliances" && g.chance(50) {
		m.Tools = toolsNotInstalled
	} else if g.chance(3) {
		m.Tools = toolsNotRunning
	}
	g.address(&m, i)
	for d := g.rng.Intn(3); d >= 0; d-- {
		m.Disks = append(m.Disks, diskSpec{SizeGB: 20 << g.rng.Intn(4)})
	}
	owner := g.pick(owners)
	m.Attributes = map[string]string{"owner": owner}
	if g.chance(60) {
		m.Annotation = fmt.Sprintf("%s of %s, %s. Ask %s@corp.example.test", strings.ToUpper(role), strings.ToUpper(department), stage, owner)
	}
	m.Tags = []string{"Environment:" + stage}
	if g.chance(50) {
		m.Tags = append(m.Tags, "Department:"+department)
	}
	if g.chance(6) {
		m.Snapshots = []snapshotSpec{{Name: "before patching", Description: "by " + owner}}
	}
	return m
}

// address gives every machine an address of its own in 10.0.0.0/8, and some of them more.
func (g *generator) address(m *machineSpec, i int) {
	if m.Tools == toolsNotInstalled {
		return
	}
	a, b, c := 1+i/62500, i/250%250, 1+i%250
	m.IPs = []string{fmt.Sprintf("10.%d.%d.%d", a, b, c)}
	if g.chance(10) {
		m.IPs = append(m.IPs, fmt.Sprintf("172.%d.%d.%d", 15+a, b, c))
	}
	if g.chance(15) {
		m.IPs = append(m.IPs, fmt.Sprintf("2001:db8:%x:%x::%x", a, b, c))
	}
	m.HostName = m.Name + ".corp.example.test"
	if strings.HasPrefix(m.GuestID, "windows") && g.chance(30) {
		m.HostName = strings.ToUpper(m.Name) + ".corp.example.test"
	}
}
