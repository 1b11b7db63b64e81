package main

import (
	crypto "crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
)

// identity gives out what makes one vCenter differ from another: its own UUID,
// the UUIDs of its machines, and where its object numbers start. The library
// derives all of these from names and counters, so that two servers would look
// like one and a machine like its namesake.
type identity struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newIdentity(seed string) *identity {
	h := fnv.New64a()
	if seed == "" {
		var random [8]byte
		if _, err := crypto.Read(random[:]); err != nil {
			panic(err)
		}
		_, _ = h.Write(random[:])
		return &identity{rng: rand.New(rand.NewSource(int64(binary.LittleEndian.Uint64(random[:]))))}
	}
	_, _ = h.Write([]byte(seed))
	return &identity{rng: rand.New(rand.NewSource(int64(h.Sum64())))}
}

func (i *identity) uuid() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var b [16]byte
	_, _ = i.rng.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (i *identity) between(low, high int) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return low + i.rng.Intn(high-low)
}

// skipNumbers moves the library's object counter on; it has no other way in.
func skipNumbers(n int) {
	scratch := &simulator.Folder{Folder: mo.Folder{}}
	for ; n > 0; n-- {
		simulator.Map.NewEntity(scratch)
	}
}
