package main

import (
	"fmt"
	"strings"
	"sync"
)

// tagStore holds categories, tags and what they are attached to.
type tagStore struct {
	mu         sync.Mutex
	identity   *identity
	categories map[string]*category
	tags       map[string]*tag
	attached   map[ref][]string // tag ids
	tokens     map[string]string
}

type category struct {
	ID              string   `json:"id"`
	Name            string   `json:"name"`
	Description     string   `json:"description"`
	Cardinality     string   `json:"cardinality"`
	AssociableTypes []string `json:"associable_types"`
	UsedBy          []string `json:"used_by"`
}

type tag struct {
	ID          string   `json:"id"`
	CategoryID  string   `json:"category_id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	UsedBy      []string `json:"used_by"`
}

func newTagStore(i *identity) *tagStore {
	return &tagStore{identity: i, categories: map[string]*category{}, tags: map[string]*tag{}, attached: map[ref][]string{}, tokens: map[string]string{}}
}

func (t *tagStore) addCategory(name, description, cardinality string) *category {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.categoryNamed(name, description, cardinality)
}

func (t *tagStore) categoryNamed(name, description, cardinality string) *category {
	for _, c := range t.categories {
		if c.Name == name {
			return c
		}
	}
	if cardinality == "" {
		cardinality = "MULTIPLE"
	}
	c := &category{ID: "urn:vmomi:InventoryServiceCategory:" + t.identity.uuid() + ":GLOBAL", Name: name, Description: description,
		Cardinality: cardinality, AssociableTypes: []string{}, UsedBy: []string{}}
	t.categories[c.ID] = c
	return c
}

func (t *tagStore) tagNamed(categoryID, name string) *tag {
	for _, g := range t.tags {
		if g.CategoryID == categoryID && g.Name == name {
			return g
		}
	}
	g := &tag{ID: "urn:vmomi:InventoryServiceTag:" + t.identity.uuid() + ":GLOBAL", CategoryID: categoryID, Name: name, UsedBy: []string{}}
	t.tags[g.ID] = g
	return g
}

// attachByName takes "Category:Tag" and makes both where they are missing.
func (t *tagStore) attachByName(name string, to ref) error {
	parts := strings.SplitN(name, ":", 2)
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" {
		return fmt.Errorf("tag %q is not Category:Tag", name)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attach(t.tagNamed(t.categoryNamed(parts[0], "", "").ID, parts[1]).ID, to)
	return nil
}

func (t *tagStore) attach(id string, to ref) {
	for _, have := range t.attached[to] {
		if have == id {
			return
		}
	}
	t.attached[to] = append(t.attached[to], id)
}

func (t *tagStore) detach(id string, from ref) {
	var kept []string
	for _, have := range t.attached[from] {
		if have != id {
			kept = append(kept, have)
		}
	}
	t.attached[from] = kept
}

func (t *tagStore) detachAll(from ref) { t.forget(from) }

func (t *tagStore) forget(r ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.attached, r)
}

// names lists an object's tags as "Category:Tag".
func (t *tagStore) names(r ref) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for _, id := range t.attached[r] {
		g := t.tags[id]
		all = append(all, t.categories[g.CategoryID].Name+":"+g.Name)
	}
	return all
}
